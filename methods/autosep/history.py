"""The record of a search: every prompt with what led to it and its scores, and every round."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Origin = Literal["initial", "modify", "paraphrase", "spo"]


@dataclass(frozen=True)
class Tally:
    """Comparisons of a prompt, counted.

    Attributes:
        right: how many chose the true description; a tie counts half.
        comparisons: those that count.
        unparsable: replies that could not be read, whether they count as wrong or not at all.
        ties: equal descriptions, half right without being asked about.
        missing: pairs dropped because a description or an answer did not come.
    """

    right: float = 0.0
    comparisons: int = 0
    unparsable: int = 0
    ties: int = 0
    missing: int = 0

    @property
    def value(self) -> float | None:
        """The share that was right, Psi of the paper's section 3.3; None without comparisons."""
        return self.right / self.comparisons if self.comparisons else None

    def __add__(self, more: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.right + more.right,
            self.comparisons + more.comparisons,
            self.unparsable + more.unparsable,
            self.ties + more.ties,
            self.missing + more.missing,
        )

    def record(self) -> dict[str, Any]:
        """As ``history.json`` has it."""
        return {"value": self.value, **asdict(self)}


@dataclass
class PromptRecord:
    """One prompt.

    Attributes:
        text: of the prompt.
        round: in which it was made; 0 for the first.
        parent: id of the prompt it was made from.
        origin: how.
        reason: the reflection that led to it.
        shown: the errors that the reflection saw: image ids and texts.
        scores: a round, a stage (search, part, choice) and a tally for each time it was scored.
    """

    text: str
    round: int
    parent: str | None = None
    origin: Origin = "initial"
    reason: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """A short name, made from the text."""
        return hashlib.blake2b(self.text.encode(), digest_size=6).hexdigest()

    def scored(self, round_: int, stage: str, tally: Tally) -> None:
        """Note a score."""
        self.scores.append({"round": round_, "stage": stage, **tally.record()})


@dataclass
class RoundRecord:
    """One round: its beam, best first, and what happened.

    Attributes:
        round: its number; 0 is the first prompt alone.
        beam: ids of the prompts kept, best first.
        best: score of the first of them.
        prompts: new ones.
        errors_found: by mining.
        notes: what a reader should know, in words.
    """

    round: int
    beam: list[str] = field(default_factory=list)
    best: float | None = None
    prompts: int = 0
    errors_found: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class History:
    """A search so far, or whole.

    Attributes:
        prompts: by id, in the order in which they were made.
        rounds: in order.
        chosen: id of the prompt that was learned; empty until the end.
        final: its score, on what (search, choice) and over how many comparisons.
    """

    prompts: dict[str, PromptRecord] = field(default_factory=dict)
    rounds: list[RoundRecord] = field(default_factory=list)
    chosen: str = ""
    final: dict[str, Any] = field(
        default_factory=lambda: {"value": None, "stage": "search", "comparisons": 0}
    )

    def add(self, prompt: PromptRecord) -> bool:
        """Add a prompt unless its text is known; says whether it was new."""
        if prompt.id in self.prompts:
            return False
        self.prompts[prompt.id] = prompt
        return True

    def record(self) -> dict[str, Any]:
        """As ``history.json`` has it."""
        return {
            "prompts": [{"id": id_, **asdict(entry)} for id_, entry in self.prompts.items()],
            "rounds": [asdict(entry) for entry in self.rounds],
            "chosen": self.chosen,
            "final": self.final,
        }
