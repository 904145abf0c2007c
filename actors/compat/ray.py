"""What is used of Ray that its public API does not promise; tests/compat/test_ray.py tests each.

Ray is imported by the functions, never by this module: `ENVIRONMENT` must be set before.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

HAPROXY: Final = "RAY_SERVE_ENABLE_HA_PROXY"

ENVIRONMENT: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        # Ray reads these when it is imported
        "import": {
            # under `uv run` every worker would be started through uv, and build an environment of
            # its own (on by default since ray-project/ray#53060; trouble in #50961, #59639)
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
            # a task that takes no GPU keeps CUDA_VISIBLE_DEVICES as it is; Ray warns until this is
            # set, since it will be the default
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            # repeated lines are held back, and would come after a command's last line
            "RAY_DEDUP_LOGS": "0",
        },
        # for a Ray that a command starts for itself, on a console that is kept quiet
        "own console": {
            # Ray's core reports an error for every actor pool of Ray Data, and it is none
            "RAY_BACKEND_LOG_LEVEL": "fatal",
        },
        # Serve behind HAProxy on this machine
        "haproxy": {
            HAPROXY: "1",
            # seconds that an ingress lives on for load balancers elsewhere, 30 by default: the one
            # here hears at once that it goes, and asks another if it is refused
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "3",
        },
        # Ray Train
        "train": {
            # a worker waits for the controller to look before it goes on after a checkpoint; it
            # looks every 2 s by default, longer than an epoch of a prompt takes
            "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
        },
    }
)
"""Environment variables, by what reads them; what the user has set stays."""

SLOW_START: Final = "timed out during startup"
"""What ``ray.init`` says where the processes that it starts do not answer in time."""

CONSOLE_LOGGER: Final = "ray.data"
"""Has the handlers that write to the console and to the session's file."""
PROGRESS_LOGGER: Final = "ray.data._internal.progress"
"""Warns that progress bars are off, whoever turned them off."""
CPU_LOGGER: Final = "ray.data.dataset"
"""Warns, once a process, with `NO_CPUS`."""
SERVE_LOGGER: Final = "ray.serve"
"""Tells of every replica that starts and ends."""
UPLOAD_LOGGER: Final = "ray._private.runtime_env"
"""Tells of every file that a submitted job brings along."""

NO_CPUS: Final = "does not have any available CPUs"
"""Of a warning that is about other users of the cluster; on a Ray of one's own it is the pass
before, whose last tasks have yet to leave."""
FEW_BLOCKS: Final = "The maximum number of concurrent tasks"
"""Of a warning that a pass may run more tasks than there are blocks, as for every small archive."""
NO_AGENT: Final = "No available agent"
"""Of the HTTP error of a cluster that answers, but has just started and takes no job yet."""

PENDING: Final = ".pending.parquet"
"""How a file of a checkpoint ends whose rows are being written; what is before it is how the names
of their files begin."""


def set_environment(group: str, *asked: str) -> None:
    """Set a group of `ENVIRONMENT`, but for what is set already and not ``asked`` for by a flag."""
    for name, value in ENVIRONMENT[group].items():
        os.environ[name] = value if name in asked else os.environ.get(name, value)


def is_slow_start(error: Exception) -> bool:
    """Whether a Ray did not start on this machine because its processes answered too late.

    ``ray.init`` raises a plain Exception, and its half a minute (``Node.start_head_processes``)
    cannot be set.
    """
    return SLOW_START in str(error)


def started_address() -> str | None:
    """The address that ``ray start`` left on this machine, None if there is none.

    ``ray.init()`` reads the same file, but starts a Ray with settings of its own if there is none;
    ``ray.init(address="auto")`` takes any Ray from the list of processes, a stranger's too.
    """
    from ray._private.utils import read_ray_address

    return read_ray_address() or None


def most_resources() -> Mapping[str, float]:
    """Resources that an autoscaled cluster can come to have; empty where nothing scales.

    Ray Data's own autoscaler and Ray Train ask the same place; nothing public does.
    """
    from ray._private.state import state

    return state.get_max_resources_from_cluster_config() or {}


@contextmanager
def data_settings(**fields: Any) -> Iterator[None]:
    """Set fields of Ray Data's context, and put them back after.

    The context takes any attribute in silence, so a field that a release renames would do nothing.

    Raises:
        AttributeError: the context has no such field.
    """
    from ray.data import DataContext

    context = DataContext.get_current()
    before = {name: getattr(context, name) for name in fields}
    for name, value in fields.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


