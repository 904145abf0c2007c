"""What a pilot says without a label: how often each model is right, and what asking would gain.

The model was asked about N images with CLIP's k best classes as choices. Its choices are explained
by two numbers (a Dawid-Skene model, 1979, whose one labeller is CLIP with its probabilities): a
temperature of CLIP's probabilities, and ``right``, how often the model chooses the true class if
that is among the choices. Where it errs, each of the other choices is as likely; where the true
class is not among them, all k are. For an image with probabilities p over the k choices, of sum s,

    P(the model chooses j) = right p_j + (1 - right) (s - p_j) / (k - 1) + (1 - s) / k

and both numbers are means over a grid by their posterior probabilities, where every ``right`` is as
likely before and temperatures near 1 are preferred a little (a normal distribution of the
logarithm, one doubling wide): a peak of few answers may lie at 1 where a mean does not. Confident
images tell ``right``, uncertain ones the temperature. If both models make the same mistakes for the
same reason, agreement looks like being right, and every estimate here is too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.cascade.uncertainty import OWN, TEMPERATURES, Floats, nearest, probabilities

SHARES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares of the archive that a curve shows."""
KNEE: Final = 0.9
"""Of the accuracy that asking can gain, how much the knee of a curve has."""
ASSUMES: Final = (
    "no label was read: the estimate takes CLIP's probabilities at this temperature for right on "
    "average, takes the MLLM to be right equally often whenever the true class is among the "
    "choices, and its mistakes to be its own, spread evenly over the other choices; where both "
    "models make the same mistakes it is too high"
)

NOT_TAUGHT: Final = (
    "; what the answers teach about images that are not asked about is not in it, and it is the "
    "larger part of what a small budget gives"
)
"""Of a cascade whose answers teach a head."""

_CHANCES: Final[Floats] = np.linspace(0.0, 1.0, 201)
_DOUBLING: Final = float(np.log(2.0))
_TAIL: Final = 0.025


@dataclass(frozen=True)
class PilotFit:
    """What the pilot's answers say of both models.

    Attributes:
        images: of the pilot.
        answered: of these, with an answer that names a choice.
        agreed: of these, with CLIP's best class.
        at: place of the temperature in `TEMPERATURES`.
        right: probability that the model chooses the true class if it is among the choices.
        low, high: 95 % interval of ``right``, between quantiles of its posterior.
    """

    images: int
    answered: int
    agreed: int
    at: int
    right: float
    low: float
    high: float

    @property
    def usable(self) -> float:
        """Share of the questions that got an answer which can be used; 1 without a question."""
        return self.answered / self.images if self.images else 1.0

    @property
    def temperature(self) -> float:
        """Of CLIP's probabilities."""
        return float(TEMPERATURES[self.at])


def fit_pilot(
    logits: NDArray[np.float32],
    log_sums: NDArray[np.float32],
    chosen: NDArray[np.int64],
    at: int | None = None,
) -> PilotFit:
    """Fit temperature and ``right`` to the choices of a pilot.

    Args:
        logits: of the k choices of each image, best first, float32 (N, k).
        log_sums: as `probabilities` takes them, float32 (N, T).
        chosen: place among the k of the class that the model chose, int64 (N,); -1 where its
            answer could not be used.
        at: place of a temperature that is given; None to fit it.

    Raises:
        ValueError: no answer can be used, so nothing can be said.
    """
    used = chosen >= 0
    if not used.any():
        raise ValueError("no answer of the pilot names one of the choices")
    rows, picked = np.flatnonzero(used), chosen[used]
    classes = logits.shape[1]
    places = range(len(TEMPERATURES)) if at is None else [at]
    likelihoods = np.full((len(TEMPERATURES), len(_CHANCES)), -np.inf)
    for place in places:
        best = probabilities(logits[rows], log_sums[rows], place)
        own, inside = best[np.arange(len(rows)), picked], best.sum(axis=1)
        wrong = (inside - own) / max(classes - 1, 1)
        beyond = (1 - inside) / classes
        chance = wrong + beyond + (own - wrong) * _CHANCES[:, None]
        known = np.log(np.maximum(chance, 1e-12)).sum(axis=1)
        likelihoods[place] = known - (np.log(TEMPERATURES[place]) / _DOUBLING) ** 2 / 2
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    of_right = weights.sum(axis=0)
    below = np.searchsorted(of_right.cumsum(), [_TAIL, 1 - _TAIL])
    low, high = _CHANCES[np.minimum(below, len(_CHANCES) - 1)]
    doublings = float(weights.sum(axis=1) @ np.log(TEMPERATURES))
    return PilotFit(
        images=len(chosen),
        answered=len(rows),
        agreed=int((picked == 0).sum()),
        at=nearest(float(np.exp(doublings))),
        right=float(of_right @ _CHANCES),
        low=float(low),
        high=float(high),
    )


NOTHING_KNOWN: Final = PilotFit(0, 0, 0, OWN, 1.0, 0.0, 1.0)
"""Without a pilot: CLIP's own temperature, and a model that is right whenever it can be."""


@dataclass(frozen=True)
class CurvePoint:
    """One budget of a curve.

    Attributes:
        share: of the images asked about.
        images: asked about.
        calls: that these take.
        below: confidence of the most confident image asked about; 0 where none is.
        accuracy: expected of the whole archive.
        gain: expected, over asking about none.
    """

    share: float
    images: int
    calls: int
    below: float
    accuracy: float
    gain: float


def curve(
    best: Floats,
    order: NDArray[np.int64],
    fit: PilotFit,
    archive: int,
    calls_each: int = 1,
    shares: Sequence[float] = SHARES,
) -> list[CurvePoint]:
    """Expected accuracy against cost.

    An image that is kept counts with CLIP's probability of its best class, one that is asked about
    with ``right`` times that of all its choices, or with CLIP's where no answer can be used.

    Args:
        best: probabilities of the k choices at the temperature of the fit, float64 (n, k), n > 0.
        order: in which images are asked about (`methods.cascade.choosing.ranked`).
        fit: of a pilot.
        archive: images that the curve is for, of which the n are all or a sample.
        calls_each: calls that one image takes.
        shares: of the images, ascending.
    """
    kept = best[order, 0]
    asked = fit.usable * fit.right * best[order].sum(axis=1) + (1 - fit.usable) * kept
    won = np.concatenate([[0.0], np.cumsum(asked - kept)])
    highest = np.maximum.accumulate(kept)
    count, points = len(order), []
    for share in shares:
        number = int(share * count + 1e-9)
        images = int(share * archive + 1e-9)
        gain = float(won[number] / count)
        points.append(
            CurvePoint(
                share=share,
                images=images,
                calls=images * calls_each,
                below=float(highest[number - 1]) if number else 0.0,
                accuracy=float(kept.mean()) + gain,
                gain=gain,
            )
        )
    return points


def pick(points: Sequence[CurvePoint], wanted: float | None = None) -> CurvePoint:
    """Pick a budget of a curve: the smallest that reaches the accuracy wanted, or else the knee.

    The knee is the smallest with `KNEE` of the highest gain. Where the accuracy wanted is beyond
    the curve, what is picked is its highest point.
    """
    highest = max(points, key=lambda point: (point.gain, -point.images))
    goal = KNEE * highest.gain
    if wanted is not None:
        goal = min(wanted - (points[0].accuracy - points[0].gain), highest.gain)
    return next(point for point in points if point.gain >= goal - 1e-12)
