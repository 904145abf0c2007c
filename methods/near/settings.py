"""How NeaR trains: defaults of the works it builds on, or ours, as the paper's are not public.

Our own were chosen on a toy world of vectors and on drawn archives (seeds 4101 to 4103): to warm up
on candidates, to average predictions with the nearest neighbour's, to keep the candidates that
clean images gave, to align predictions with the frequencies of names, and to mix no label in.
Nearest to the published works, what is kept aside, are ``first="labels", warmup=1, views=0,
alignment=0, trust=1, sharpen=2, alpha1=0.5``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

Method = Literal["near", "ce", "proden"]
First = Literal["candidates", "labels"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        method: ``near``, or one of the two it is compared with.
        epochs: passes over the images.
        warmup: epochs before the first split. On labels, more than about three are too many with
            three images a class: noise is memorised and the split no longer finds it.
        first: what warm-up trains on: ``candidates``, as PRODEN does, or ``labels``.
        views: nearest images whose predictions are averaged with an image's own, for the split and
            for its target: cached features have no augmented views, and neighbours stand in. As
            many as there are other images of a class, or more, mix classes up.
        trust: how far a clean label is mixed into its target, as a share of its weight.
        batch: images a step.
        lr: learning rate after the first epoch, from which it falls along a cosine.
        first_epochs, first_lr: epochs at a constant rate before that, and the rate.
        momentum, weight_decay: of stochastic gradient descent.
        threshold: probability above which a label is clean.
        window: epochs over which losses are averaged for the split.
        alignment: how often predictions are multiplied towards the frequencies of the labels, each
            epoch; see `methods.near.frequency_alignment`.
        sharpen: power that refined targets are raised to.
        alpha1: weight of the negative entropy in warm-up, against early certainty.
        alpha2: weight of the divergence from equally frequent names; 0, because with made-up names
            it pushes predictions onto junk.
        seed: of the order of images.
    """

    method: Method = "near"
    epochs: int = 50
    warmup: int = 3
    first: First = "candidates"
    views: int = 1
    trust: float = 0.0
    batch: int = 32
    lr: float = 0.002
    first_epochs: int = 1
    first_lr: float = 1e-5
    momentum: float = 0.9
    weight_decay: float = 5e-4
    threshold: float = 0.5
    window: int = 5
    alignment: int = 3
    sharpen: float = 1.0
    alpha1: float = 0.0
    alpha2: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}; use one of {', '.join(METHODS)}")
        if self.first not in get_args(First):
            raise ValueError(f"first is {self.first!r}; use one of {', '.join(get_args(First))}")
        if min(self.epochs, self.batch, self.window) < 1:
            raise ValueError("epochs, batch and window must be 1 or more")
        if min(self.warmup, self.first_epochs, self.views, self.alignment) < 0:
            raise ValueError("warm-up, first epochs, views and alignment must be 0 or more")


def learning_rate(epoch: int, settings: TrainSettings) -> float:
    """The rate of an epoch: constant at first, then half a cosine over the number of epochs."""
    after = epoch - settings.first_epochs
    if after < 0:
        return settings.first_lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * after / settings.epochs))
