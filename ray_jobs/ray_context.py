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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from methods.errors import InputError
from ray_jobs.bytecode import keep_bytecode

logger = logging.getLogger(__name__)

_EXTRA_SLOTS = 3
_CLUSTER_CPUS = 3
_CORES_PER_REPLICA = 8
_STARTED_CORES: list[int] = []
_CHANGED = (
    *("checkpoint_config", "use_datasource_v2", "max_errored_blocks"),
    *("enable_progress_bars", "enable_operator_progress_bars", "print_on_execution_start"),
)


@dataclass(frozen=True)
class Capacity:
    """What the cluster has for us.

    Attributes:
        cores: CPU cores that are really there.
        gpus: GPUs.
        nodes: machines.
    """

    cores: int
    gpus: int
    nodes: int


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
    resources = ray.cluster_resources()
    cpus = int(resources.get("CPU", 0))
    nodes = sum(1 for node in ray.nodes() if node["Alive"])
    if not _STARTED_CORES and 0 < cpus < _CLUSTER_CPUS:
        raise InputError(
            f"the Ray cluster has {cpus} CPUs; a labelling job needs at least {_CLUSTER_CPUS} (one "
            "each for reading, decoding and writing): start it with more, e.g. "
            "ray start --num-cpus 8"
        )
    return Capacity(
        cores=_STARTED_CORES[0] if _STARTED_CORES else max(1, cpus),
        gpus=int(resources.get("GPU", 0)),
        nodes=nodes,
    )


def _start_here(options: dict[str, Any]) -> None:
    import ray

    # Ray's core prints a warning as an error for every actor pool of Ray Data
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # decode tasks share the cores with torch: its threads should neither spin nor be the nicest
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("RAY_worker_niceness", "0")
    keep_bytecode()
    cores = len(os.sched_getaffinity(0))
    slots = cores + _EXTRA_SLOTS
    with quiet_native_code():
        ray.init(address="local", num_cpus=slots, include_dashboard=False, **options)
    _STARTED_CORES[:] = [cores]


@contextmanager
def quiet_native_code() -> Iterator[None]:
    """Drop what Ray's core says on standard error; what goes wrong comes as an exception."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@dataclass(frozen=True)
class ReplicaPlan:
    """How many replicas of a model, and what each takes.

    Attributes:
        replicas: actors in the pool.
        gpus: GPUs of each, fractions allowed; 0 on a CPU.
        threads: CPU threads of each, None on a GPU.
    """

    replicas: int
    gpus: float
    threads: int | None

    @property
    def device(self) -> str:
        """The torch device a replica works on; Ray may leave GPUs visible that are not its own."""
        return "cuda" if self.gpus else "cpu"

    def actor_options(self) -> dict[str, Any]:
        """Resources for ``map_batches``.

        CPU replicas take no logical CPU: they must not starve reading and writing of their slots,
        and a shape of their own keeps Ray from fusing decoding into them.
        """
        return {"num_gpus": self.gpus, "num_cpus": 1} if self.gpus else {"num_cpus": 0}


def plan_replicas(capacity: Capacity, replicas: int | None, gpus: float | None) -> ReplicaPlan:
    """Choose replicas, their GPUs and threads from what is there and what the user set.

    Raises:
        InputError: GPUs are asked for that the cluster does not have.
    """
    if gpus is None:
        gpus = 1.0 if capacity.gpus else 0.0
    if gpus > capacity.gpus:
        raise InputError(f"--clip-gpus {gpus}: the cluster has {capacity.gpus} GPUs")
    if gpus:
        return ReplicaPlan(replicas or max(1, int(capacity.gpus / gpus)), gpus, None)
    replicas = replicas or max(1, capacity.cores // _CORES_PER_REPLICA)
    return ReplicaPlan(replicas, 0.0, max(1, capacity.cores // replicas))


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
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    # small archives have fewer units of work than a pass may run at once, which is no news
    warnings.filterwarnings("ignore", "The maximum number of concurrent tasks", UserWarning)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
