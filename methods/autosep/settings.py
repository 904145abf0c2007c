"""Settings of AutoSEP's search for a description prompt, with the paper's values as defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

ObjectiveName = Literal["instance", "random_labels", "majority_labels", "spo"]
"""What a prompt is judged by: whether its descriptions tell images apart (AutoSEP), accuracy
against random labels or against the majority of several answers, or which of two prompts a judge
prefers (SPO); all but the first are the paper's baselines."""

Improvement = Literal[
    "reuse", "ties", "paired", "rescored", "three_states", "halving", "fresh_choice", "held_out"
]
"""Departures from the paper, each by itself:

reuse         errors are taken from the comparisons that scored a prompt: mining asks nothing
ties          two equal descriptions are half right and not asked about
paired        new prompts of a round are compared in the same order of texts, on the same pairs
rescored      the beam is scored again in every round, on the pairs that its new prompts are scored
              on: a score that was lucky with its pairs does not keep better prompts out
three_states  an unparsable comparison is neither right nor wrong, and no error to reflect on
halving       new prompts are scored on a part of the images first; the worse half is dropped
fresh_choice  the last beam is scored again, on fresh pairs, and that score decides
held_out      a share of the images is kept out of the search; the choice is made on them
"""

IMPROVEMENTS: Final[tuple[Improvement, ...]] = (
    "reuse", "ties", "paired", "rescored", "three_states", "halving", "fresh_choice", "held_out",
)  # fmt: skip


@dataclass(frozen=True)
class SearchSettings:
    """How the search runs; the letters are the paper's (section 4, and appendix).

    The fields that a user may set are named as the flags of ``fit autosep``.

    Attributes:
        objective: what a prompt is judged by.
        rounds: T.
        beam: b, prompts that a round starts from.
        negatives: k, other images that each image is compared with.
        reflections: l, reasons for each prompt of the beam.
        errors_shown: errors that a reflection sees (4 in the code; the paper does not say).
        prompts_per_reflection: new prompts asked for with a reason.
        paraphrases: of each new prompt and of its parent (1 in the code, none in the paper).
        max_children: kept of one parent's new prompts, at random (5 in the code); None for all.
        minibatch: images whose errors a round looks for; at most all.
        description_retries: how often an image is described again where no description came.
        longest_prompt: characters; longer new prompts are dropped; 0 for no limit.
        improvements: departures from the paper.
        choice_negatives: k of the final choice on fresh pairs or held-out images.
        held_out_share: of the images, for the improvement ``held_out``.
        votes: answers that a majority label is made of.
        seed: of all draws.
    """

    objective: ObjectiveName = "instance"
    rounds: int = 6
    beam: int = 4
    negatives: int = 2
    reflections: int = 4
    errors_shown: int = 4
    prompts_per_reflection: int = 1
    paraphrases: int = 0
    max_children: int | None = None
    minibatch: int = 50
    description_retries: int = 1
    longest_prompt: int = 8000
    improvements: frozenset[Improvement] = field(default_factory=frozenset)
    choice_negatives: int = 4
    held_out_share: float = 0.3
    votes: int = 5
    seed: int = 0
