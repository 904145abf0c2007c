"""What the search asks a multimodal LLM, and who answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["describe", "compare", "classify", "vote", "reflect", "modify", "paraphrase"]
"""What a question is for, which decides how its answer is sampled."""


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        text: as the model gets it.
        images: ids of the images shown.
        draw: tells apart questions that are the same in all else, where answers are sampled.
    """

    text: str
    images: tuple[int, ...] = ()
    draw: str = ""


class Mllm(Protocol):
    """Whoever answers: the jobs' replicas, or a stand-in of a test."""

    def ask(self, stage: str, kind: Kind, questions: Sequence[Question]) -> list[str | None]:
        """Return the usable text of each answer, in order; None where none came.

        Args:
            stage: name of this call, used once in a search.
            kind: what the questions are for.
            questions: may be empty, and may hold the same question several times.
        """
        ...
