"""Problem documents (RFC 9457): what is wrong with a request, by field, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field

from methods.errors import OnomaError

if TYPE_CHECKING:
    from fastapi.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"
_LONGEST: Final = 300
_TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python before 3.13 has the older names."""


class Fault(BaseModel):
    """One thing that is wrong."""

    field: str = Field(description="the field at fault, such as images[1] or top_k")
    code: str = Field(description="what is wrong, for programs")
    detail: str = Field(description="what is wrong, and what would be right")


class Problem(BaseModel):
    """Why a request has no answer."""

    type: str = "about:blank"
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    code: str = Field(description="what is wrong, for programs")
    detail: str = Field(description="what is wrong, in a sentence")
    errors: list[Fault] = Field([], description="each fault, with the field that it is in")


@dataclass
class RequestError(OnomaError):
    """A request that cannot be answered; becomes a problem document.

    Attributes:
        status: HTTP status.
        code: a short word for programs.
        detail: a sentence.
        faults: (field, code, detail) of each.
        headers: of the answer.
    """

    status: int
    code: str
    detail: str
    faults: Sequence[tuple[str, str, str]] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[RequestError], tuple[object, ...]]:
        """Travel between processes with all its parts."""
        return RequestError, (self.status, self.code, self.detail, self.faults, self.headers)

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        from fastapi.responses import JSONResponse  # the client does without

        problem = Problem(
            title=_TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=shortened(self.detail),
            errors=[Fault(field=f, code=c, detail=shortened(d)) for f, c, d in self.faults],
        )
        return JSONResponse(problem.model_dump(), self.status, self.headers, MEDIA_TYPE)


def invalid(name: str, detail: str) -> RequestError:
    """A field with a value that cannot be."""
    return RequestError(422, "invalid_request", f"{name}: {detail}", [(name, "invalid", detail)])


def shortened(text: str) -> str:
    """What a user sent is never given back whole."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
