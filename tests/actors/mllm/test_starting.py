"""An engine that does not start at once is tried again where the reason may pass."""

from __future__ import annotations

import asyncio

import pytest

from actors.mllm import replica
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.replica import MLLM
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError

MODEL = MllmModel("m", "dummy", "m", "f")


class Reluctant:
    """An engine whose first starts fail."""

    failures = 0
    passing = True
    starts = 0

    def __init__(self, model: MllmModel, options: EngineOptions) -> None:
        Reluctant.starts = 0

    async def start(self) -> None:
        """Fail as often as set."""
        Reluctant.starts += 1
        if Reluctant.starts <= self.failures:
            raise EngineStartError(f"no {Reluctant.starts}", passing=self.passing)

    async def sequences(self) -> int:
        """Some."""
        return 4

    async def generate(self, request: Request) -> Response:
        """The same to all."""
        return Response("fine", "stop")

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "_AGAIN_S", (0.0, 0.01, 0.02))


def ask(failures: int, passing: bool, times: int = 1) -> list[str]:
    """Ask a replica whose engine starts at last, some times; what came, or what was wrong."""

    async def run() -> list[str]:
        kind = type("Engine", (Reluctant,), {"failures": failures, "passing": passing})
        mllm = MLLM(MODEL, engine=kind)
        told = []
        for _ in range(times):
            try:
                (response,) = (await mllm.generate([Request("?")])).responses
                told.append(str(response.text))
            except EngineStartError as error:
                told.append(str(error))
            assert await mllm.waiting() == 0
        return told

    return asyncio.run(run())


def test_what_may_pass_is_tried_again() -> None:
    assert ask(3, passing=True) == ["fine"]
    assert Reluctant.starts == 4


def test_it_is_not_tried_for_ever_and_not_remembered() -> None:
    assert ask(5, passing=True, times=2) == ["no 4", "fine"]


def test_what_does_not_pass_is_told_at_once_and_kept() -> None:
    assert ask(1, passing=False, times=2) == ["no 1", "no 1"]
    assert Reluctant.starts == 1
