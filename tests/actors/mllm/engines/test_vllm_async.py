"""vLLM's asynchronous engine on the CPU build: the answers of the local one, and its death."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from actors.mllm.engines.vllm_async import VllmAsync
from actors.mllm.images import decode_for_mllm
from actors.mllm.model import FIELD_GUIDE, EngineOptions, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import Request, Sampling
from fieldguide.world import NAMES
from methods.class_matching import class_list
from methods.prompt import default_prompt

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def replica(ray_session: Any) -> Iterator[Any]:
    """A replica on the asynchronous engine, as GPUs get it."""
    kind = ray.remote(MLLM).options(num_cpus=0, max_restarts=2, max_task_retries=-1)
    options = EngineOptions(threads=len(os.sched_getaffinity(0)))
    handle = kind.remote(resolve_mllm(FIELD_GUIDE), options, VllmAsync)
    yield handle
    ray.get(handle.close.remote())
    ray.kill(handle)


@pytest.fixture(scope="module")
def requests(birds: Path) -> list[Request]:
    """24 requests about images and texts, and two that cannot be asked."""
    text = default_prompt("tlac", "recognise").text
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())[:16]
    images = [decode_for_mllm(file.read_bytes()) for file in files]
    prompt = default_prompt("tlac", "choose", ("classes", "answer"))
    names = list(NAMES[:6])
    texts = [prompt.fill(classes=class_list(names), answer=f"This is a {name}") for name in names]
    return [
        *(Request(text, (image,)) for image in images),
        *(Request(each, choices=tuple(names), response_format="guided") for each in texts),
        Request("bird " * 5000),
        Request(text, (images[0], images[1])),
        Request(text, (images[0],), Sampling(max_tokens=2)),
    ]


def test_both_engines_give_the_same_answers(
    replica: Any, mllm: list[Any], requests: list[Request]
) -> None:
    ours, other = (ray.get(each.generate.remote(requests)).responses for each in (replica, mllm[0]))
    told = [[(r.text, r.finish_reason, r.prompt_tokens, r.error) for r in s] for s in (ours, other)]
    assert told[0] == told[1]
    assert [r.error for r in ours][-3:] == ["mllm_too_long", "mllm_rejected", None]


def test_the_engine_says_how_many_sequences_it_takes(replica: Any) -> None:
    assert ray.get(replica.sequences.remote()) == 64


def test_a_killed_process_of_the_model_ends_its_replica_and_the_next_one_answers(
    replica: Any, requests: list[Request]
) -> None:
    before = ray.get(replica.generate.remote(requests))
    process = psutil.Process(ray.get(replica.pid.remote()))
    core = max(process.children(recursive=True), key=lambda each: each.memory_info().rss)
    calls = [replica.generate.remote(requests) for _ in range(4)]
    while not ray.get(replica.waiting.remote()):
        time.sleep(0.01)
    os.kill(core.pid, signal.SIGKILL)
    assert not psutil.wait_procs([process], timeout=10)[1], "the replica outlives its engine"
    for after in ray.get(calls):
        assert after.responses == before.responses
        assert after.engine != before.engine
