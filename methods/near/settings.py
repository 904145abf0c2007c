"""How NeaR trains; defaults are CoOp's, DivideMix's and JoAPR's, as the paper's are not public."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

Method = Literal["near", "ce", "proden"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        method: ``near``, or one of the two it is compared with.
        epochs: passes over the images.
        warmup: epochs before the first split; after about three, three images a class are
            memorised and the split no longer finds what is noisy.
        batch: images a step.
        lr: learning rate after the first epoch, from which it falls along a cosine.
        first_epochs, first_lr: epochs at a constant rate before that, and the rate.
        momentum, weight_decay: of stochastic gradient descent.
        threshold: probability above which a label is clean.
        window: epochs over which losses are averaged for the split.
        sharpen: power that refined targets are raised to.
        alpha1: weight of the negative entropy in warm-up, against early certainty.
        alpha2: weight of the divergence from equally frequent names; 0, because with made-up names
            it pushes predictions onto junk.
        seed: of the order of images.
    """

    method: Method = "near"
    epochs: int = 50
    warmup: int = 1
    batch: int = 32
    lr: float = 0.002
    first_epochs: int = 1
    first_lr: float = 1e-5
    momentum: float = 0.9
    weight_decay: float = 5e-4
    threshold: float = 0.5
    window: int = 5
    sharpen: float = 2.0
    alpha1: float = 0.5
    alpha2: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}; use one of {', '.join(METHODS)}")
        if min(self.epochs, self.batch, self.window) < 1 or min(self.warmup, self.first_epochs) < 0:
            raise ValueError("epochs, batch and window must be 1 or more, warm-up 0 or more")


def learning_rate(epoch: int, settings: TrainSettings) -> float:
    """The rate of an epoch: constant at first, then half a cosine over the number of epochs."""
    after = epoch - settings.first_epochs
    if after < 0:
        return settings.first_lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * after / settings.epochs))
