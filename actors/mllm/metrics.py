"""What is asked of multimodal LLMs, as metrics; Ray puts ``ray_`` before their names."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Sequence
from typing import Final

import ray
from ray.util.metrics import Counter as CounterMetric
from ray.util.metrics import Gauge

from actors.metrics import OK, note
from actors.mllm.request import Response

_REPLICA: Final = str(os.getpid())


def count_responses(responses: Sequence[Response]) -> None:
    """Count responses by outcome (ok or an error code), and their tokens."""
    if not ray.is_initialized():
        return
    requests, tokens = _counters()
    for outcome, count in Counter(each.error or OK for each in responses).items():
        requests.inc(count, {"outcome": outcome})
    for direction in ("prompt", "output"):
        total = sum(getattr(each, f"{direction}_tokens") for each in responses)
        if total:
            tokens.inc(total, {"direction": direction})
            note("mllm", **{f"{direction}_tokens": total})


def count_reused(answers: int) -> None:
    """Count answers that the answers table knew."""
    if answers and ray.is_initialized():
        _reused().inc(answers)


def set_waiting(requests: int) -> None:
    """Say how many requests this replica has taken and not answered."""
    if ray.is_initialized():
        _waiting().set(requests, {"replica": _REPLICA})


@functools.cache
def _counters() -> tuple[CounterMetric, CounterMetric]:
    return (
        CounterMetric(
            "onoma_mllm_requests", "Requests answered, by outcome.", tag_keys=("outcome",)
        ),
        CounterMetric("onoma_mllm_tokens", "Tokens of requests answered.", tag_keys=("direction",)),
    )


@functools.cache
def _reused() -> CounterMetric:
    return CounterMetric("onoma_answers_reused", "Answers that the answers table knew.")


@functools.cache
def _waiting() -> Gauge:
    return Gauge("onoma_mllm_waiting", "Requests taken and not answered.", tag_keys=("replica",))
