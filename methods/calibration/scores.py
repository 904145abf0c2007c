"""Scores as probabilities: a temperature (Guo et al. 2017) or an isotonic curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Kind = Literal["temperature", "isotonic", "none"]

_FOLDS: Final = 5
_EDGE: Final = 1e-4


@dataclass(frozen=True)
class Curve:
    """From a score to the probability that its label is right.

    Attributes:
        kind: ``temperature``, ``isotonic`` or ``none``.
        temperature: what the score's logit is divided by.
        x, y: points of the isotonic curve.
    """

    kind: Kind
    temperature: float = 1.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __call__(self, scores: Floats) -> Floats:
        """Probabilities of scores in [0, 1], float64 of the same shape."""
        if self.kind == "isotonic":
            return np.interp(scores, self.x, self.y)
        if self.kind == "none":
            return scores
        bounded = np.clip(scores, _EDGE, 1 - _EDGE)
        logits = np.log(bounded / (1 - bounded))
        found: Floats = 1 / (1 + np.exp(-logits / self.temperature))
        return found

    def told(self) -> dict[str, Any]:
        """As plain values."""
        if self.kind == "temperature":
            return {"kind": self.kind, "temperature": self.temperature}
        if self.kind == "isotonic":
            return {"kind": self.kind, "x": list(self.x), "y": list(self.y)}
        return {"kind": self.kind}


def log_loss(curve: Curve, scores: Floats, right: Marks, weights: Floats) -> float:
    """The mean of -log of the probability given to what happened."""
    p = np.clip(curve(scores), _EDGE, 1 - _EDGE)
    each = np.where(right, np.log(p), np.log(1 - p))
    return float(-(weights * each).sum() / weights.sum())


def fit_curve(kind: Kind, scores: Floats, right: Marks, weights: Floats) -> Curve:
    """Fit a curve of one kind: scores float64 (m,), right bool (m,), weights float64 (m,)."""
    if kind == "none":
        return Curve("none")
    if kind == "temperature":

        def loss(log_t: float) -> float:
            return log_loss(Curve("temperature", float(np.exp(log_t))), scores, right, weights)

        best = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
        return Curve("temperature", float(np.exp(best.x)))
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(scores, right.astype(np.float64), sample_weight=weights)
    return Curve("isotonic", 1.0, tuple(model.X_thresholds_), tuple(model.y_thresholds_))


def held_out_loss(kind: Kind, scores: Floats, right: Marks, weights: Floats) -> float:
    """The log-loss of a kind on images that its curve was not fitted to, over five folds."""
    order = np.argsort(scores, kind="stable")
    fold = np.empty(len(scores), dtype=np.int64)
    fold[order] = np.arange(len(scores)) % _FOLDS  # every fold has scores of all heights
    losses = []
    for each in range(min(_FOLDS, len(scores))):
        out, rest = fold == each, fold != each
        if rest.any() and out.any():
            curve = fit_curve(kind, scores[rest], right[rest], weights[rest])
            losses.append(log_loss(curve, scores[out], right[out], weights[out]))
    return float(np.mean(losses)) if losses else float("inf")


def best_curve(scores: Floats, right: Marks, weights: Floats) -> tuple[Curve, dict[str, float]]:
    """The curve of the kind with the least held-out log-loss, and the losses by kind."""
    kinds: tuple[Kind, ...] = ("none", "temperature", "isotonic")
    losses: dict[Kind, float] = {
        kind: held_out_loss(kind, scores, right, weights) for kind in kinds
    }
    best = min(kinds, key=lambda kind: losses[kind])
    return fit_curve(best, scores, right, weights), {str(k): v for k, v in losses.items()}
