"""How far what comes in is from the archive that a classifier labelled: label mix and distances.

A reference is counted once from the labels of an archive and travels with the classifier. Both are
measured by plain differences of distributions, so 0 is the same and 1 has nothing in common.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from methods.errors import InputError

REFERENCE_FILE: Final = "reference.json"
BINS: Final = 200
"""Of the histogram of distances, over [0, 2]: what 1 less a cosine can be."""
EDGES: Final = np.linspace(0.0, 2.0, BINS + 1)


@dataclass
class Seen:
    """Counts of labelled images: of an archive (the reference), or of what an endpoint is sent.

    Attributes:
        images: how many.
        labels: how often each label was given; an image may have several or none.
        distances: int64 (`BINS`,), images by their distance from the closest class.
    """

    images: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    distances: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, labels: Iterable[str], distances: NDArray[np.floating]) -> None:
        """Count images: all the labels that they got, and float (n,) distances, one an image."""
        self.images += len(distances)
        self.labels.update(labels)
        self.distances += np.histogram(np.clip(distances, 0, 2), EDGES)[0]

    def dump(self, classifier: str) -> bytes:
        """Return the content of the reference's file; ``classifier`` is the labels' identity."""
        content = {
            "classifier": classifier,
            "images": self.images,
            "labels": dict(sorted(self.labels.items())),
            "distances": self.distances.tolist(),
        }
        return json.dumps(content, ensure_ascii=False).encode()


def parse_reference(data: bytes, where: str, classifier: str) -> Seen | None:
    """Read what `Seen.dump` wrote.

    Returns:
        None for the reference of another classifier, which this one's took the place of.

    Raises:
        InputError: it is not that.
    """
    try:
        content: Mapping[str, Any] = json.loads(data)
        if content["classifier"] != classifier:
            return None
        distances = np.array(content["distances"], np.int64)
        if distances.shape != (BINS,):
            raise ValueError(f"{distances.shape} distances, not {BINS}")
        labels = Counter({str(name): int(count) for name, count in content["labels"].items()})
        return Seen(int(content["images"]), labels, distances)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{where}/{REFERENCE_FILE} is corrupt ({error}); delete it") from error


def label_mix_drift(seen: Seen, reference: Seen) -> float:
    """Total variation distance of two label mixes: half the sum of differences of shares.

    Labels have nothing in common with no labels at all, as where thresholds are never reached.
    """
    shares = [_shares(counts.labels) for counts in (seen, reference)]
    if not all(shares):
        return float(any(shares))
    names = shares[0].keys() | shares[1].keys()
    return sum(abs(shares[0].get(name, 0.0) - shares[1].get(name, 0.0)) for name in names) / 2


def distance_drift(seen: Seen, reference: Seen) -> float:
    """Kolmogorov-Smirnov statistic of two samples of distances: the greatest gap of their CDFs."""
    cdfs = [np.cumsum(counts.distances) / max(counts.images, 1) for counts in (seen, reference)]
    return float(np.abs(cdfs[0] - cdfs[1]).max())


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()} if total else {}
