"""How right labels are, from how labellers agree: an estimate with a 90 % interval, no label read.

Of two labellers agreement alone does not say it, of three it does if their mistakes have nothing in
common, which mistakes of real labellers have. So what cannot be seen, how much hard images are hard
for all, how alike mistakes are, how far one takes over another's label, has a prior (`Priors`), and
the interval holds what is left open after the agreement has been seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methods.audit.likelihood import Floats, Likelihood, Supposed
from methods.audit.patterns import ABSENT, Codes, Patterns, patterns_of
from methods.audit.sampling import walk

LEVEL: Final = 0.90
MOST_LABELLERS: Final = 4
_BINS: Final = np.array([-1.0, 0.0, 1.0])
_WALKERS: Final = 60
_ONE_ERROR: Final = 0.95
"""Correlation of what two runs of one model are wrong about in their own confidence."""


@dataclass(frozen=True)
class Priors:
    """What is supposed before agreement is seen: means and standard deviations of normals.

    Attributes:
        skill: logit of a labeller's accuracy on an image of middling difficulty.
        alike: correlation of the skills of two labellers: what is hard for one is hard for all.
        akin: the same of two that ask one model.
        slope: logits that its score's upper third is better than the middle third.
        shared: logarithm of what difficulty does, in logits.
        decoy: logit of the share of mistakes that are the one mistake the image suggests.
        copy: logit of the share of labels taken over, of two that have no source in common.
        related: the same of two that ask one model.
        confidence: standard deviation, in logits, of the mean of scores that are probabilities, as
            CLIP's are, around the skill; one error for all that ask one model.
        model_spread: logits by which the model itself may be wrong: real mistakes are not its.
        class_spread: logits that a class differs from the others, beyond what agreement shows.
    """

    skill: tuple[float, float] = (0.7, 1.0)
    alike: float = 0.5
    akin: float = 0.8
    slope: tuple[float, float] = (0.4, 0.5)
    shared: tuple[float, float] = (-0.1, 0.6)
    decoy: tuple[float, float] = (0.2, 0.7)
    copy: tuple[float, float] = (-4.0, 1.3)
    related: tuple[float, float] = (0.5, 1.3)
    confidence: float = 0.7
    model_spread: float = 0.15
    class_spread: float = 0.5


class CredibleInterval(NamedTuple):
    """An estimate and the interval that holds the truth with a probability of `LEVEL`."""

    estimate: float
    low: float
    high: float


class Estimated(NamedTuple):
    """What agreement says of the first labeller.

    Attributes:
        accuracy: share of all images whose label is right; an image without a label is wrong.
        per_class: by code of the first labeller's labels: of the images so labelled, those right.
        right: float64 (n,), the probability of each image's label to be right, 0 without one.
        copies: float64 (J, J), ``[j, i]`` how much of its labels j seems to take from i < j.
    """

    accuracy: CredibleInterval
    per_class: dict[int, CredibleInterval]
    right: Floats
    copies: Floats


def estimate(
    labels: Codes,
    score: Floats | None,
    related: Sequence[tuple[int, int]],
    n_classes: int,
    seed: int,
    confidence: Sequence[float | None] = (),
    priors: Priors | None = None,
    steps: int = 700,
) -> Estimated:
    """Estimate the accuracy of the first labeller.

    Args:
        labels: int64 (n, J), codes, `ABSENT` without a label; J from 2 to `MOST_LABELLERS`.
        score: float64 (n,), the first labeller's scores, NaN where it has none; None without.
        related: pairs of labellers that ask one model.
        n_classes: classes that there are.
        seed: of the draws.
        confidence: of each labeller the mean of its scores where they are probabilities.
        priors: what is supposed before.
        steps: of the sampler.

    Raises:
        ValueError: there are too few or too many labellers, or no images.
    """
    n, count = labels.shape
    if not 2 <= count <= MOST_LABELLERS or not n:
        raise ValueError(f"expected images and 2 to {MOST_LABELLERS} labellers, got {labels.shape}")
    priors = priors or Priors()
    rng = np.random.default_rng(seed)
    patterns = patterns_of(labels)
    bin_of, bins = _bins_of(score, labels[:, 0])
    likelihood = Likelihood(patterns.table, bins)
    counts = np.zeros((len(bins), len(patterns.table)))
    np.add.at(counts, (bin_of, patterns.of_image), 1)
    told = [*confidence, *[None] * count][:count]
    skills = skill_prior(told, related, priors)
    space = _Space(skills, related, n_classes, priors, sloped=len(bins) > 1)

    def log_density(points: Floats) -> Floats:
        total, _ = likelihood.of(space.supposed(points))
        fit: Floats = np.einsum("bp,sbp->s", counts, np.log(total + 1e-12))
        return fit + space.log_prior(points)

    start = space.mean + 0.7 * rng.standard_normal((_WALKERS, space.width)) @ space.root.T
    draws = walk(log_density, start, steps, rng)
    draws = draws[rng.choice(len(draws), min(len(draws), 600), replace=False)]
    total, right = likelihood.of(space.supposed(draws))
    share = right / (total + 1e-300)  # (S, B, P)
    return _summed(labels, patterns, bin_of, share, rng, priors, space.supposed(draws).copies)


class SkillPrior(NamedTuple):
    """What is supposed of the skills of J labellers: a normal, (J,) and (J, J)."""

    mean: Floats
    covariance: Floats


def skill_prior(
    confidence: Sequence[float | None], related: Sequence[tuple[int, int]], priors: Priors
) -> SkillPrior:
    """Suppose skills, after the scores that are probabilities have been seen.

    Skills are normal and alike, those of one model more. A mean of such scores is a skill with an
    error, and this error is one for all that ask one model: what it thinks of itself counts once.

    Args:
        confidence: of each labeller the mean of its scores where they are probabilities.
        related: pairs of labellers that ask one model.
        priors: what is supposed.
    """
    count = len(confidence)
    kin = np.eye(count, dtype=bool)
    for i, j in related:
        kin[i, j] = kin[j, i] = True
    mean, spread = priors.skill
    correlation = np.where(kin, priors.akin, priors.alike)
    np.fill_diagonal(correlation, 1.0)
    covariance = spread**2 * _positive(correlation)
    seen = [j for j, value in enumerate(confidence) if value is not None]
    if not seen:
        return SkillPrior(np.full(count, mean), covariance)
    said = np.array([_logit(value) for value in confidence if value is not None])
    error = np.where(kin[np.ix_(seen, seen)], _ONE_ERROR, 0.0)
    np.fill_diagonal(error, 1.0)
    noise = priors.confidence**2 * _positive(error)
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + noise)
    return SkillPrior(mean + gain @ (said - mean), covariance - gain @ covariance[seen])


def _positive(correlation: Floats) -> Floats:
    """The correlation, made one: kinship of three is not always that of a family."""
    values, vectors = np.linalg.eigh(correlation)
    fixed = (vectors * np.maximum(values, 0.05)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    found: Floats = fixed / np.outer(scale, scale)
    return found


def _logit(share: float) -> float:
    bounded = min(max(share, 0.05), 0.97)
    return float(np.log(bounded / (1 - bounded)))


def _bins_of(score: Floats | None, first: Codes) -> tuple[Codes, Floats]:
    """The third of the scores that each image is in; one bin where scores say nothing."""
    nothing = np.zeros(len(first), dtype=np.int64), np.zeros(1)
    if score is None:
        return nothing
    known = np.isfinite(score) & (first != ABSENT)
    if known.sum() < 30 or len(np.unique(score[known])) < 6:
        return nothing
    edges = np.quantile(score[known], [1 / 3, 2 / 3])
    at = np.searchsorted(edges, np.where(known, score, edges.mean()), side="right")
    return at.astype(np.int64), _BINS


class _Space:
    """The parameters as points of a space, with their prior."""

    def __init__(
        self,
        skills: SkillPrior,
        related: Sequence[tuple[int, int]],
        n_classes: int,
        priors: Priors,
        sloped: bool,
    ) -> None:
        count = len(skills.mean)
        self._count, self._sloped = count, sloped
        # of few classes, two mistakes are often the same one
        self._least = float(np.sqrt(1.0 / max(n_classes - 1, 1)))
        self._pairs = [(j, i) for j in range(count) for i in range(j)]
        kin = {frozenset(pair) for pair in related}
        copies = [priors.related if frozenset(p) in kin else priors.copy for p in self._pairs]
        all_priors = [
            *([priors.slope] if sloped else []),
            priors.shared,
            priors.decoy,
            *copies,
        ]
        self.mean = np.concatenate([skills.mean, [each[0] for each in all_priors]])
        self.width = len(self.mean)
        covariance = np.diag([0.0] * count + [each[1] ** 2 for each in all_priors])
        covariance[:count, :count] = skills.covariance
        self.root = np.linalg.cholesky(covariance)
        self._precision = np.linalg.inv(covariance)

    def supposed(self, points: Floats) -> Supposed:
        count, sloped = self._count, int(self._sloped)
        skill = points[:, :count]
        slope = np.zeros_like(skill)
        if sloped:  # of the first labeller, and a part of it for the others: hard is hard for all
            slope[:, 0] = points[:, count]
            slope[:, 1:] = 0.5 * points[:, count : count + 1]
        at = count + sloped
        shared = np.exp(np.clip(points[:, at], -5, 2))
        decoy = self._least + (1 - self._least) / (1 + np.exp(-points[:, at + 1]))
        copies = np.zeros((len(points), count, count))
        for column, (j, i) in enumerate(self._pairs, start=at + 2):
            copies[:, j, i] = 1 / (1 + np.exp(-points[:, column]))
        return Supposed(skill, slope, shared, decoy, copies)

    def log_prior(self, points: Floats) -> Floats:
        away = points - self.mean
        found: Floats = -0.5 * np.einsum("si,ij,sj->s", away, self._precision, away)
        return found


def _summed(
    labels: Codes,
    patterns: Patterns,
    bin_of: Codes,
    share: Floats,
    rng: np.random.Generator,
    priors: Priors,
    copies: Floats,
) -> Estimated:
    """Sum up the draws: images, classes and the whole."""
    given = labels[:, 0]
    cells = bin_of * len(patterns.table) + patterns.of_image
    n_cells = share.shape[1] * share.shape[2]
    flat = share.reshape(len(share), n_cells)
    flat = np.where(np.isfinite(flat), flat, 0.0)
    right = np.where(given == ABSENT, 0.0, flat.mean(axis=0)[cells])

    def interval(rows: NDArray[np.bool_], spread: float) -> CredibleInterval:
        counts = np.bincount(cells[rows], minlength=n_cells).astype(np.float64)
        total = counts.sum()
        expected = flat @ counts / total
        variance = (flat * (1 - flat)) @ counts / total**2
        drawn = expected + np.sqrt(variance) * rng.standard_normal(len(flat))
        if spread:
            logit = np.log(np.clip(drawn, 1e-3, 1 - 1e-3) / (1 - np.clip(drawn, 1e-3, 1 - 1e-3)))
            drawn = 1 / (1 + np.exp(-logit - spread * rng.standard_normal(len(flat))))
        low, high = np.quantile(np.clip(drawn, 0, 1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return CredibleInterval(float(expected.mean()), float(low), float(high))

    labelled = given != ABSENT
    of_labelled = (
        interval(labelled, priors.model_spread)
        if labelled.any()
        else CredibleInterval(0.0, 0.0, 0.0)
    )
    part = float(labelled.mean())
    whole = CredibleInterval(*(part * value for value in of_labelled))
    classes = {
        int(code): interval(given == code, priors.class_spread)
        for code in np.unique(given[labelled])
    }
    return Estimated(whole, classes, right, copies.mean(axis=0))
