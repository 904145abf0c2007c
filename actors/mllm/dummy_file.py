"""``--mllm dummy:FILE``: no model, but what a file says; to try a pipeline, and for tests.

FILE is one of:

* ``.json``, ``.yaml`` or ``.yml``: a list of rules, or an object with them::

    {"images_per_second": 40,
     "rules": [{"pattern": "follows:\\n.*tit", "answer": "a great tit"},
               {"pattern": "name", "answer": ["a wren", "a robin", "a great tit"]},
               {"answer": "This is a bird."}]}

  The first rule whose ``pattern``, a regular expression, is found in the text of a request answers
  it; a rule without one answers everything. Of a list of answers, text and pixels choose one:
  always the same for the same request. A rule may have

      finish_reason   how the answer ended; ``stop`` unless the token limit cuts it
      error           in place of an answer, a code of `methods.errors.REQUEST_CODES`
      error_detail    its sentence
      seconds         that the answer takes

  ``images_per_second`` is the speed of the model: so many requests end in a second, whatever comes.
* ``.csv``: rules, one a line, under a header with their names (``pattern,answer,...``).
* ``.py``: a module with a function ``answer(text, images)`` that returns what the model says;
  ``images`` is a list of uint8 arrays (height, width, 3), RGB. It is called from several threads.
  Where it raises, the response is an error. The module is run where the command starts, too.

A request that no rule answers is refused (``mllm_rejected``). Words count as tokens. The file is
read by the replica: on a cluster it lies where all nodes find it. Its content is the fingerprint of
the model, so responses are kept and found as those of any other.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import numpy as np
import xxhash
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from actors.mllm.request import Request, Response, failed
from methods.errors import REQUEST_CODES, InputError

SUFFIXES: Final = (".json", ".yaml", ".yml", ".csv", ".py")

Answer = Callable[[str, list[NDArray[np.uint8]]], str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rule(_Strict):
    """What is said to the requests that match."""

    pattern: str = ""
    answer: str | Annotated[list[str], Field(min_length=1)] | None = None
    finish_reason: str | None = None
    error: str | None = None
    error_detail: str = "the dummy's rule says so"
    seconds: Annotated[float, Field(ge=0)] = 0.0

    @field_validator("pattern")
    @classmethod
    def _a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression ({error})") from error
        return value

    @field_validator("error")
    @classmethod
    def _a_code(cls, value: str | None) -> str | None:
        if value is not None and value not in REQUEST_CODES:
            raise ValueError(f"{value!r} is no error code; known: {', '.join(REQUEST_CODES)}")
        return value

    def model_post_init(self, context: Any) -> None:
        """Say that a rule says something."""
        if (self.answer is None) == (self.error is None):
            raise ValueError("a rule has either an answer or an error")

    def respond(self, request: Request) -> Response:
        """What the rule says to a request that matches."""
        if self.error is not None:
            return failed(self.error, self.error_detail)
        answers = [self.answer] if isinstance(self.answer, str) else self.answer or []
        return _respond(request, answers[_digest(request) % len(answers)], self.finish_reason)


class Rules(_Strict):
    """A whole file of rules."""

    rules: list[Rule]
    images_per_second: Annotated[float, Field(gt=0)] | None = None

    async def respond(self, request: Request) -> Response:
        """Answer by the first rule that matches."""
        for rule in self.rules:
            if re.search(rule.pattern, request.text):
                await asyncio.sleep(rule.seconds)
                return rule.respond(request)
        return failed("mllm_rejected", f"no rule answers {request.text[:80]!r}")


class Function:
    """A function of the user's that answers."""

    images_per_second = None

    def __init__(self, answer: Answer) -> None:
        """Keep the function."""
        self._answer = answer

    async def respond(self, request: Request) -> Response:
        """Answer by the function."""
        images = [image.pixels for image in request.pictures]
        try:
            text = await asyncio.to_thread(self._answer, request.text, images)
        except Exception as error:  # the user's own
            return failed("mllm_bad_response", f"{type(error).__name__}: {error}")
        if not isinstance(text, str):
            return failed("mllm_bad_response", f"answer() returned {type(text).__name__}, not str")
        return _respond(request, text, None)


class Responder(Protocol):
    """What a file comes to."""

    @property
    def images_per_second(self) -> float | None:
        """Requests that end in a second; None for as many as come."""
        ...

    async def respond(self, request: Request) -> Response:
        """Answer a request."""
        ...


def read_dummy(path: str) -> Responder:
    """Read the file of a dummy.

    Raises:
        InputError: it is not there, or not as this module says.
    """
    file = Path(path)
    flag = f"--mllm dummy:{path}"
    if file.suffix not in SUFFIXES:
        raise InputError(f"{flag}: give a file that ends in {', '.join(SUFFIXES)}")
    try:
        if file.suffix == ".py":
            return _function(flag, file)
        return Rules.model_validate(_rules(file))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{flag}: {where or 'the file'}: {first['msg']}") from error
    except OSError as error:
        raise InputError(f"{flag}: cannot be read ({error.strerror})") from error
    except (ValueError, yaml.YAMLError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{flag}: is not valid {file.suffix[1:].upper()} ({reason})") from error


def _rules(file: Path) -> Any:
    """The content of a file, as `Rules` takes it."""
    text = file.read_text("utf-8")
    if file.suffix == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        return {"rules": [{name: cell for name, cell in row.items() if cell} for row in rows]}
    found = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    return {"rules": found} if isinstance(found, list) else found


def _function(flag: str, file: Path) -> Function:
    file.read_bytes()  # one that is not there is no fault of its code
    try:
        answer = runpy.run_path(str(file)).get("answer")
    except Exception as error:  # the user's own
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{flag}: the module cannot be run ({reason})") from error
    if not callable(answer):
        raise InputError(f"{flag}: defines no function answer(text, images)")
    return Function(answer)


def _digest(request: Request) -> int:
    digest = xxhash.xxh3_64(request.text.encode())
    for image in request.pictures:
        digest.update(np.ascontiguousarray(image.pixels).data)
    return digest.intdigest()


def _respond(request: Request, text: str, finish_reason: str | None) -> Response:
    """A text as a response, cut at the token limit."""
    words, limit = text.split(), request.sampling.max_tokens
    if len(words) > limit:
        text, words, finish_reason = " ".join(words[:limit]), words[:limit], "length"
    return Response(text, finish_reason or "stop", len(request.text.split()), len(words))
