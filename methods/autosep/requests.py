"""What the search asks of a multimodal LLM, and who answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

RequestKind = Literal[
    "describe", "compare", "classify", "vote", "reflect", "modify", "paraphrase", "prefer"
]
"""What a request is for, which decides how its response is sampled."""


@dataclass(frozen=True)
class SearchRequest:
    """One request.

    Attributes:
        text: the prompt as the model gets it.
        images: ids of the images shown.
        draw: tells apart requests that are the same in all else, where responses are sampled.
    """

    text: str
    images: tuple[int, ...] = ()
    draw: str = ""


class Mllm(Protocol):
    """Whoever answers: the jobs' replicas, or a stand-in of a test."""

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        """Return the usable text of each response, in order; None where none came.

        Args:
            stage: name of this call, used once in a search.
            kind: what the requests are for.
            requests: may be empty, and may hold the same request several times.
        """
        ...
