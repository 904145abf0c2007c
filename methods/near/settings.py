"""How NeaR trains: defaults of the works it builds on, or ours, as the paper's are not public.

Our own were chosen on a toy world of vectors and on drawn archives (seeds 4101 to 4103): to warm up
on candidates, to average predictions with the nearest neighbour's, to keep the candidates that
clean images gave, to align predictions with the frequencies of names, and to mix no label in.
Nearest to the published works are ``warmup_on="labels", warmup=1, views=0, alignment=0, trust=1,
sharpening=2, entropy_weight=0.5``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Training = Literal["near", "ce", "proden"]
WarmupOn = Literal["candidates", "labels"]
TRAININGS: Final[tuple[Training, ...]] = get_args(Training)


@dataclass(frozen=True)
class NearTrainSettings:
    """How to train; the fields are named as the flags of ``fit near``.

    Attributes:
        training: ``near``, or one of the two it is compared with.
        epochs: passes over the images.
        warmup: epochs before the first split. On labels, more than about three are too many with
            three images a class: noise is memorised and the split no longer finds it.
        warmup_on: what warm-up trains on: ``candidates``, as PRODEN does, or ``labels``.
        views: nearest images whose predictions are averaged with an image's own, for the split and
            for its target: cached features have no augmented views, and neighbours stand in. As
            many as there are other images of a class, or more, mix classes up.
        trust: how far a clean label is mixed into its target, as a share of its weight.
        train_batch: images a step.
        learning_rate: after the first epoch, from which it falls along a cosine.
        first_epochs, first_rate: epochs at a constant rate before that, and the rate.
        momentum, weight_decay: of stochastic gradient descent.
        clean_threshold: probability above which a label is clean.
        loss_window: epochs over which losses are averaged for the split.
        alignment: how often predictions are multiplied towards the frequencies of the labels, each
            epoch; see `methods.near.frequency_alignment`.
        sharpening: power that refined targets are raised to.
        entropy_weight: of the negative entropy in warm-up, against early certainty.
        uniform_weight: of the divergence from equally frequent names; 0, because with
            made-up names it pushes predictions onto junk.
        seed: of the order of images.
    """

    training: Training = "near"
    epochs: int = 50
    warmup: int = 3
    warmup_on: WarmupOn = "candidates"
    views: int = 1
    trust: float = 0.0
    train_batch: int = 32
    learning_rate: float = 0.002
    first_epochs: int = 1
    first_rate: float = 1e-5
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clean_threshold: float = 0.5
    loss_window: int = 5
    alignment: int = 3
    sharpening: float = 1.0
    entropy_weight: float = 0.0
    uniform_weight: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        if self.training not in TRAININGS:
            raise ValueError(f"training is {self.training!r}; use one of {', '.join(TRAININGS)}")
        if self.warmup_on not in get_args(WarmupOn):
            raise ValueError(
                f"warmup_on is {self.warmup_on!r}; use one of {', '.join(get_args(WarmupOn))}"
            )
        if min(self.epochs, self.train_batch, self.loss_window) < 1:
            raise ValueError("epochs, train_batch and loss_window must be 1 or more")
        if min(self.warmup, self.first_epochs, self.views, self.alignment) < 0:
            raise ValueError("warmup, first_epochs, views and alignment must be 0 or more")

    @property
    def rate(self) -> float:
        """The learning rate where the cosine starts."""
        return self.learning_rate
