"""Ray on a laptop or a cluster, and the settings every pass of Ray Data gets.

On a cluster (``RAY_ADDRESS``, which a submitted job has as well, or ``ray start`` on this machine)
the job joins it. Otherwise Ray starts here with three logical CPUs more than there are cores:
reading, writing and the checkpoint filter each need a slot beside the decode tasks, and with two
slots on two cores a pipeline would wait for ever. Every slot can become a worker process of some
200 MB that takes seconds to start, so there are no more. How many decode tasks and model threads
really run is set from the cores.

What Ray writes to the console is Ray's affair, with three exceptions, all undone after a pass: its
progress bars are off, since `ray_jobs.passes.follow` says how far a job is; its progress in words
is left out unless `set_verbose` asks for it; and the command line, on a Ray that it has started for
itself, also leaves out errors, which it tells in a line of its own. On a cluster Ray Data's errors
are always written.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from actors.compat import ray as ray_compat
from actors.compat.ray_processes import (
    end_processes_below,
    hold_processes_below,
    name_process,
    ours_first,
)
from actors.cores import short_spin, usable_cores
from actors.s3_settings import VARIABLE, current_words
from methods.errors import InputError
from ray_jobs.failures import RESUME
from ray_jobs.passes.cluster import ClusterWatch, check_cluster, find_cluster, unanswered
from ray_jobs.stopping import ENDING, kept_handlers

logger = logging.getLogger("onoma")

_EXTRA_SLOTS = 3
_START_ATTEMPTS = 3
_CLUSTER_CPUS = 3
_BUILT_IN = {"CPU", "GPU", "memory", "object_store_memory"}
_STARTED_CORES: list[int] = []
_VERBOSE: list[bool] = []
_WATCHES: list[ClusterWatch] = []
_CHILDREN: list[Callable[[], None]] = []


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
    """Say, for the command line, whether the libraries' own logs are wanted (``--verbose``).

    A process that never calls it is not the command line: nothing of Ray's is hidden there but its
    progress in words.
    """
    _VERBOSE[:] = [flag]


def verbose() -> bool:
    """Whether the libraries' own logs were asked for."""
    return _VERBOSE == [True]


def started_here() -> bool:
    """Whether `start_ray` has started a Ray on this machine, rather than joined one."""
    return bool(_STARTED_CORES)


def start_ray(*, here: bool = False) -> Capacity:
    """Join the cluster that is there, or start Ray on this machine; calling it twice is fine.

    Args:
        here: start one on this machine, whatever there is to join, for an endpoint.

    Raises:
        InputError: the cluster does not answer, or has too few CPUs for a pipeline of several
            stages.
    """
    import ray

    if not ray.is_initialized():
        _STARTED_CORES.clear()  # one that a caller has shut down is not there any more
        address, source = (None, "") if here else find_cluster()
        name_process()
        with kept_handlers():
            if address is None:
                with nullcontext() if here else short_spin():
                    _start_here()
            else:
                _join(address, source)
        _watch()
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


def _join(address: str, source: str) -> None:
    import ray

    check_cluster(address, source)
    try:
        ray.init(address=address, **ours_first(), **_s3_words(), **_logging_options())
    except ConnectionError as error:
        raise InputError(unanswered(address, source)) from error
    logger.info("joined the Ray cluster %s (%s)", address, source)


def _watch() -> None:
    """On the command line, end the job when its cluster goes away; Ray's core would abort it."""
    import ray

    if _VERBOSE:
        address = ray.get_runtime_context().gcs_address
        _WATCHES.append(ClusterWatch(address, _say_gone))


def _say_gone(address: str) -> None:
    import ray

    if ray.is_initialized():
        sentence = f"the Ray cluster {address} is gone, nothing answers there"
        ENDING.end(f"failed: {sentence}; {RESUME}", 1)


def _unwatch() -> None:
    while _WATCHES:
        _WATCHES.pop().end()


