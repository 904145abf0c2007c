"""``vllm.LLM`` in this process: steps, one bad request, deadlines, an engine that fails."""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from actors.mllm.engines import vllm_local
from actors.mllm.engines.base import EngineDied
from actors.mllm.engines.vllm_local import VllmLocal
from actors.mllm.engines.vllm_preparation import Preparation
from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.request import Request, Response
from methods.errors import EngineStartError

MODEL = MllmModel("m", "vllm", "/nowhere", "f")


class Engine:
    """As much of ``vllm.LLMEngine`` as is stepped; steps are what it worked on together."""

    steps: list[list[str]]
    aborted: list[str]

    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        Engine.steps, Engine.aborted = [], []

    def add_request(self, number: str, prompt: str, params: Any, lora_request: Any) -> str:
        if prompt == "long":
            raise ValueError("the prompt is longer than the context")
        self.running[number] = prompt
        return number

    def abort_request(self, numbers: list[str]) -> None:
        Engine.aborted += [self.running.pop(number) for number in numbers]

    def step(self) -> list[Any]:
        texts = list(self.running.values())
        Engine.steps.append(texts)
        time.sleep(0.03)  # long enough for whoever was answered to ask again
        if "die" in texts:
            raise RuntimeError("the device is gone")
        if "slow" in texts:
            time.sleep(0.5)
        if "stuck" in texts:
            time.sleep(20)
        if not texts:
            return []
        # the first ends, whatever came with it, unless it never does
        number = next((n for n, text in self.running.items() if text != "endless"), None)
        if number is None:
            return []
        text = self.running.pop(number)
        said = SimpleNamespace(text=f"said {text}", finish_reason="stop", token_ids=[1])
        ended = SimpleNamespace(
            request_id=number, finished=True, outputs=[said], prompt_token_ids=[1, 2]
        )
        return [ended]


class Llm:
    """As much of ``vllm.LLM`` as is made."""

    def __init__(self, **arguments: Any) -> None:
        self.llm_engine = Engine()


async def chat_input(_: Any, turns: Any, *settings: Any) -> Any:
    """What the renderer makes of a chat: its text."""
    text = turns[0]["content"]
    if text == "bad":
        raise ValueError("this image is truncated")
    return text


@pytest.fixture(autouse=True)
def _llm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's thread finds these classes where vLLM's would be."""
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=Llm))
    monkeypatch.setattr(vllm_local.compat, "chat_input", chat_input)
    monkeypatch.setattr(vllm_local, "sampling_params", lambda request, thoughts: None)
    monkeypatch.setattr(vllm_local, "prepare", lambda *_: Preparation({}, None, Thoughts()))
    monkeypatch.setattr(vllm_local, "prepare_environment", lambda options: None)


def ask(*texts: str, sequences: int = 4) -> list[Response | BaseException]:
    """Ask all at once."""

    async def run() -> list[Response | BaseException]:
        engine = VllmLocal(MODEL, EngineOptions(sequences=sequences))
        await engine.start()
        calls = (engine.generate(Request(text)) for text in texts)
        said = await asyncio.gather(*calls, return_exceptions=True)
        await engine.close()
        return said

    return asyncio.run(run())


def test_what_ends_makes_room_for_the_next_and_no_more_are_in_the_engine_than_it_works_on() -> None:
    texts = [str(number) for number in range(11)]
    said = ask(*texts)
    assert [each.text for each in said if isinstance(each, Response)] == [
        f"said {text}" for text in texts
    ]
    sizes = [len(step) for step in Engine.steps]
    assert max(sizes) == 4
    # full as long as there are enough: no request waits for the end of others
    assert sizes[sizes.index(4) :] == [4] * (11 - 3 - sizes.index(4)) + [3, 2, 1]


def test_a_request_that_cannot_be_asked_is_refused_alone() -> None:
    first, bad, long, last = ask("a", "bad", "long", "b")
    assert isinstance(bad, Response)
    assert (bad.error, bad.error_detail) == ("mllm_rejected", "this image is truncated")
    assert isinstance(long, Response)
    assert (long.error, long.error_detail) == (
        "mllm_rejected",
        "the prompt is longer than the context",
    )
    assert first == Response("said a", "stop", 2, 1)
    assert last == Response("said b", "stop", 2, 1)


def test_an_engine_that_fails_fails_whoever_waits_and_whoever_comes_after() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions())
        await engine.start()
        calls = (engine.generate(Request(text)) for text in ("a", "die", "b"))
        said = await asyncio.gather(*calls, return_exceptions=True)
        assert any(isinstance(each, EngineDied) for each in said)
        with pytest.raises(EngineDied, match="the device is gone"):
            await engine.generate(Request("later"))
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.slow
def test_an_answer_has_a_deadline_from_when_it_is_taken_up() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1, deadline_s=0.4))
        await engine.start()
        texts = ("slow", "slow", "a")  # one after the other: the last waits for a second
        said = await asyncio.gather(*(engine.generate(Request(text)) for text in texts))
        assert [each.error for each in said] == ["mllm_timeout", "mllm_timeout", None]
        assert "--mllm-deadline" in str(said[0].error_detail)
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_an_answer_that_is_given_up_makes_room() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1, deadline_s=0.3))
        await engine.start()
        calls = (engine.generate(Request(text)) for text in ("endless", "a"))
        endless, said = await asyncio.gather(*calls)
        assert endless.error == "mllm_timeout"
        assert said.text == "said a"
        assert Engine.aborted == ["endless"]
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_caller_that_goes_away_makes_room() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1))
        await engine.start()
        gone = asyncio.create_task(engine.generate(Request("endless")))
        await asyncio.sleep(0.1)
        gone.cancel()
        assert (await engine.generate(Request("a"))).text == "said a"
        assert Engine.aborted == ["endless"]
        await engine.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_step_that_does_not_end_ends_the_engine() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1, deadline_s=0.2))
        await engine.start()
        calls = [engine.generate(Request("stuck"))]
        calls += [engine.generate(Request("later"))]
        first, later = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, Response)
        assert first.error == "mllm_timeout"
        assert isinstance(later, EngineDied)

    asyncio.run(asyncio.wait_for(run(), 20))


def test_whoever_waits_when_it_closes_is_told() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1))
        await engine.start()
        await engine.close()
        with pytest.raises(EngineDied, match="closed"):
            await engine.generate(Request("later"))

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_chat_template_is_given_what_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    async def rendered(engine: Any, turns: Any, *settings: Any) -> Any:
        given.append(settings)
        return await chat_input(engine, turns)

    monkeypatch.setattr(vllm_local.compat, "chat_input", rendered)

    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(chat={"enable_thinking": False}))
        await engine.start()
        await engine.generate(Request("a"))
        await engine.close()

    asyncio.run(run())
    assert given == [({"enable_thinking": False}, None)]


def test_a_model_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**arguments: Any) -> None:
        raise ValueError("No available memory for the KV cache blocks")

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=fail))
    with pytest.raises(EngineStartError, match=r"--mllm m: vLLM did not start: .*KV cache.*give a"):
        asyncio.run(VllmLocal(MODEL, EngineOptions()).start())


def test_without_vllm_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EngineStartError, match="uv sync in a checkout"):
        asyncio.run(VllmLocal(MODEL, EngineOptions()).start())
