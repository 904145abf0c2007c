"""What a prompt is judged by: scores of prompts, and the errors that reflections see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from methods.autosep.history import PromptRecord, Tally
from methods.autosep.parsing import ComparisonReading
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, SearchRequest
from methods.autosep.settings import SearchSettings


@dataclass(frozen=True)
class ErrorShown:
    """An error for a reflection: the image, and what was right and wrong about it."""

    image: int
    text: str


def numbered(errors: Sequence[ErrorShown]) -> list[str]:
    """The errors as a model sees them: each below a heading with its number."""
    return [f"Image {place}\n{error.text}" for place, error in enumerate(errors, start=1)]


@dataclass(frozen=True)
class Reflection:
    """A reason why a prompt leads to errors, and the errors it was drawn from."""

    parent: PromptRecord
    number: int
    errors: list[ErrorShown]
    reason: str

    def texts(self) -> list[str]:
        """The errors as the model sees them."""
        return numbered(self.errors)

    def request(self, text: str, round_: int) -> SearchRequest:
        """Ask something about the errors' images."""
        images = tuple(error.image for error in self.errors)
        return SearchRequest(text, images, f"{round_} {self.number}")


class Objective(Protocol):
    """Judges description prompts on the images of the search, without their labels."""

    def score(
        self, round_: int, stage: str, prompts: Sequence[str], images: Sequence[int]
    ) -> dict[str, Tally]:
        """Judge prompts on images; what was judged in an earlier part of the round is kept.

        Returns:
            By prompt, the tally over all images of the round so far.
        """
        ...

    def mine(self, round_: int, stage: str, prompts: Sequence[str]) -> dict[str, list[ErrorShown]]:
        """Find errors of prompts that have been scored."""
        ...

    def choose(self, stage: str, prompts: Sequence[str], images: Sequence[int]) -> dict[str, Tally]:
        """Judge prompts once more, on draws that no earlier call has made, or other images."""
        ...

    def settle(self, round_: int, stage: str, best: str) -> bool:
        """Hear which prompt is the best one: the first at the start, then after each round.

        Returns:
            Whether earlier scores no longer hold, so that the beam is scored again.
        """
        ...


class Descriptions:
    """What each prompt's descriptions of the images are; each is asked for once."""

    def __init__(self, mllm: Mllm, settings: SearchSettings) -> None:
        """Start without any."""
        self._mllm, self._settings = mllm, settings
        self._texts: dict[tuple[str, int], str | None] = {}

    def of(self, prompt: str, image: int) -> str | None:
        """The description of an image; None where none came."""
        return self._texts[prompt, image]

    def need(self, stage: str, prompts: Iterable[str], images: Sequence[int]) -> None:
        """Describe images that have not been described; those that fail are asked again."""
        missing = [
            (prompt, image)
            for prompt in prompts
            for image in images
            if (prompt, image) not in self._texts
        ]
        for attempt in range(self._settings.description_retries + 1):
            name = stage if not attempt else f"{stage}_again_{attempt}"
            draw = f"again {attempt}" if attempt else ""
            requests = [SearchRequest(prompt, (image,), draw) for prompt, image in missing]
            replies = self._mllm.generate(name, "describe", requests)
            for place, reply in zip(missing, replies, strict=True):
                self._texts[place] = (reply or "").strip() or None
            missing = [place for place in missing if self._texts[place] is None]
            if not missing:
                return


class DescriptionJudge:
    """What judges prompts by the descriptions that they lead to: who answers, on which images."""

    def __init__(
        self,
        mllm: Mllm,
        images: Sequence[int],
        wording: PromptTexts,
        settings: SearchSettings,
        reading: ComparisonReading = "final",
    ) -> None:
        """Prepare for images, by id; ``reading`` is how comparisons are read."""
        self._mllm, self._images = mllm, sorted(images)
        self._wording, self._settings, self._reading = wording, settings, reading
        self._descriptions = Descriptions(mllm, settings)

    def settle(self, round_: int, stage: str, best: str) -> bool:
        """Nothing changes with the best prompt."""
        return False
