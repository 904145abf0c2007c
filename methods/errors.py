"""What can go wrong, in one tree, and every code that the column ``error`` of a table may hold.

Wrong use stops a command with one sentence (`InputError`, exit code 2). What is wrong with one row,
an image or an answer, never stops a job: it is a `RowError`, whose code and detail go into the
columns ``error`` and ``error_detail`` of that row, and the job goes on. Errors that belong to one
part of the project are defined there and are kinds of those here.

The codes stand in one table for each kind, code -> meaning; `ROW_CODES` is all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

IMAGE_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "nothing is there: deleted, never existed, a dangling link, a null cell",
        "no_permission": "it is there and may not be read",
        "not_a_file": "a directory, a pipe or a device with an image's name",
        "empty_file": "zero bytes",
        "too_many_bytes": "larger than the configured limit; it is not read",
        "storage_error": "the storage failed for another reason",
        "not_an_image": "the bytes are no image format known",
        "unsupported_format": "an image format whose decoder is not installed",
        "truncated": "the image's data end too early",
        "corrupt": "the decoder gave up",
        "too_many_pixels": "more pixels than the configured limit, refused before decoding",
    }
)
"""What can be wrong with an image: found by fetching and decoding."""

REQUEST_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mllm_timeout": "no answer in the time allowed, retries included",
        "mllm_rate_limited": "the endpoint kept saying there are too many requests (HTTP 429)",
        "mllm_unavailable": "the endpoint cannot be reached or failed (HTTP 5xx)",
        "mllm_broken_off": "the engine ended the answer, neither the model nor the token limit",
        "mllm_bad_response": "what came is not what the protocol promises",
        "mllm_rejected": "the engine refuses this request (HTTP 4xx)",
        "mllm_too_long": "prompt and image do not fit the model's context",
    }
)
"""Why no answer of a multimodal LLM came."""

ANSWER_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_asked": "there was nothing to ask about, so no answer came",
        "refusal": "the model declines to answer",
        "empty_answer": "nothing but blanks came",
        "cut_answer": "the token limit ended the answer",
        "not_json": "JSON was asked for and is not what came",
        "no_class": "the answer names no class of the list, or several",
        "not_a_name": "the answer names nothing: no letters, too many words, or the category only",
    }
)
"""What can be wrong with the text of an answer, whatever the method."""

FEATURE_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {"not_finite": "CLIP's feature of the image is not finite (broken weights, bf16 at its limits)"}
)
"""What can be wrong with what CLIP makes of an image."""

DECISION_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {"abstained": "the score is below what the wanted precision needs (onoma calibrate)"}
)
"""Why an image that could be labelled was not."""

ROW_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {**IMAGE_CODES, **REQUEST_CODES, **ANSWER_CODES, **FEATURE_CODES, **DECISION_CODES}
)
"""Every code that the column ``error`` of a labels table or a stage table may hold."""

_DETAIL_LIMIT: Final = 300


def one_line(error: BaseException) -> str:
    """Return an exception's text on one line, not too long."""
    return " ".join(str(error).split())[:200] or type(error).__name__


class OnomaError(Exception):
    """Whatever this project raises for others to catch."""


class InputError(OnomaError, ValueError):
    """Something the user gave is wrong; the message names it and says what would be right.

    The command line turns it into one sentence on standard error and exit code 2.
    """


class LedgerError(OnomaError):
    """What was written does not add up to the manifest."""


class EngineStartError(OnomaError):
    """The engine of a multimodal LLM did not start: one sentence, why and what to do.

    Attributes:
        passing: whether the reason may have gone when it is started again, such as memory that
            another process has not given back yet.
    """

    def __init__(self, message: str, passing: bool = False) -> None:
        """Keep the sentence, and whether to try again."""
        super().__init__(message)
        self.passing = passing


class EndpointRefused(OnomaError):
    """An endpoint answers nothing at all (key, model, address, or every request refused): one
    sentence with its own words and what to change; it names how to go on, so nothing is added."""


class RowError(OnomaError):
    """One row cannot be used; becomes its ``error`` and ``error_detail``.

    Attributes:
        code: one of `ROW_CODES`.
        detail: what is wrong, at most 300 characters.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the code and at most 300 characters of detail."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail[:_DETAIL_LIMIT]

    def __reduce__(self) -> tuple[type[RowError], tuple[str, str]]:
        """Travel between processes, made again of code and detail."""
        return type(self), (self.code, self.detail)