def _start_here() -> None:
    import ray

    if _is_quiet_console():
        ray_compat.set_environment("own console")
    if _VERBOSE:
        _forget_children()  # of a Ray that was shut down by somebody else
        _CHILDREN.append(ENDING.with_children(hold_processes_below, end_processes_below))
    cores = usable_cores()
    with quiet_ray():
        for left in range(_START_ATTEMPTS - 1, -1, -1):
            try:
                ray.init(
                    address="local",
                    num_cpus=cores + _EXTRA_SLOTS,
                    include_dashboard=False,
                    **ours_first(),
                    **_logging_options(),
                )
                break
            except Exception as error:
                # its processes have half a minute to answer, too short on a machine under load
                if not left or not ray_compat.is_slow_start(error):
                    raise
                ray.shutdown()
    _STARTED_CORES[:] = [cores]


def _forget_children() -> None:
    while _CHILDREN:
        _CHILDREN.pop()()


def _logging_options() -> dict[str, Any]:
    """How ``ray.init`` logs: what workers print is in the session's files unless it is wanted."""
    if _is_quiet_console():
        return {"log_to_driver": False, "logging_level": logging.ERROR}
    return {"log_to_driver": verbose()}


def _s3_words() -> dict[str, Any]:
    """How S3 is asked, for workers on other machines; credentials are found over there."""
    words = current_words()
    return {"runtime_env": {"env_vars": {VARIABLE: words}}} if words else {}


def _with_growth(resources: Mapping[str, float]) -> dict[str, float]:
    """Resources that are there, or that an autoscaled cluster can come to have."""
    most = ray_compat.most_resources()
    return {name: max(resources.get(name, 0), most.get(name, 0)) for name in {*resources, *most}}


def _is_custom(name: str) -> bool:
    return name not in _BUILT_IN and not name.startswith(("node:", "accelerator_type:"))


def leave_ray() -> None:
    """Leave Ray, of which nothing is left behind; this process has to end right after.

    What was started here is ended where it is. ``ray.shutdown`` is not used: it takes a second in
    which a signal ends this process without a word, since Ray's core drops the handler first, and
    it hangs or crashes after some failures. A cluster sees that its driver is gone and takes back
    what the job had.
    """
    _unwatch()
    if _STARTED_CORES:
        end_processes_below()


def _is_quiet_console() -> bool:
    """Whether this is the command line, without ``--verbose``."""
    return _VERBOSE == [False]


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Drop what Ray writes to standard error and output while it starts and ends.

    Only on the command line without ``--verbose``, where what goes wrong comes as an exception.
    """
    if not _is_quiet_console():
        yield
        return
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


@contextmanager
def pass_settings(checkpoint: str | None) -> Iterator[None]:
    """Set Ray Data's context and loggers for one pass, and put them back after.

    Args:
        checkpoint: folder of Ray Data's job checkpoint, or None for a pass without one.
    """
    with ExitStack() as stack:
        stack.enter_context(
            ray_compat.data_settings(
                checkpoint_config=None if checkpoint is None else _checkpoint_config(checkpoint),
                # the newer reader starts 32 actors to read footers: 20 s on two cores, for a file
                # or two
                use_datasource_v2=False,
                max_errored_blocks=0,  # a block dropped in silence is rows lost
                enable_progress_bars=False,
                enable_operator_progress_bars=False,
                print_on_execution_start=verbose(),
            )
        )
        if not verbose():
            hidden = _is_quiet_console() and started_here()
            stack.enter_context(ray_compat.calm_data_logs(errors=not hidden))
        yield


def _checkpoint_config(folder: str) -> Any:
    from pyarrow.fs import SubTreeFileSystem
    from ray.data.checkpoint import CheckpointConfig

    from actors import storage

    # Ray reads it as it reads any table: of an absolute path it would take key=value folders for
    # columns, image_id=3 for every id, so it is told no more than the folder's name
    parent, _, name = folder.rpartition("/")
    filesystem, path = storage.resolve(parent)
    config = CheckpointConfig(
        id_column="image_id",
        checkpoint_path=name,
        override_filesystem=SubTreeFileSystem(path, filesystem),
        # kept: without it a finished job that is run again would write every row twice
        delete_checkpoint_on_success=False,
    )
    if started_here():  # one machine: one filter actor, not up to ten of a CPU and 1 GiB each
        ray_compat.limit_checkpoint_actors(config, 1)
    return config
