"""Why a job failed is one sentence, whatever Ray makes of what was raised."""

from __future__ import annotations

import time
from typing import Any

import pytest
import ray
import ray.data
from ray.exceptions import ActorDiedError, RayTaskError

from methods.errors import EngineStartError, InputError
from ray_jobs.failures import failure
from ray_jobs.passes.session import Capacity

AGAIN = "; run the same command again to resume"
SLOW = (
    "Ray's processes did not start within the time it gives them, several times: this machine is "
    "too busy"
)
DIED = "a model's replica died again and again, most often for lack of memory; its log is in Ray's "


class Replica:
    """An actor that cannot work."""

    def answer(self) -> None:
        """Fail for a reason that has one of its own."""
        try:
            raise KeyError("weights")
        except KeyError as error:
            raise EngineStartError("vLLM did not start: no memory") from error

    def break_down(self) -> None:
        """Fail as libraries do."""
        raise OSError("disk full\nreally")


class Unloadable:
    """A stage whose model cannot be loaded."""

    def __init__(self) -> None:
        """Fail."""
        raise EngineStartError("CLIP did not start: no memory")

    def __call__(self, batch: Any) -> Any:
        """Never called."""
        return batch


def raised(run: Any) -> BaseException:
    """What a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - of many kinds
        run()
    return caught.value


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no\nyes"), "ValueError: yes"),
        (ValueError(), "ValueError: it gives no reason"),
        (Exception("The node timed out during startup. This"), SLOW),
        (EngineStartError("vLLM did not start: why"), "vLLM did not start: why"),
        (InputError("--clip x: no such folder"), "--clip x: no such folder"),
        (RayTaskError("stage", "Traceback\nOSError: disk full", OSError("disk full"), "p", 1, "h"),
         "OSError: disk full"),
        (RayTaskError("stage", "Traceback\nE", InputError("--clip x: no"), "p", 1, "h"),
         "--clip x: no"),
        (RayTaskError("stage", "x", InputError("--clip x: no"), "p", 1, "h").as_instanceof_cause(),
         "--clip x: no"),
    ],
)  # fmt: skip
def test_what_reaches_the_driver_whole(error: BaseException, sentence: str) -> None:
    assert failure(error) == sentence + AGAIN


def test_the_cause_of_another_error_is_told() -> None:
    outer = RuntimeError("it could not be written")
    outer.__cause__ = OSError("disk full")
    assert failure(outer) == "OSError: disk full" + AGAIN
    outer.__cause__ = outer  # a circle ends
    assert failure(outer) == "RuntimeError: it could not be written" + AGAIN


def death_of(replica: Any) -> ActorDiedError:
    """Kill a replica; what is asked at once may still be answered, so ask until it is gone."""
    ray.kill(replica)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if isinstance(error := raised(lambda: ray.get(replica.answer.remote())), ActorDiedError):
            return error
    pytest.fail("it goes on answering")


def test_what_an_actor_raised(ray_session: Capacity) -> None:
    replica: Any = ray.remote(Replica).remote()
    error = raised(lambda: ray.get(replica.answer.remote()))
    assert failure(error) == "vLLM did not start: no memory" + AGAIN
    error = raised(lambda: ray.get(replica.break_down.remote()))
    assert failure(error) == "OSError: disk full" + AGAIN
    assert failure(death_of(replica)).startswith(DIED)


def test_what_a_stage_of_ray_data_raised(ray_session: Capacity) -> None:
    replica: Any = ray.remote(Replica).remote()

    def fail(batch: Any) -> Any:
        raise ValueError("a block cannot be used")

    def ask(batch: Any) -> Any:
        return ray.get(replica.answer.remote())

    def run(stage: Any, **how: Any) -> BaseException:
        return raised(lambda: ray.data.range(4).map_batches(stage, **how).materialize())

    assert failure(run(fail)) == "ValueError: a block cannot be used" + AGAIN
    assert failure(run(ask)) == "vLLM did not start: no memory" + AGAIN
    death_of(replica)
    assert failure(run(ask)).startswith(DIED)
    stage = run(Unloadable, concurrency=1, num_cpus=0)
    assert failure(stage) == "CLIP did not start: no memory" + AGAIN
