"""Which Ray is joined, and what of its logs is left out, where and for how long."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from actors.compat import ray as ray_compat
from methods.errors import InputError
from ray_jobs.passes import session
from ray_jobs.passes.session import pass_settings, quiet_ray, set_verbose, verbose


@pytest.fixture(autouse=True)
def mode() -> Iterator[None]:
    """Each test says itself whether it is the command line."""
    before = list(session._VERBOSE)
    session._VERBOSE.clear()
    yield
    session._VERBOSE[:] = before


@pytest.fixture
def ray_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ``ray.init`` is called with; it starts nothing."""
    import ray

    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: calls.append(options))
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 8.0}}])
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0})
    monkeypatch.setattr(ray_compat, "most_resources", dict)
    monkeypatch.setattr(session, "_STARTED_CORES", [])
    monkeypatch.setattr(session, "check_cluster", lambda *_: None)
    monkeypatch.setattr(session, "_watch", lambda: None)
    return calls


@pytest.mark.parametrize(
    ("variable", "started", "address", "said"),
    [
        ("10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.1:6379", "10.0.0.1:6379 (RAY_ADDRESS)"),
        (None, "10.0.0.2:6379", "10.0.0.2:6379", "10.0.0.2:6379 (ray start)"),
        ("", "10.0.0.2:6379", "10.0.0.2:6379", "10.0.0.2:6379 (ray start)"),
        ("local", "10.0.0.2:6379", "local", None),
        (None, None, "local", None),
    ],
)
def test_only_a_ray_that_the_user_has_named_is_joined(
    ray_calls: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str | None,
    started: str | None,
    address: str,
    said: str | None,
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if variable is not None:
        monkeypatch.setenv("RAY_ADDRESS", variable)
    monkeypatch.setattr(ray_compat, "started_address", lambda: started)
    with caplog.at_level(logging.INFO, "onoma"):
        capacity = session.start_ray()
    assert [call["address"] for call in ray_calls] == [address]
    assert session.started_here() == (address == "local")
    assert ("num_cpus" in ray_calls[0]) == (address == "local")
    assert capacity.nodes == 1
    assert [r.getMessage() for r in caplog.records if r.name == "onoma"] == (
        [f"joined the Ray cluster {said}"] if said else []
    )


def test_an_endpoint_of_this_machine_joins_nothing(
    ray_calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    session.start_ray(here=True)
    assert ray_calls[0]["address"] == "local"
    assert os.environ["RAY_ADDRESS"] == "10.0.0.1:6379"


def test_idle_threads_sleep_soon_in_a_pipeline_and_not_in_an_endpoint(
    ray_calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    seen: list[str | None] = []
    init = ray.init

    def see(**options: Any) -> None:
        seen.append(os.environ.get("GOMP_SPINCOUNT"))
        init(**options)

    monkeypatch.setattr(ray, "init", see)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    session.start_ray()
    session.start_ray(here=True)
    assert seen == ["10000", None]
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    session.start_ray()
    assert seen[-1] is None
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    session.start_ray()
    assert seen[-1] == os.environ["GOMP_SPINCOUNT"] == "7"


def test_a_cluster_that_does_not_answer_is_told(
    ray_calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def refuse(**_: Any) -> None:
        raise ConnectionError("no GCS")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(InputError, match=r"RAY_ADDRESS names .* 10\.0\.0\.1:6379.*; unset it, or"):
        session.start_ray()
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr(ray_compat, "started_address", lambda: "10.0.0.2:6379")
    with pytest.raises(InputError, match=r"ray start names .* 10\.0\.0\.2:6379.*run `ray stop`"):
        session.start_ray()


@pytest.mark.parametrize(
    ("flag", "options"),
    [
        (None, {"log_to_driver": False}),
        (True, {"log_to_driver": True}),
        (False, {"log_to_driver": False, "logging_level": logging.ERROR}),
    ],
)
def test_ray_logs_as_it_likes_but_on_a_quiet_console(
    ray_calls: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    flag: bool | None,
    options: dict[str, Any],
) -> None:
    monkeypatch.delenv("RAY_BACKEND_LOG_LEVEL", raising=False)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    if flag is not None:
        set_verbose(flag)
    assert verbose() == bool(flag)
    session.start_ray()
    assert {n: v for n, v in ray_calls[0].items() if n.startswith("log")} == options
    assert os.environ.get("RAY_BACKEND_LOG_LEVEL") == ("fatal" if flag is False else None)
    monkeypatch.delenv("RAY_BACKEND_LOG_LEVEL", raising=False)


@pytest.mark.parametrize(
    ("flag", "here", "errors", "progress"),
    [
        (None, True, True, False),  # a notebook
        (None, False, True, False),
        (True, True, True, True),
        (True, False, True, True),
        (False, False, True, False),  # a cluster
        (False, True, False, False),  # the console of a laptop
    ],
)
def test_errors_of_ray_data_are_left_out_only_on_a_quiet_console_of_ones_own_ray(
    monkeypatch: pytest.MonkeyPatch, flag: bool | None, here: bool, errors: bool, progress: bool
) -> None:
    import ray.data

    del ray
    monkeypatch.setattr(session, "_STARTED_CORES", [2] if here else [])
    if flag is not None:
        set_verbose(flag)
    console = next(
        each
        for each in logging.getLogger(ray_compat.CONSOLE_LOGGER).handlers
        if isinstance(each, logging.StreamHandler)
    )

    def written(level: int) -> bool:
        record = logging.LogRecord("ray.data.any", level, "", 1, "text", None, None)
        return bool(level >= console.level and console.filter(record))

    with pass_settings(None):
        assert written(logging.ERROR) == errors
        assert written(logging.WARNING)
        assert written(logging.INFO) == progress
    assert written(logging.ERROR)
    assert written(logging.INFO)


@pytest.mark.parametrize("flag", [None, True, False])
def test_descriptors_are_redirected_only_on_a_quiet_console(
    capfd: pytest.CaptureFixture[str], flag: bool | None
) -> None:
    if flag is not None:
        set_verbose(flag)
    with quiet_ray():
        os.write(2, b"of the core\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == ("after\n" if flag is False else "of the core\nafter\n")


def test_a_pass_leaves_ray_datas_context_as_it_was(tmp_path: Any) -> None:
    from dataclasses import asdict, is_dataclass

    from ray.data import DataContext

    context = DataContext.get_current()
    assert is_dataclass(context)
    names = [name for name in asdict(context) if "progress" in name or "checkpoint" in name]
    names += ["use_datasource_v2", "max_errored_blocks", "print_on_execution_start"]
    before = {name: getattr(context, name) for name in names}
    with suppress(ZeroDivisionError), pass_settings(str(tmp_path / "checkpoint")):
        config = context.checkpoint_config
        assert config.filesystem.base_path.rstrip("/") == str(tmp_path)
        assert config.checkpoint_path == "checkpoint"
        assert not context.checkpoint_config.delete_checkpoint_on_success
        assert context.max_errored_blocks == 0
        raise ZeroDivisionError
    assert {name: getattr(context, name) for name in names} == before
