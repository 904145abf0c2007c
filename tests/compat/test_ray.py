"""What `actors.compat.ray` relies on in Ray: the test that fails names what a release changed."""

from __future__ import annotations

import importlib
import inspect
import logging
import mmap
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from ray import serve
from ray.data import DataContext
from ray.serve.schema import ServeDeploySchema

from actors.compat import ray as compat

# made before the tests: what Ray itself uses on the way is deprecated, and none of ours
DataContext.get_current()

pytestmark = [
    pytest.mark.filterwarnings("error::DeprecationWarning"),
    pytest.mark.filterwarnings("error::ray.util.annotations.RayDeprecationWarning"),
]


@pytest.fixture
def python_source() -> bytes:
    """All of Ray's Python, where names of environment variables stand."""
    import ray

    folder = Path(ray.__file__).parent
    files = [*folder.glob("*/**/*.py"), *folder.glob("*.py")]
    return b"\n".join(file.read_bytes() for file in files if "thirdparty" not in str(file))


def test_ray_reads_every_variable(python_source: bytes) -> None:
    import ray._raylet

    names = {name for group in compat.ENVIRONMENT.values() for name in group}
    in_core = {name for name in names if name.encode() not in python_source}
    assert in_core == {"RAY_BACKEND_LOG_LEVEL"}
    with (
        open(ray._raylet.__file__, "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as core,
    ):
        assert all(core.find(name.encode()) > 0 for name in in_core)


def test_a_variable_that_is_set_stays_unless_a_flag_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    draining = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"
    monkeypatch.setenv(compat.HAPROXY, "0")
    monkeypatch.delenv(draining, raising=False)
    compat.set_environment("haproxy")
    assert (os.environ[compat.HAPROXY], os.environ[draining]) == ("0", "3")
    monkeypatch.setenv(draining, "7")
    compat.set_environment("haproxy", compat.HAPROXY)
    assert (os.environ[compat.HAPROXY], os.environ[draining]) == ("1", "7")


def test_ray_start_leaves_its_address_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray._private import utils

    monkeypatch.setattr(utils, "get_ray_address_file", lambda _: str(tmp_path / "address"))
    assert compat.started_address() is None
    utils.write_ray_address("10.0.0.1:6379")
    assert compat.started_address() == "10.0.0.1:6379"
    (tmp_path / "address").unlink()
    assert compat.started_address() is None


def test_a_setting_of_ray_data_is_documented_and_put_back() -> None:
    context = DataContext.get_current()
    before = context.max_errored_blocks
    with compat.data_settings(max_errored_blocks=7, use_datasource_v2=True):
        assert (context.max_errored_blocks, context.use_datasource_v2) == (7, True)
    assert context.max_errored_blocks == before
    for name in (
        *("use_datasource_v2", "max_errored_blocks", "print_on_execution_start"),
        *("enable_progress_bars", "enable_operator_progress_bars"),
    ):
        assert f" {name}: " in (DataContext.__doc__ or ""), name
    with pytest.raises(AttributeError), compat.data_settings(no_such_field=1):
        pass


def test_a_checkpoint_bounds_its_actors(tmp_path: Path) -> None:
    from ray.data._internal.planner.checkpoint import plan_read_op
    from ray.data.checkpoint import CheckpointConfig

    checkpoint = CheckpointConfig(id_column="image_id", checkpoint_path=str(tmp_path))
    compat.limit_checkpoint_actors(checkpoint, 1)
    assert checkpoint.checkpoint_actor_pool_max_size == 1
    assert "checkpoint_config.checkpoint_actor_pool_max_size" in inspect.getsource(plan_read_op)


def test_a_pending_file_of_a_checkpoint_does_not_count() -> None:
    from ray.data.checkpoint.checkpoint_writer import PENDING_CHECKPOINT_SUFFIX

    assert compat.is_committed("/run/checkpoint/label-1/0_000000.parquet")
    assert not compat.is_committed(f"/run/checkpoint/0_000000{PENDING_CHECKPOINT_SUFFIX}.parquet")
    assert not compat.is_committed("/run/checkpoint/_SUCCESS")


@pytest.mark.slow
def test_a_checkpoint_is_parquet_files_with_a_row_for_each_row_written(
    ray_session: object, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq
    import ray
    from ray.data.checkpoint import CheckpointConfig

    checkpoint = tmp_path / "checkpoint"
    config = CheckpointConfig(
        id_column="id", checkpoint_path=str(checkpoint), delete_checkpoint_on_success=False
    )
    with compat.data_settings(checkpoint_config=config), warnings.catch_warnings():
        warnings.simplefilter("default")  # of what Ray itself uses
        ray.data.range(30).rename_columns({"id": "id"}).write_parquet(str(tmp_path / "out"))
    files = [str(file) for file in checkpoint.rglob("*") if file.is_file()]
    assert sum(pq.read_metadata(file).num_rows for file in files if compat.is_committed(file)) == 30


@pytest.mark.slow
def test_the_core_says_what_a_cluster_may_grow_to(ray_session: object) -> None:
    assert compat.most_resources() == {}, "nothing scales here"


def test_loggers_are_those_that_write() -> None:
    for name in (compat.PROGRESS_LOGGER, compat.CPU_LOGGER):
        assert importlib.import_module(name).logger is logging.getLogger(name)
    packaging = importlib.import_module(f"{compat.UPLOAD_LOGGER}.packaging")
    assert packaging.default_logger.name.startswith(compat.UPLOAD_LOGGER + ".")
    handlers = logging.getLogger(compat.CONSOLE_LOGGER).handlers
    assert [type(each) for each in handlers if isinstance(each, logging.StreamHandler)]


@pytest.mark.parametrize(
    ("text", "module"),
    [
        (compat.NO_CPUS, "ray.data.dataset"),
        (compat.FEW_BLOCKS, "ray.data._internal.execution.operators.task_pool_map_operator"),
        (compat.NO_AGENT, "ray.dashboard.modules.job.job_head"),
    ],
)
def test_messages_are_those_that_ray_writes(text: str, module: str) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    # a literal may go on in the next line
    source = "".join(line.strip().strip('"') for line in Path(spec.origin).read_text().splitlines())
    assert text in source


@pytest.mark.parametrize("errors", [True, False])
def test_logs_are_calm_for_a_while(errors: bool) -> None:
    import ray.data

    del ray
    names = (compat.CONSOLE_LOGGER, compat.PROGRESS_LOGGER, compat.CPU_LOGGER)
    loggers = [logging.getLogger(name) for name in names]
    each = [*loggers, *loggers[0].handlers]

    def state() -> list[tuple[int, list[object]]]:
        return [(one.level, list(one.filters)) for one in each]

    before, rules = state(), list(warnings.filters)
    console = next(h for h in loggers[0].handlers if isinstance(h, logging.StreamHandler))

    def written(level: int, text: str = "text", name: str = "ray.data.any") -> bool:
        record = logging.LogRecord(name, level, "", 1, text, None, None)
        return bool(level >= console.level and console.filter(record))

    with compat.calm_data_logs(errors=errors):
        assert not written(logging.INFO)
        assert written(logging.WARNING)
        assert written(logging.ERROR) == errors
        alarm = logging.LogRecord(
            compat.CPU_LOGGER, logging.WARNING, "", 1, f"it {compat.NO_CPUS}.", None, None
        )
        assert bool(logging.getLogger(compat.CPU_LOGGER).filter(alarm)) == errors
    assert (state(), list(warnings.filters)) == (before, rules)


@pytest.mark.parametrize(
    ("name", "calm"),
    [
        (compat.UPLOAD_LOGGER, compat.calm_upload_logs),
        (compat.SERVE_LOGGER, compat.calm_serve_logs),
    ],
)
def test_other_loggers_are_calm_for_a_while_too(name: str, calm: Any) -> None:
    logger = logging.getLogger(name)
    before = logger.level
    with calm():
        assert not logger.isEnabledFor(logging.INFO)
        assert logger.isEnabledFor(logging.ERROR)
    assert logger.level == before


def test_serve_logs_as_it_is_thought_to() -> None:
    from ray.serve._private.constants import SERVE_LOGGER_NAME

    assert SERVE_LOGGER_NAME == compat.SERVE_LOGGER


def test_a_cluster_that_has_just_started_is_told_from_one_that_refuses() -> None:
    from ray.dashboard.modules.dashboard_sdk import SubmissionClient

    class Answer:
        status_code, text = 500, "No available agent to submit job, please try again later."

    with pytest.raises(RuntimeError) as caught:
        SubmissionClient._raise_error(None, Answer())
    assert compat.takes_no_job_yet(caught.value)
    assert not compat.takes_no_job_yet(RuntimeError("Request failed with status code 401"))


def test_serve_deploys_from_a_config() -> None:
    from ray.serve._private.client import ServeControllerClient
    from ray.serve.context import _get_global_client

    assert list(inspect.signature(ServeControllerClient.deploy_apps).parameters)[1] == "config"
    assert "raise_if_no_controller_running" in inspect.signature(_get_global_client).parameters
    app = {"name": "a", "import_path": "a:b", "route_prefix": "/"}
    assert ServeDeploySchema.model_validate({"applications": [app]}).applications[0].name == "a"


def test_a_batch_can_be_set_larger() -> None:
    class Model:
        @serve.batch(max_batch_size=1)
        async def run(self, items: list[int]) -> list[int]:
            return items

    compat.set_max_batch_size(Model().run, 8)
    assert callable(Model.run.set_max_batch_size)  # type: ignore[attr-defined]


def test_a_start_that_took_too_long_is_told_by_its_words() -> None:
    from ray._private import node

    assert compat.SLOW_START in inspect.getsource(node)
    assert compat.is_slow_start(Exception(f"The current node {compat.SLOW_START}."))
    assert not compat.is_slow_start(Exception("Address already in use"))


def test_the_files_of_an_upload_are_those_that_ray_packs(tmp_path: Path) -> None:
    import zipfile

    from ray._private.runtime_env.packaging import create_package

    folder, package = tmp_path / "folder", tmp_path / "package.zip"
    for name in ("a.py", "b/c.txt", "b/d.bin", "data/e.jpg", "b/deep/f.log", "runs/g", "b/runs/h"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "b/.rayignore").write_text("*.bin\n")
    excludes = ["data/", "/runs/"]
    create_package(str(folder), package, include_gitignore=True, excludes=excludes)
    packed = {name for name in zipfile.ZipFile(package).namelist() if not name.endswith("/")}
    found = {str(path.relative_to(folder)) for path in compat.uploaded_files(folder, excludes)}
    assert found == packed
    assert found == {".gitignore", "a.py", "b/.rayignore", "b/c.txt", "b/runs/h"}
