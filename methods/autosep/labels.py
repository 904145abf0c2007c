"""Baselines of the paper: prompts judged by accuracy against labels that nobody gave.

The labels are random, or the majority of several answers of the model itself (paper, section 4.1).
A prompt's score is the share of images that the model, shown the prompt's description, gives their
label. As in the public code (``baseline/main.py``), answers that vote are given with descriptions,
at first those of the first prompt, and after each round anew with those of the best one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from methods.autosep.history import Tally
from methods.autosep.objective import DescriptionJudge, ErrorShown
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, SearchRequest
from methods.autosep.seeded_choice import choose, uniform
from methods.autosep.settings import SearchSettings
from methods.choices import ChoiceReader
from methods.class_matching import display_name


def random_labels(images: Sequence[int], classes: int, seed: int) -> dict[int, int]:
    """A class for each image, at random."""
    return {image: int(uniform(seed, "label", image) * classes) for image in images}


def majority(votes: Mapping[int, int]) -> int:
    """The class with the most votes; of equal ones, the first of the list."""
    return min(votes, key=lambda index: (-votes[index], index))


class LabelObjective(DescriptionJudge):
    """Accuracy against given labels."""

    def __init__(
        self,
        mllm: Mllm,
        labels: Mapping[int, int],
        wording: PromptTexts,
        settings: SearchSettings,
    ) -> None:
        """Prepare for images with a label each, an index of the wording's classes."""
        super().__init__(mllm, list(labels), wording, settings)
        self._labels = labels
        self._reader = ChoiceReader(wording.classes)
        self._choices: dict[str, dict[int, int | None]] = {}

    def score(
        self, round_: int, stage: str, prompts: Sequence[str], images: Sequence[int]
    ) -> dict[str, Tally]:
        """Describe and classify images with each prompt."""
        labelled = [image for image in images if image in self._labels]
        self._descriptions.need(f"{stage}_describe", prompts, labelled)
        places = [
            (prompt, image)
            for prompt in prompts
            for image in labelled
            if image not in self._choices.get(prompt, {})
            and self._descriptions.of(prompt, image) is not None
        ]
        requests = [
            SearchRequest(self._wording.classify(self._descriptions.of(*place) or ""), (place[1],))
            for place in places
        ]
        replies = self._mllm.generate(f"{stage}_classify", "classify", requests)
        for (prompt, image), reply in zip(places, replies, strict=True):
            if reply is not None:
                self._choices.setdefault(prompt, {})[image] = self._reader.read(reply)
        return {prompt: self._tally(prompt, labelled) for prompt in prompts}

    def mine(self, round_: int, stage: str, prompts: Sequence[str]) -> dict[str, list[ErrorShown]]:
        """Images of a random minibatch that were given another class than their label."""
        settings = self._settings
        seen = sorted({image for prompt in prompts for image in self._choices.get(prompt, {})})
        batch = choose(seen, settings.minibatch, settings.seed, "minibatch", round_)
        return {prompt: self._errors(prompt, sorted(batch)) for prompt in prompts}

    def choose(self, stage: str, prompts: Sequence[str], images: Sequence[int]) -> dict[str, Tally]:
        """Judge prompts on these images; answers that are known are not asked for again."""
        return self.score(0, stage, prompts, images)

    def _tally(self, prompt: str, images: Sequence[int]) -> Tally:
        choices = self._choices.get(prompt, {})
        classified = [image for image in images if image in choices]
        return Tally(
            right=sum(choices[image] == self._labels[image] for image in classified),
            comparisons=len(classified),
            unparsable=sum(choices[image] is None for image in classified),
            missing=len(images) - len(classified),
        )

    def _errors(self, prompt: str, images: Sequence[int]) -> list[ErrorShown]:
        names, errors = [display_name(name) for name in self._wording.classes], []
        for image, choice in self._choices.get(prompt, {}).items():
            label = self._labels[image]
            if image in images and choice != label:
                guess = "none of the classes" if choice is None else names[choice]
                description = self._descriptions.of(prompt, image)
                errors.append(
                    ErrorShown(
                        image,
                        f'Description: "{description}"\nCorrect class: {names[label]}\n'
                        f"Predicted class: {guess}",
                    )
                )
        return errors


class MajorityObjective(LabelObjective):
    """Accuracy against the majority of several answers, which the model gives anew each round."""

    def __init__(
        self, mllm: Mllm, images: Sequence[int], wording: PromptTexts, settings: SearchSettings
    ) -> None:
        """Prepare for images; they have no label until the first prompt is known."""
        super().__init__(mllm, {}, wording, settings)
        self._images = sorted(images)

    def settle(self, round_: int, stage: str, best: str) -> bool:
        """Label the images by votes with the best prompt's descriptions.

        An image without a vote keeps the label it had; without one it is left out.
        """
        self._descriptions.need(f"{stage}_describe", [best], self._images)
        places = [
            (image, text, vote)
            for image in self._images
            if (text := self._descriptions.of(best, image)) is not None
            for vote in range(self._settings.votes)
        ]
        requests = [
            SearchRequest(self._wording.classify(text), (image,), f"vote {vote} of {round_}")
            for image, text, vote in places
        ]
        votes: dict[int, Counter[int]] = {}
        replies = self._mllm.generate(stage, "vote", requests)
        for (image, _, _), reply in zip(places, replies, strict=True):
            choice = None if reply is None else self._reader.read(reply)
            if choice is not None:
                votes.setdefault(image, Counter())[choice] += 1
        self._labels = {**self._labels, **{image: majority(own) for image, own in votes.items()}}
        return True
