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
    kind = ray.remote(MLLM).options(num_cpus=0, max_restarts=5, max_task_retries=-1)
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


@pytest.mark.extended
def test_both_engines_give_the_same_answers(
    replica: Any, mllm: list[Any], requests: list[Request]
) -> None:
    ours, other = (ray.get(each.generate.remote(requests)).responses for each in (replica, mllm[0]))
    told = [[(r.text, r.finish_reason, r.prompt_tokens, r.error) for r in s] for s in (ours, other)]
    assert told[0] == told[1]
    assert [r.error for r in ours][-3:] == ["mllm_too_long", "mllm_rejected", None]


@pytest.mark.extended
def test_the_engine_says_how_many_sequences_it_takes(replica: Any) -> None:
    assert ray.get(replica.sequences.remote()) == 64


def core_of(replica: Any) -> tuple[psutil.Process, psutil.Process]:
    """The replica's process, and that of its model."""
    process = psutil.Process(ray.get(replica.pid.remote()))
    core = max(process.children(recursive=True), key=lambda each: each.memory_info().rss)
    return process, core


@pytest.mark.parametrize("count", [64, pytest.param(1500, marks=pytest.mark.extended)])
def test_a_killed_process_of_the_model_ends_its_replica_and_the_next_one_answers(
    replica: Any, requests: list[Request], count: int
) -> None:
    """Whether the engine has room for all requests or most of them wait for it."""
    asked = [requests[number % len(requests)] for number in range(count)]
    before = ray.get(replica.generate.remote(requests))
    process, core = core_of(replica)
    calls = [replica.generate.remote(asked[at : at + 64]) for at in range(0, count, 64)]
    while ray.get(replica.waiting.remote()) < count // 2:
        time.sleep(0.01)
    os.kill(core.pid, signal.SIGKILL)
    assert not psutil.wait_procs([process], timeout=10)[1], "the replica outlives its engine"
    after = ray.get(calls)
    answers = [response for each in after for response in each.responses]
    assert answers == [before.responses[number % len(requests)] for number in range(count)]
    assert {each.engine for each in after} - {before.engine}


@pytest.mark.extended
def test_a_process_of_the_model_that_is_killed_while_nothing_is_asked_is_replaced(
    replica: Any, requests: list[Request]
) -> None:
    before = ray.get(replica.generate.remote(requests))
    _, core = core_of(replica)
    os.kill(core.pid, signal.SIGKILL)
    psutil.wait_procs([core], timeout=10)
    after = ray.get(replica.generate.remote(requests))
    assert (after.responses, after.engine != before.engine) == (before.responses, True)


@pytest.fixture
def silent(ray_session: Any) -> Iterator[Any]:
    """A replica whose answers have three seconds."""
    kind = ray.remote(MLLM).options(num_cpus=0, max_restarts=2, max_task_retries=-1)
    options = EngineOptions(threads=len(os.sched_getaffinity(0)), deadline_s=3.0)
    handle = kind.remote(resolve_mllm(FIELD_GUIDE), options, VllmAsync)
    yield handle
    ray.kill(handle)


@pytest.mark.extended
def test_a_process_of_the_model_that_stands_still_costs_its_answers_their_time_and_is_replaced(
    silent: Any, requests: list[Request]
) -> None:
    asked = requests[:16]
    before = ray.get(silent.generate.remote(asked))
    process, core = core_of(silent)
    os.kill(core.pid, signal.SIGSTOP)
    late = ray.get(silent.generate.remote(asked), timeout=60)
    assert {response.error for response in late.responses} == {"mllm_timeout"}
    assert "--mllm-deadline" in str(late.responses[0].error_detail)
    after = ray.get(silent.generate.remote(asked))
    assert (after.responses, after.engine != before.engine) == (before.responses, True)
    assert not psutil.wait_procs([process, core], timeout=10)[1], "the one that stood still is left"


@pytest.mark.extended
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"context": 9000}, ["max_model_len", "--mllm-max-model-len"]),  # found out in the replica
        ({"extra": {"kv_cache_memory_bytes": 3_000_000}, "context": 2048},
         ["KV cache", "--mllm-max-model-len"]),  # in the process of the model
        ({"chat": {"enable_thinking": False}, "extra": {"quant": 1}}, ["quant", "--mllm-engine"]),
    ],
)  # fmt: skip
def test_a_failed_start_says_why_whichever_process_failed(
    ray_session: Any, options: dict[str, Any], told: list[str]
) -> None:
    kind = ray.remote(MLLM).options(num_cpus=0)
    given = EngineOptions(threads=len(os.sched_getaffinity(0)), **options)
    handle = kind.remote(resolve_mllm(FIELD_GUIDE), given, VllmAsync)
    with pytest.raises(ray.exceptions.RayTaskError) as error:
        ray.get(handle.start.remote())
    sentence = str(error.value.cause)
    assert sentence.startswith("--mllm fieldguide: vLLM did not start: ")
    assert "initialization failed" not in sentence
    assert all(each in sentence for each in told), sentence
    ray.kill(handle)
