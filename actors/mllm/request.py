"""What a multimodal LLM is asked and what comes back, whichever engine answers."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from methods.errors import REQUEST_CODES
from methods.thoughts import spoken

_TOO_LONG: Final = ("context length", "model length", "max_model_len", "too long")

ANSWERED: Final = ("stop", "length")
"""Finish reasons of an answer: the model ended it, or the token limit did."""

ResponseFormat = Literal["none", "guided", "json"]
"""How the form of an answer reaches the engine: not at all, as a constraint on the decoding, or as
a JSON schema of an object with one text field."""

CHOICE_FIELD: Final = "class"
"""The field of a choice."""
_LONGEST_TEXT: Final = 120


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; temperature 0 is greedy."""

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def identity(self) -> dict[str, Any]:
        """What decides the answer: a greedy one depends on its length only."""
        return {"max_tokens": self.max_tokens} if self.temperature == 0 else asdict(self)

    def about(self, key: bytes) -> Sampling:
        """The same with a random stream of its own for what ``key`` stands for."""
        if self.temperature == 0:
            return self
        digest = hashlib.blake2b(b"%d:" % self.seed + key, digest_size=4).digest()
        return replace(self, seed=int.from_bytes(digest) >> 1)  # engines take 31 bits


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image: RGB ``pixels``, uint8 (height, width, 3).

    An array and no bytes: Ray hands it from process to process without copying it into a pickle.

    Attributes:
        pixels: as above.
        photo: whether it is a photograph; None where its colours tell, which only who sends it as
            one counts (`actors.mllm.endpoint_images.is_photo`).
    """

    pixels: NDArray[np.uint8]
    photo: bool | None = False

    def image(self) -> Image.Image:
        """The picture as Pillow has it."""
        return Image.fromarray(self.pixels)


@dataclass(frozen=True)
class Request:
    """One question about pictures, or of text alone.

    Attributes:
        text, pictures: what is asked, about what.
        sampling: how the answer is drawn.
        choices: the only answers allowed, if not all are.
        text_field: where the answer is to be a JSON object, its one field.
        answer_format: how choices or the object reach the engine.
    """

    text: str
    pictures: tuple[DecodedImage, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    choices: tuple[str, ...] = ()
    text_field: str = ""
    response_format: ResponseFormat = "none"

    def constraint(self) -> dict[str, Any]:
        """What guided decoding holds the answer to, in vLLM's words; empty without one.

        JSON is spelled out: a schema leaves blanks between tokens free, and small models get lost
        in them.
        """
        if self.choices and self.response_format == "guided":
            return {"choice": list(self.choices)}
        if self.choices and self.response_format == "json":
            objects = [{CHOICE_FIELD: name} for name in self.choices]
            return {"choice": [json.dumps(each, ensure_ascii=False) for each in objects]}
        if self.text_field and self.response_format != "none":
            field = re.escape(self.text_field)
            return {"regex": rf'\{{"{field}": "[^"\\\x00-\x1f]{{1,{_LONGEST_TEXT}}}"\}}'}
        return {}

    def schema(self) -> dict[str, Any] | None:
        """JSON schema of the answer, where one is wanted: an object with one text field."""
        if self.response_format != "json" or not (self.choices or self.text_field):
            return None
        value = {"type": "string", **({"enum": list(self.choices)} if self.choices else {})}
        field = CHOICE_FIELD if self.choices else self.text_field
        return {
            "type": "object",
            "properties": {field: value},
            "required": [field],
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Response:
    """What came back: a text, or an error with its detail.

    Attributes:
        text: what the model said, thoughts included (`read_answer`); None with an error.
        finish_reason: ``stop``, ``length`` (the token limit cut it) or the engine's own word.
        prompt_tokens, output_tokens: as the engine counts them.
        error, error_detail: one of `REQUEST_CODES` or ``refusal``, and a sentence.
    """

    text: str | None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    error: str | None = None
    error_detail: str | None = None

    def record(self) -> dict[str, Any]:
        """The answer as tables name its parts."""
        parts = asdict(self)
        return {"answer": parts.pop("text"), **parts}


def failed(code: str, detail: str) -> Response:
    """An answer that did not come."""
    if code not in REQUEST_CODES:
        raise ValueError(f"unknown request error {code!r}; known: {', '.join(REQUEST_CODES)}")
    return Response(None, error=code, error_detail=" ".join(detail.split())[:300])


def completed(response: Response) -> Response:
    """The response, or an error in its place where neither model nor token limit ended it.

    What an engine broke off is the beginning of something else than the model was about to say.
    The tokens stay: they were computed and may have been paid.
    """
    reason = response.finish_reason
    if response.error is not None or reason in ANSWERED:
        return response
    said = " ".join((response.text or "").split())[:200]
    if reason == "content_filter":
        detail = f"the endpoint's filter ended the answer: {said}"
        return replace(response, text=None, error="refusal", error_detail=detail)
    if reason in ("error", "abort"):
        error = failed("mllm_broken_off", f"the engine ended the answer ({reason}): {said}")
    else:
        wanted = "an answer ends with stop or length"
        error = failed("mllm_bad_response", f"finish_reason is {reason!r}, {wanted}: {said}")
    return replace(response, text=None, error=error.error, error_detail=error.error_detail)


def read_answer(text: str, finish_reason: str | None) -> dict[str, Any]:
    """An answer as everything that reads one gets it: ``answer`` without thoughts, finish_reason.

    An answer that ends within a thought is empty, and cut (``length``).
    """
    said = spoken(text)
    if said is None:
        return {"answer": "", "finish_reason": "length"}
    return {"answer": said, "finish_reason": finish_reason}


def rejected(detail: str) -> Response:
    """An answer that an engine refuses to give, by its words."""
    low = detail.lower()
    return failed(
        "mllm_too_long" if any(say in low for say in _TOO_LONG) else "mllm_rejected", detail
    )
