"""Few-shot baselines of the paper: some images before the one that is asked about.

They stand in one request with it (paper, section 4.1 and appendix E; ``baseline/
multi_random_label.py`` of the code): with classes drawn at random, with those that the model itself
gives to them, or without any, "multiple images display".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from methods.autosep.prompts import PromptTexts
from methods.autosep.seeded_choice import uniform
from methods.choices import marks
from methods.class_matching import display_name

ShotLabels = Literal["none", "random", "mllm"]
"""What is said of the images shown before: nothing, a class at random, or the model's own."""


def random_class(image: int, classes: int, seed: int) -> int:
    """The class of one of so many that an image shown gets at random."""
    return int(uniform(seed, "shot", image) * classes)


def few_shot_text(texts: PromptTexts, labels: Sequence[int | None]) -> str:
    """The question about the last of several images.

    Args:
        texts: with the prompt ``few_shot``.
        labels: of the images before it, indices of classes; None where nothing is said.
    """
    kind = f"kind of {texts.category}"
    if all(label is None for label in labels):
        return texts.few_shot(f"The first {len(labels)} images each show some {kind}.")
    pairs = zip(marks(len(texts.classes)), texts.classes, strict=True)
    names = [f"{mark}. {display_name(name)}" for mark, name in pairs]
    lines = [
        f"Image {place} shows the {kind}: {names[label]}"
        for place, label in enumerate(labels, start=1)
        if label is not None
    ]
    return texts.few_shot("\n".join(lines))
