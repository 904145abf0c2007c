"""The queue in front of ``vllm.LLM``: batches, one bad request, an engine that fails."""

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


class Llm:
    """As much of ``vllm.LLM`` as the queue calls; batches are what it ran together."""

    batches: list[list[str]]

    def __init__(self, **arguments: Any) -> None:
        self.waiting: list[str] = []
        Llm.batches = []

    def enqueue_chat(self, messages: Any, params: Any, use_tqdm: bool) -> list[str]:
        text = messages[0]["content"]
        if text == "bad":
            raise ValueError("this image is truncated")
        self.waiting.append(text)
        return [str(len(self.waiting))]

    def wait_for_completion(self, use_tqdm: bool) -> list[Any]:
        if "die" in self.waiting:
            raise RuntimeError("the device is gone")
        if "slow" in self.waiting:
            time.sleep(0.5)
        if "stuck" in self.waiting:
            time.sleep(20)
        batch, self.waiting = self.waiting, []
        Llm.batches.append(batch)
        return [
            SimpleNamespace(
                outputs=[SimpleNamespace(text=f"said {text}", finish_reason="stop", token_ids=[1])],
                prompt_token_ids=[1, 2],
            )
            for text in batch
        ]


@pytest.fixture(autouse=True)
def _llm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue finds this class where vLLM's would be."""
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=Llm))
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


def test_what_has_come_is_one_batch_of_at_most_the_sequences_in_order() -> None:
    texts = [str(number) for number in range(11)]
    said = ask(*texts)
    assert [each.text for each in said if isinstance(each, Response)] == [
        f"said {t}" for t in texts
    ]
    assert [text for batch in Llm.batches for text in batch] == texts
    assert max(map(len, Llm.batches)) == 4


def test_a_request_that_cannot_be_asked_is_refused_alone() -> None:
    first, bad, last = ask("a", "bad", "b")
    assert isinstance(bad, Response)
    assert (bad.error, bad.error_detail) == ("mllm_rejected", "this image is truncated")
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


def test_a_batch_that_does_not_end_ends_the_engine() -> None:
    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(sequences=1, deadline_s=0.2))
        await engine.start()
        calls = [engine.generate(Request("stuck"))]
        calls += [engine.generate(Request("later"))]
        first, later = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, Response)
        assert first.error == "mllm_timeout"
        assert isinstance(later, EngineDied)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_chat_template_is_given_what_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    class Chat(Llm):
        def enqueue_chat(self, messages: Any, params: Any, use_tqdm: bool, **more: Any) -> Any:
            given.append(more)
            return super().enqueue_chat(messages, params, use_tqdm)

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=Chat))

    async def run() -> None:
        engine = VllmLocal(MODEL, EngineOptions(chat={"enable_thinking": False}))
        await engine.start()
        await engine.generate(Request("a"))
        await engine.close()

    asyncio.run(run())
    assert given == [{"chat_template_kwargs": {"enable_thinking": False}}]


def test_a_model_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**arguments: Any) -> None:
        raise ValueError("No available memory for the KV cache blocks")

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=fail))
    with pytest.raises(EngineStartError, match=r"--mllm m: vLLM did not start: .*KV cache.*give a"):
        asyncio.run(VllmLocal(MODEL, EngineOptions()).start())


def test_without_vllm_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EngineStartError, match="install it with uv sync"):
        asyncio.run(VllmLocal(MODEL, EngineOptions()).start())