def limit_checkpoint_actors(checkpoint: Any, most: int) -> None:
    """Bound the actors that filter what a ``CheckpointConfig`` knows; no argument of it does.

    Raises:
        AttributeError: Ray Data has another name for it.
    """
    assert checkpoint.checkpoint_actor_pool_max_size
    checkpoint.checkpoint_actor_pool_max_size = most


def is_committed(path: str) -> bool:
    """Whether a Parquet file of Ray Data's checkpoint counts: its rows are written.

    A block's file is written as pending before the block is, and renamed after
    (ray-project/ray#61821). Ray Data tells nobody how far a checkpoint is.
    """
    return path.endswith(".parquet") and not path.endswith(PENDING)


@contextmanager
def calm_data_logs(*, errors: bool) -> Iterator[None]:
    """Keep Ray Data's progress in words off the console, and put its loggers back after.

    Args:
        errors: whether errors are written. Without them a few warnings that are none on a Ray of
            one's own go as well; all is still in the session's log files.
    """
    import ray.data

    del ray
    console = [
        handler
        for handler in logging.getLogger(CONSOLE_LOGGER).handlers
        if isinstance(handler, logging.StreamHandler)
    ]
    with ExitStack() as stack:
        for handler in console:
            stack.enter_context(_level(handler, logging.WARNING))
        stack.enter_context(_level(logging.getLogger(PROGRESS_LOGGER), logging.ERROR))
        if not errors:
            for handler in console:
                stack.enter_context(_filtered(handler, _is_no_error))
            stack.enter_context(_filtered(logging.getLogger(CPU_LOGGER), _is_no_cpu_alarm))
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", FEW_BLOCKS, UserWarning)
        yield


@contextmanager
def calm_serve_logs() -> Iterator[None]:
    """Keep Serve's progress off the console of the process that deploys."""
    with _level(logging.getLogger(SERVE_LOGGER), logging.WARNING):
        yield


@contextmanager
def calm_upload_logs() -> Iterator[None]:
    """Keep the list of files that a submitted job brings off the console."""
    with _level(logging.getLogger(UPLOAD_LOGGER), logging.ERROR):
        yield


@contextmanager
def _level(of: logging.Logger | logging.Handler, level: int) -> Iterator[None]:
    before = of.level
    of.setLevel(max(before, level))
    try:
        yield
    finally:
        of.setLevel(before)


@contextmanager
def _filtered(
    of: logging.Logger | logging.Handler, keep: Callable[[logging.LogRecord], bool]
) -> Iterator[None]:
    of.addFilter(keep)
    try:
        yield
    finally:
        of.removeFilter(keep)


def _is_no_error(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR


def _is_no_cpu_alarm(record: logging.LogRecord) -> bool:
    return NO_CPUS not in record.getMessage()


def uploaded_files(folder: Path, excludes: list[str]) -> Iterator[Path]:
    """The files that a job's ``working_dir`` brings along, one after another.

    Ray reads .gitignore and .rayignore of every folder its own way, and tells what is left only by
    making the package. A folder of a million files is not walked to its end by who stops asking.

    Raises:
        OSError: a folder cannot be read.
    """
    from ray._private.runtime_env.packaging import _get_excludes, get_excludes_from_ignore_files

    def walk(path: Path, rules: list[Callable[[Path], bool]]) -> Iterator[Path]:
        rules = [*rules, *get_excludes_from_ignore_files(path, include_gitignore=True)]
        if any(rule(path) for rule in rules):
            return
        if not path.is_dir():
            yield path
            return
        for below in sorted(path.iterdir()):
            yield from walk(below, rules)

    yield from walk(folder.absolute(), [_get_excludes(folder, excludes)])


def takes_no_job_yet(error: Exception) -> bool:
    """Whether a job was refused only because the cluster has just started.

    The client raises a bare RuntimeError with the answer's text for every HTTP error.
    """
    return isinstance(error, RuntimeError) and NO_AGENT in str(error)


def deploy_config(config: Mapping[str, Any]) -> None:
    """Have Serve deploy what a config file holds, as ``serve deploy`` does, without waiting.

    The command and the REST API want the dashboard, which a Ray of one's own has not; ``serve.run``
    replaces replicas whenever their ``user_config`` changes, instead of telling them.

    Raises:
        RayServeException: Serve has not been started.
    """
    from ray.serve.context import _get_global_client
    from ray.serve.schema import ServeDeploySchema

    client = _get_global_client()
    assert client is not None
    client.deploy_apps(ServeDeploySchema.model_validate(config))


def set_max_batch_size(batched: Callable[..., Any], size: int) -> None:
    """Set how many requests a ``serve.batch`` method takes at once.

    Ray documents the setter, and its types do not know it.
    """
    batched.set_max_batch_size(size)  # type: ignore[attr-defined]
