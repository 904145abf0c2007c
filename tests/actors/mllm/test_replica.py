"""The MLLM replica on real vLLM: order, choices, limits, and a replica that is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import numpy as np
import pytest
import ray

import fieldguide
from actors.mllm.request import DecodedImage, Request, Response, ResponseFormat, Sampling
from fieldguide.mllm_tasks.naming import NAME, NAME_JSON
from fieldguide.world import NAMES
from methods.class_matching import class_list
from methods.prompt import default_prompt

pytestmark = pytest.mark.engine
RECOGNISE = default_prompt("tlac", "recognise").text


@pytest.fixture(scope="module")
def replica(mllm: list[Any]) -> Any:
    """The engine that all tests share."""
    return mllm[0]


def ask(replica: Any, *requests: Request) -> list[Response]:
    """One batch."""
    answers: list[Response] = ray.get(replica.generate.remote(list(requests))).responses
    return answers


def drawn(number: int, width: int = 90, height: int = 72) -> DecodedImage:
    """A picture of a bird of the training domain's world, or noise where the size says so."""
    rng = np.random.default_rng(number)
    return DecodedImage(rng.integers(0, 256, (height, width, 3), np.uint8))


def choose(name: str, names: list[str], **settings: Any) -> Request:
    """The second question of TLAC."""
    prompt = default_prompt("tlac", "choose", ("classes", "answer"))
    text = prompt.fill(classes=class_list(names), answer=f"This is a {name}")
    return Request(text, choices=tuple(names), **settings)


def test_answers_come_in_the_order_of_the_requests(replica: Any) -> None:
    names = list(NAMES[:12])
    answers = ask(replica, *(choose(name, names) for name in names))
    right = sum(answer.text == name for name, answer in zip(names, answers, strict=True))
    assert right >= 10
    assert all(a.finish_reason == "stop" and a.output_tokens > 1 for a in answers)


def test_the_prompt_is_the_one_that_the_model_was_trained_on(replica: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(fieldguide.MLLM_FOLDER)
    request = choose(NAMES[0], [*NAMES])
    turn = [{"role": "user", "content": request.text}]
    text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    assert text.endswith("ASSISTANT:\n")
    wanted = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert ask(replica, request)[0].prompt_tokens == wanted


def test_concurrent_batches_share_one_engine_and_get_their_own_answers(replica: Any) -> None:
    names = list(NAMES)
    batches = [[choose(name, names) for name in names[start::4]] for start in range(4)]
    alone = [ask(replica, *batch) for batch in batches]
    together = ray.get([replica.generate.remote(batch) for batch in batches])
    assert [each.responses for each in together] == alone
    assert len({each.engine for each in together}) == 1
    assert ray.get(replica.waiting.remote()) == 0


def test_guided_answers_are_one_of_the_choices(replica: Any) -> None:
    odd = ["St. Bernard", 'a "quoted" name', "C++", "赤い鳥"]
    for answer in ask(replica, *(choose(name, odd, response_format="guided") for name in odd)):
        assert answer.text in odd


def test_json_answers_follow_the_schema(replica: Any) -> None:
    names = list(NAMES[:4])
    answers = ask(replica, *(choose(name, names, response_format="json") for name in names))
    assert {json.loads(str(answer.text))["class"] for answer in answers} <= {*names}


@pytest.mark.parametrize("form", ["guided", pytest.param("json", marks=pytest.mark.extended)])
def test_an_object_with_one_text_field_is_what_comes(replica: Any, form: ResponseFormat) -> None:
    """Of a prompt that does not ask for one, too."""
    for number, text in enumerate((NAME_JSON, NAME)):
        request = Request(
            text, (drawn(number),), Sampling(48), text_field="name", response_format=form
        )
        (answer,) = ask(replica, request)
        found = json.loads(str(answer.text))
        assert list(found) == ["name"]
        assert len(found["name"]) > 1


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (72, 72), (1024, 768)])
def test_pictures_of_any_shape_are_answered(replica: Any, size: tuple[int, int]) -> None:
    (answer,) = ask(replica, Request(RECOGNISE, (drawn(1, *size),), Sampling(16)))
    assert answer.error is None
    assert answer.prompt_tokens > 36, "an image is 36 tokens"


def test_what_does_not_fit_the_context_is_an_error_of_its_request_alone(replica: Any) -> None:
    long = Request("bird " * 5000)
    before, failure, after = ask(
        replica, choose(NAMES[0], [*NAMES]), long, choose(NAMES[0], [*NAMES])
    )
    assert failure.error == "mllm_too_long"
    assert "2048" in str(failure.error_detail)
    assert before == after
    assert before.error is None


def test_too_many_pictures_are_refused(replica: Any) -> None:
    (answer,) = ask(replica, Request(RECOGNISE, tuple(drawn(n) for n in range(2))))
    assert answer.error == "mllm_rejected"


def test_the_token_limit_is_told(replica: Any) -> None:
    (answer,) = ask(replica, Request(RECOGNISE, (drawn(2),), Sampling(max_tokens=2)))
    assert (answer.finish_reason, answer.output_tokens) == ("length", 2)


def test_a_seed_makes_sampling_repeatable(replica: Any) -> None:
    def said(seed: int) -> list[str | None]:
        sampling = Sampling(max_tokens=24, temperature=1.5, seed=seed)
        prompt = f"Describe the species {NAMES[3]}."
        return [a.text for a in ask(replica, *[Request(prompt, sampling=sampling)] * 3)]

    assert said(1) == said(1)
    assert len({*said(1), *said(2), *said(3)}) > 1


def test_a_replica_that_is_killed_under_load_is_restarted_and_gives_the_same_answers(
    replica: Any,
) -> None:
    names = list(NAMES)
    batches = [[choose(name, names) for name in names] for _ in range(4)]
    before = ray.get(replica.generate.remote(batches[0]))
    pid = ray.get(replica.pid.remote())
    calls = [replica.generate.remote(batch) for batch in batches]
    while not ray.get(replica.waiting.remote()):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    for after in ray.get(calls):
        assert after.responses == before.responses
        assert after.engine != before.engine
    assert ray.get(replica.pid.remote()) != pid
