"""What an endpoint takes in the body of a request, learned from what it refuses.

Servers of one protocol differ: some refuse ``max_tokens`` for ``max_completion_tokens``, some any
``temperature``, some a constraint on the answer. A `Dialect` never changes; refusals make another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.mllm.request import Request, rejected

_OPTIONAL: Final = ("temperature", "top_p", "seed")
_UNKNOWN: Final = re.compile(
    r"support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|extra (input|field)"
    r"|deprecated|forbidden|incompatible|not compatible|cannot be (set|used|specified)",
    re.IGNORECASE,
)
_FORMS: Final = ("structured_outputs", "guided_", "response_format", "json_schema", "json_object")


@dataclass(frozen=True)
class Dialect:
    """What one endpoint takes.

    Attributes:
        tokens: name of the limit of an answer's length.
        left_out: fields that it refuses.
        guided: whether it takes vLLM's ``structured_outputs``.
        json: the strictest form of JSON that it takes: ``json_schema``, ``json_object`` or none.
    """

    tokens: str = "max_tokens"
    left_out: frozenset[str] = frozenset()
    guided: bool = True
    json: str = "json_schema"

    def body(self, request: Request) -> dict[str, Any]:
        """The fields of a request that endpoints differ in."""
        sampling = request.sampling
        body: dict[str, Any] = {
            self.tokens: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if sampling.temperature:
            body["seed"] = sampling.seed
        body = {name: value for name, value in body.items() if name not in self.left_out}
        if request.response_format == "guided" and (constraint := request.constraint()):
            if self.guided:
                body["structured_outputs"] = constraint  # vLLM's servers know it
        elif (schema := request.schema()) is not None and self.json:
            body["response_format"] = {"type": self.json}
            if self.json == "json_schema":
                wanted = {"name": "answer", "strict": True, "schema": schema}
                body["response_format"]["json_schema"] = wanted
        return body

    def after(self, sent: Mapping[str, Any], param: str, message: str) -> tuple[Dialect, str]:
        """What to speak after a refusal, and a sentence on it; itself and "" if it is no help.

        Args:
            sent: the body that was refused, without what the user added.
            param: the field that the refusal names, or empty.
            message: of the refusal.
        """
        if rejected(message).error == "mllm_too_long":
            return self, ""
        form = next(
            (name for name in ("structured_outputs", "response_format") if name in sent), ""
        )
        if form and any(name in f"{param} {message}" for name in _FORMS):
            return self._looser(form)
        if not _UNKNOWN.search(message):
            return self, ""
        if "max_tokens" in sent and _names("max_tokens", param, message):
            return replace(self, tokens="max_completion_tokens"), (
                "max_tokens is refused; max_completion_tokens is sent instead"
            )
        for name in _OPTIONAL:
            if name in sent and _names(name, param, message):
                return replace(self, left_out=self.left_out | {name}), (
                    f"{name} is refused and left out; the endpoint's own value holds"
                )
        return self, ""

    def _looser(self, form: str) -> tuple[Dialect, str]:
        if form == "structured_outputs":
            return replace(self, guided=False), (
                "structured_outputs is refused and left out; answers are read as they come"
            )
        if self.json == "json_schema":
            return replace(self, json="json_object"), (
                "a JSON schema is refused; response_format json_object is sent instead"
            )
        return replace(self, json=""), (
            "response_format is refused and left out; answers are read as they come"
        )


def _names(field: str, param: str, message: str) -> bool:
    return param == field if param else re.search(rf"\b{field}\b", message) is not None
