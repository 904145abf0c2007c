"""Ray on a laptop or a cluster, and the settings every pass of Ray Data gets.

On a cluster (``RAY_ADDRESS``, a submitted job, or ``ray start`` on this machine) the job joins it.
Otherwise Ray starts here with three logical CPUs more than there are cores: reading, writing and
the checkpoint filter each need a slot beside the decode tasks, and with two slots on two cores a
pipeline would wait for ever. Every slot can become a worker process of some 200 MB that takes
seconds to start, so there are no more. How many decode tasks and model threads really run is set
from the cores.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from methods.errors import InputError

logger = logging.getLogger(__name__)

_EXTRA_SLOTS = 3
_CLUSTER_CPUS = 3
_BUILT_IN = {"CPU", "GPU", "memory", "object_store_memory"}
_STARTED_CORES: list[int] = []
_VERBOSE: list[bool] = []
_CHANGED = (
    *("checkpoint_config", "use_datasource_v2", "max_errored_blocks"),
    *("enable_progress_bars", "enable_operator_progress_bars", "print_on_execution_start"),
)


@dataclass(frozen=True)
class Capacity:
    """What the cluster has for us, or grows to where it scales by itself.

    Attributes:
        cores: CPU cores that are really there.
        gpus: GPUs.
        nodes: machines that are there now.
        node_cores: CPU cores of the largest machine; 0 is as many as there are in all.
        custom: custom resources, by name.
    """

    cores: int
    gpus: int
    nodes: int
    node_cores: int = 0
    custom: Mapping[str, float] = field(default_factory=dict)


def set_verbose(flag: bool) -> None:
    """Say, for the command line, whether the libraries' own logs are wanted (``--verbose``)."""
    _VERBOSE[:] = [flag]


def start_ray() -> Capacity:
    """Join the cluster that is there, or start Ray on this machine; calling it twice is fine.

    Raises:
        InputError: the cluster has too few CPUs for a pipeline of several stages.
    """
    import ray

    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if os.environ.get("RAY_ADDRESS") == "local":
                raise ConnectionError("a cluster of our own is wanted")
            ray.init(address="auto", **options)
        except ConnectionError:
            _start_here(options)
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    resources = _with_growth(ray.cluster_resources())
    cpus = int(resources.get("CPU", 0))
    if not _STARTED_CORES and 0 < cpus < _CLUSTER_CPUS:
        raise InputError(
            f"the Ray cluster has {cpus} CPUs; a labelling job needs at least {_CLUSTER_CPUS} (one "
            "each for reading, decoding and writing): start it with more, e.g. "
            "ray start --num-cpus 8"
        )
    cores = _STARTED_CORES[0] if _STARTED_CORES else max(1, cpus)
    return Capacity(
        cores=cores,
        gpus=int(resources.get("GPU", 0)),
        nodes=len(alive),
        node_cores=min(cores, max(int(node.get("CPU", 0)) for node in alive)),
        custom={name: amount for name, amount in resources.items() if _is_custom(name)},
    )


def _with_growth(resources: Mapping[str, float]) -> dict[str, float]:
    """Resources that are there, or that an autoscaled cluster can come to have."""
    from ray._private.state import state  # what Ray Data's own autoscaler asks; nothing public does

    most = state.get_max_resources_from_cluster_config() or {}
    return {name: max(resources.get(name, 0), most.get(name, 0)) for name in {*resources, *most}}


def _is_custom(name: str) -> bool:
    return name not in _BUILT_IN and not name.startswith(("node:", "accelerator_type:"))


def _start_here(options: dict[str, Any]) -> None:
    import ray

    # Ray's core prints a warning as an error for every actor pool of Ray Data
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    cores = len(os.sched_getaffinity(0))
    slots = cores + _EXTRA_SLOTS
    with quiet_ray():
        ray.init(address="local", num_cpus=slots, include_dashboard=False, **options)
    _STARTED_CORES[:] = [cores]


def stop_ray() -> None:
    """End the Ray that was started on this machine; on a cluster there is nothing to do."""
    if not _STARTED_CORES:
        return
    import ray

    ray.shutdown()
    _STARTED_CORES.clear()


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Drop what Ray says on standard error and output; what goes wrong comes as an exception."""
    streams = {1: sys.stdout, 2: sys.stderr}  # its core writes to the descriptors
    for stream in streams.values():
        stream.flush()
    kept, nowhere = {number: os.dup(number) for number in streams}, os.open(os.devnull, os.O_WRONLY)
    for number in streams:
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(kept[number], number)
            os.close(kept[number])
        os.close(nowhere)


def _quiet_console() -> None:
    """Keep Ray Data's errors to its log file: a command that fails says why in one line."""
    logger = logging.getLogger("ray.data")
    logger.setLevel(logging.WARNING)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.addFilter(_no_error)


def _no_error(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR


def _no_cpu_alarm(record: logging.LogRecord) -> bool:
    return "does not have any available CPUs" not in record.getMessage()


@contextmanager
def pass_settings(checkpoint: str | None) -> Iterator[None]:
    """Set Ray Data's context for one pass, and put it back after.

    Args:
        checkpoint: folder of Ray Data's job checkpoint, or None for a pass without one.
    """
    from ray.data import DataContext
    from ray.data.checkpoint import CheckpointConfig

    from actors import storage

    context = DataContext.get_current()
    before = {name: getattr(context, name) for name in _CHANGED}
    # the newer reader starts 32 actors to read footers: 20 s on two cores, for a file or two
    context.use_datasource_v2 = False
    if checkpoint is not None:
        context.checkpoint_config = CheckpointConfig(
            id_column="image_id",
            checkpoint_path=checkpoint,
            override_filesystem=storage.resolve(checkpoint)[0],
            # kept: without it a finished job that is run again would write every row twice
            delete_checkpoint_on_success=False,
        )
        if _STARTED_CORES:  # one machine: one filter actor, not up to ten of a CPU and 1 GiB each
            context.checkpoint_config.checkpoint_actor_pool_max_size = 1
    else:
        context.checkpoint_config = None
    context.max_errored_blocks = 0  # a block dropped in silence is rows lost
    context.enable_progress_bars = sys.stderr.isatty() or bool(os.environ.get("ONOMA_PROGRESS"))
    context.enable_operator_progress_bars = context.enable_progress_bars
    context.print_on_execution_start = False
    _quiet_console()
    # small archives have fewer units of work than a pass may run at once, which is no news
    warnings.filterwarnings("ignore", "The maximum number of concurrent tasks", UserWarning)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    try:
        yield
    finally:
        # true before the first pass of a busy cluster; later the last pass has yet to leave
        logging.getLogger("ray.data.dataset").addFilter(_no_cpu_alarm)
        for name, value in before.items():
            setattr(context, name, value)
