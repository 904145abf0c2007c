"""Strata of a review: images with alike chances that their label is right.

A label is right more often where its score is high, and some classes are harder than others. Both
are known of every image before a person looks at one, so an archive is cut by them: classes into a
few groups of alike mean score, and each group by the score into bands. A band gets as much of
``sum(sqrt(p (1 - p)))`` as the next, the rule of equal aggregate spread (Cochran, Sampling
Techniques, 3rd ed., 5A.7), so that there are more bands where scores say less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS: Final = 128
"""Of the histogram of scores of a class: what strata can tell apart."""
GROUPS: Final = 4
"""Of classes. A stratum needs answers of its own, so there are few."""
BANDS: Final = 5
"""Of scores in a group of classes."""
SMALLEST: Final = 0.005
"""Share of the archive below which a band is joined with its neighbour."""
_MIX: Final = 0.1
"""How far scores are believed: as though a label in ten were right by the toss of a coin."""


def spread(scores: Floats) -> Floats:
    """Return ``sqrt(p (1 - p))`` of scores in [0, 1], float64 of their shape, never near 0."""
    p = (1 - _MIX) * scores + _MIX / 2
    return np.sqrt(p * (1 - p))


@dataclass
class ScoreCounts:
    """How many images have a label and a score: one histogram for each label.

    Attributes:
        counts: by label, int64 (BINS + 1,); the last is of images without a score.
        lowest, highest: what scores lie between; [0, 1] unless told.
    """

    lowest: float = 0.0
    highest: float = 1.0
    counts: dict[str, Ints] = field(default_factory=dict)

    def bins(self, scores: Floats) -> Ints:
        """Return the bin of each score, int64 of the same shape; `BINS` where it is NaN."""
        span = max(self.highest - self.lowest, 1e-12)
        known = ~np.isnan(scores)
        at = np.full(len(scores), BINS, np.int64)
        place = np.clip((scores[known] - self.lowest) / span, 0, 1)
        # the arcsine of the root makes bins narrow at both ends, where most scores are
        place = np.arcsin(np.sqrt(place)) * 2 / np.pi
        at[known] = np.minimum(place * BINS, BINS - 1).astype(np.int64)
        return at

    def add(self, label: str, scores: Floats) -> None:
        """Count images of one label."""
        before = self.counts.setdefault(label, np.zeros(BINS + 1, np.int64))
        before += np.bincount(self.bins(scores), minlength=BINS + 1)

    def means(self) -> Floats:
        """Return the score that stands for each bin, float64 (BINS,)."""
        return self.at(np.arange(BINS, dtype=np.float64) + 0.5)

    def at(self, bins: Floats) -> Floats:
        """Return the score at a place counted in bins, float64 of the shape of ``bins``."""
        places: Floats = np.square(np.sin(bins / BINS * np.pi / 2))
        return self.lowest + places * (self.highest - self.lowest)


@dataclass(frozen=True)
class Strata:
    """H strata of the labelled images of an archive.

    Attributes:
        groups: the group of each label, from 0.
        bands: of each group, the band of each bin of scores, int64 (BINS + 1,), as numbers of
            strata: they count on from group to group.
        sizes: int64 (H,), images in each.
        scores: float64 (H,), their mean score, NaN where there is none.
        ranges: of each the lowest and highest score, for a person.
        group_of: the group of each.
    """

    groups: dict[str, int]
    bands: tuple[Ints, ...]
    sizes: Ints
    scores: Floats
    ranges: tuple[tuple[float, float], ...]
    group_of: tuple[int, ...]

    def of(self, label: str, bins: Ints) -> Ints:
        """Return the strata of images of one label, int64 of the shape of ``bins``."""
        return self.bands[self.groups[label]][bins]


def make_strata(found: ScoreCounts, groups: int = GROUPS, bands: int = BANDS) -> Strata:
    """Cut an archive into at most ``groups * (bands + 1)`` strata.

    Args:
        found: its labels and scores; one label at least.
        groups: of classes at most; there are fewer classes, there are fewer.
        bands: of a group at most; images without a score are a band of their own.
    """
    of_label = _groups(found, groups)
    number = max(of_label.values()) + 1
    middle = found.means()
    total = sum(int(each.sum()) for each in found.counts.values())
    tables: list[Ints] = []
    sizes: list[int] = []
    scores: list[float] = []
    ranges: list[tuple[float, float]] = []
    owner: list[int] = []
    for group in range(number):
        counts = np.zeros(BINS + 1, np.int64)
        for label, own in found.counts.items():
            if of_label[label] == group:
                counts += own
        table = np.zeros(BINS + 1, np.int64)
        for first, last in _bands(counts, middle, bands, SMALLEST * total):
            table[first:last] = len(sizes)
            own = counts[first:last]
            sizes.append(int(own.sum()))
            owner.append(group)
            if first == BINS:
                scores.append(float("nan"))
                ranges.append((float("nan"), float("nan")))
            else:
                scores.append(float((own * middle[first:last]).sum() / own.sum()))
                low, high = found.at(np.array([first, last], np.float64))
                ranges.append((float(low), float(high)))
        tables.append(table)
    return Strata(
        of_label,
        tuple(tables),
        np.array(sizes, np.int64),
        np.array(scores),
        tuple(ranges),
        tuple(owner),
    )


def _groups(found: ScoreCounts, groups: int) -> dict[str, int]:
    """Classes in groups of about as many images, in the order of their mean scores."""
    middle = found.means()

    def mean(label: str) -> float:
        own = found.counts[label][:BINS]
        return float((own * middle).sum() / own.sum()) if own.sum() else -1.0

    order = sorted(found.counts, key=lambda label: (mean(label), label))
    if len(order) <= groups:
        return {label: at for at, label in enumerate(order)}
    images = np.array([found.counts[label].sum() for label in order], np.float64)
    before = images.cumsum() - images / 2  # a class lies where its middle lies
    at = np.minimum((before / images.sum() * groups).astype(np.int64), groups - 1)
    _, at = np.unique(at, return_inverse=True)
    return {label: int(place) for label, place in zip(order, at, strict=True)}


def _bands(counts: Ints, middle: Floats, bands: int, smallest: float) -> list[tuple[int, int]]:
    """Stretches of bins, each first and one past last, that together are all that hold images."""
    scored, without = counts[:BINS], int(counts[BINS])
    found: list[tuple[int, int]] = []
    if scored.sum():
        lie = middle if middle[0] >= 0 and middle[-1] <= 1 else np.full(BINS, 0.5)
        mass = (scored * spread(lie)).cumsum()
        edges = np.searchsorted(mass, mass[-1] * np.arange(1, bands) / bands, side="left") + 1
        cuts = np.unique([0, *np.minimum(edges, BINS), BINS])
        first = 0
        for last in cuts[1:]:
            if scored[first:last].sum() >= max(smallest, 1) or last == BINS:
                found.append((first, int(last)))
                first = int(last)
        if len(found) > 1 and scored[slice(*found[-1])].sum() < max(smallest, 1):
            found[-2:] = [(found[-2][0], BINS)]
    if without:
        found.append((BINS, BINS + 1))
    return found
