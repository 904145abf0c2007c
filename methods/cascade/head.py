"""A head of CLIP that learns what a model answered about some images, and labels the others.

The head is a class matrix that starts at CLIP's own. It explains the answers (softmax
cross-entropy) and is pulled to where it started, in the manner of an L2-SP penalty (Li et al. 2018,
Explicit Inductive Bias for Transfer Learning with Convolutional Networks, section 3.1). How strong
the pull is, and whether the head is used at all, is decided by cross-validation: answers left out
say under which strength they are the least surprising, CLIP's own matrix included. No label is
read: where the model errs, the head learns it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.cascade.uncertainty import OWN, TEMPERATURES

if TYPE_CHECKING:
    import torch

STRENGTHS: Final = (0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)
"""Of the pull, the strongest first: the more answers and classes, the weaker it is at its best."""
FOLDS: Final = 5
ENOUGH: Final = 1000
"""Answers left out that tell strengths apart: where one fold has as many, no other is needed."""
MOST: Final = 100_000
"""Answers that a head learns from: their features are held."""
_MOST_CELLS: Final = 1_000_000_000
"""The same times classes, or a fit for very many classes would take hours."""
_CHUNK: Final = 1 << 24
"""Logits that are held at once."""
_LESS_SURE: Final = TEMPERATURES[OWN:]
_STEPS: Final = 300
_TOLERANCE: Final = 1e-7

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """A head and what is known of it.

    Attributes:
        matrix: float32 (C, D), rows of unit length on average; CLIP's own where no head surprised
            answers left out less.
        scale: factor on products with features, under which answers left out surprise it the least.
        strength: of the pull; None where matrix and scale are CLIP's own.
        answers: that it learned from.
        left_out: answers that were left out in turn; 0 where there were too few to learn from.
        agreed: share of these that the head names, made of the others.
        agreed_before: share of these that CLIP's own matrix names.
    """

    matrix: Floats
    scale: float
    strength: float | None
    answers: int
    left_out: int = 0
    agreed: float = 0.0
    agreed_before: float = 0.0


def most_answers(classes: int) -> int:
    """Answers that a head of so many classes learns from."""
    return min(MOST, _MOST_CELLS // classes)


def learn_head(
    features: Floats, said: Places, start: Floats, scale: float, device: str = "cpu"
) -> Head:
    """Fit a head to answers, under the strength that cross-validation takes.

    Args:
        features: of the images with an answer, in an order that has to do with nothing, float32
            (n, D), unit rows.
        said: place of the class that each answer names, int64 (n,).
        start: CLIP's own matrix, float32 (C, D).
        scale: factor on cosines.
        device: torch's, that computes.
    """
    import torch

    count = len(said)
    if count < FOLDS:
        return Head(start, scale, None, count)
    on = torch.device(device)
    lesson = _Lesson(
        torch.from_numpy(np.ascontiguousarray(features)).to(on),
        torch.from_numpy(np.asarray(said, np.int64)).to(on),
        torch.from_numpy(np.ascontiguousarray(start * np.float32(scale))).to(on),
    )
    folds = torch.arange(count, device=on) % FOLDS
    turns = range(FOLDS if count < FOLDS * ENOUGH else 1)
    taught = [_Fold(lesson.of(folds != turn), lesson.of(folds == turn)) for turn in turns]
    left_out = sum(len(each.left_out.said) for each in taught)
    strength, before, after = _cross_validated(taught)
    agreed = after.agreed / left_out, before.agreed / left_out
    if strength is None:
        return Head(start, scale, None, count, left_out, *agreed)
    moved = _fit(lesson, strength, torch.zeros_like(lesson.start))
    logits = lesson.start + moved
    length = float(logits.norm(dim=1).mean())
    matrix = (logits / length).cpu().numpy()
    return Head(matrix, length / after.temperature, strength, count, left_out, *agreed)


class _Lesson(NamedTuple):
    """Features (n, D), what was said of them (n,), and CLIP's matrix times its scale (C, D)."""

    features: torch.Tensor
    said: torch.Tensor
    start: torch.Tensor

    def of(self, rows: torch.Tensor | slice) -> _Lesson:
        return self._replace(features=self.features[rows], said=self.said[rows])

    def logits(self, moved: torch.Tensor) -> Iterator[tuple[_Lesson, torch.Tensor]]:
        """The logits of a chunk of images after another, with a head that has moved so far."""
        matrix = self.start + moved
        step = max(1, _CHUNK // len(matrix))
        for at in range(0, len(self.said), step):
            own = self.of(slice(at, at + step))
            yield own, own.features @ matrix.T

    def likelihoods(self, moved: torch.Tensor) -> tuple[NDArray[np.float64], int]:
        """How well a head that has moved so far explains the answers.

        Returns:
            The sum of their log-likelihoods at each of `_LESS_SURE`, float64 (T,), and how many
            it names.
        """
        found, agreed = np.zeros(len(_LESS_SURE)), 0
        for own, logits in self.logits(moved):
            for at, temperature in enumerate(_LESS_SURE.tolist()):
                logs = (logits / temperature).log_softmax(dim=1).gather(1, own.said[:, None])
                found[at] += float(logs.double().sum())
            agreed += int((logits.argmax(dim=1) == own.said).sum())
        return found, agreed


class _Judged(NamedTuple):
    """A head by answers left out: the sum of their log-likelihoods, at which temperature of its
    logits, and how many it names."""

    likelihood: float
    temperature: float
    agreed: int


class _Fold:
    """Answers that are left out, and a head of the others; a weaker pull goes on from there."""

    def __init__(self, lesson: _Lesson, left_out: _Lesson) -> None:
        import torch

        self.left_out, self._lesson = left_out, lesson
        self.moved = torch.zeros_like(lesson.start)

    def learn(self, strength: float) -> None:
        self.moved = _fit(self._lesson, strength, self.moved)


def _cross_validated(folds: Sequence[_Fold]) -> tuple[float | None, _Judged, _Judged]:
    """The strength under which answers left out are the least surprising, if any helps.

    Returns:
        It, None where no head beats CLIP's own matrix; and both, judged by what was left out.
    """
    before = best = _judged(folds)
    strength = None
    for tried in STRENGTHS:
        for each in folds:
            each.learn(tried)
        judged = _judged(folds)
        if judged.likelihood > best.likelihood:
            strength, best = tried, judged
        elif strength is not None:
            break  # a weaker pull has it learn by heart
    if best.agreed < before.agreed:
        return None, before, before
    return strength, before, best


def _judged(folds: Sequence[_Fold]) -> _Judged:
    """By all that was left out, at the temperature under which it surprises the least.

    Without one, a head that only became less sure of itself would look as if it had learned.
    """
    each = [fold.left_out.likelihoods(fold.moved) for fold in folds]
    likelihoods = np.sum([own for own, _ in each], axis=0)
    at = int(likelihoods.argmax())
    agreed = sum(named for _, named in each)
    return _Judged(float(likelihoods[at]), float(_LESS_SURE[at]), agreed)


def _fit(lesson: _Lesson, strength: float, begin: torch.Tensor) -> torch.Tensor:
    """How far the head moves, in logits of a unit feature: (C, D).

    Minimises the mean cross-entropy and ``strength`` times half the squared distance; convex, so
    where it begins does not matter.
    """
    import torch
    from scipy.optimize import minimize

    shape, device, count = begin.shape, begin.device, len(lesson.said)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moved = torch.from_numpy(flat.astype(np.float32)).to(device).reshape(shape)
        value = strength * float(moved.double().square().sum()) / 2
        slope = strength * moved
        for own, logits in lesson.logits(moved):
            logs = logits.log_softmax(dim=1)
            wanted = own.said[:, None]
            value -= float(logs.gather(1, wanted).double().sum()) / count
            error = logs.exp_()
            error.scatter_add_(1, wanted, torch.full_like(wanted, -1.0, dtype=error.dtype))
            slope.addmm_(error.T, own.features, alpha=1 / count)
        return value, slope.cpu().numpy().astype(np.float64).ravel()

    found = minimize(
        loss,
        begin.cpu().numpy().astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        # a gradient has so many entries that each is small long before the end
        options={"maxiter": _STEPS, "ftol": _TOLERANCE, "gtol": 0.0},
    )
    return torch.from_numpy(found.x.astype(np.float32)).to(device).reshape(shape)
