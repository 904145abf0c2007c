"""What ends an answer, and what of it is read."""

from __future__ import annotations

import pytest

from actors.mllm.request import Response, completed, failed, read_answer


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_model_and_token_limit_end_an_answer(reason: str) -> None:
    response = Response("A wren.", reason, 5, 3)
    assert completed(response) == response


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("error", "mllm_broken_off"),
        ("abort", "mllm_broken_off"),
        ("content_filter", "refusal"),
        ("tool_calls", "mllm_bad_response"),
        ("function_call", "mllm_bad_response"),
        ("", "mllm_bad_response"),
        (None, "mllm_bad_response"),
    ],
)
def test_what_ends_otherwise_is_an_error_and_its_tokens_are_counted(
    reason: str | None, code: str
) -> None:
    told = completed(Response("A ro", reason, 5, 3))
    assert (told.text, told.error) == (None, code)
    assert "A ro" in str(told.error_detail)
    assert (told.prompt_tokens, told.output_tokens) == (5, 3)


def test_an_error_stays_what_it_is() -> None:
    error = failed("mllm_timeout", "late")
    assert completed(error) == error


@pytest.mark.parametrize(
    ("text", "reason", "answer", "ends"),
    [
        ("A wren.", "stop", "A wren.", "stop"),
        ("<think>A robin?</think> A wr", "length", "A wr", "length"),
        ("<think>A robin?", "length", "", "length"),
        ("<think>A robin.", "stop", "", "length"),
        ("<think>A robin.</think>", "stop", "", "stop"),
    ],
)
def test_an_answer_is_read_without_its_thoughts(
    text: str, reason: str, answer: str, ends: str
) -> None:
    assert read_answer(text, reason) == {"answer": answer, "finish_reason": ends}
