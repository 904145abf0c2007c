"""What an endpoint sees, as metrics: label mix, distances, and how far both are from the archive.

Names are those of Prometheus once Ray has put its ``ray_`` before them. Drift is that of the
latest images of one replica; labels beyond the most frequent of the archive count as ``other``.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

import numpy as np
from numpy.typing import NDArray
from ray.util.metrics import Counter as CounterMetric
from ray.util.metrics import Gauge, Histogram

from methods.drift import EDGES, Seen, distance_drift, label_mix_drift
from serve.catalogue import LoadedClassifier

_MOST_LABELS: Final = 100
_EVERY: Final = 50
_BOUNDARIES: Final = [round(0.05 * step, 2) for step in range(1, 40)]

_TAGS: Final = ("classifier", "version")


class Drift:
    """Counts what one replica answers with one classifier."""

    def __init__(self, loaded: LoadedClassifier, window: int) -> None:
        """Export the reference."""
        self._tags = {"classifier": loaded.name, "version": loaded.version}
        self._reference, self._window = loaded.reference, window
        self._latest: deque[tuple[tuple[str, ...], float]] = deque(maxlen=window)
        self._since = 0
        labels = loaded.scorer.classifier.labels
        if loaded.reference is not None:
            labels = tuple(name for name, _ in loaded.reference.labels.most_common())
        self._named = frozenset(labels[:_MOST_LABELS])
        self._labels = CounterMetric(
            "onoma_labels", "Labels given, by label.", tag_keys=(*_TAGS, "label")
        )
        self._distances = Histogram(
            "onoma_embedding_distance",
            "1 less the cosine of an image and its closest class.",
            boundaries=_BOUNDARIES,
            tag_keys=_TAGS,
        )
        self._label_drift = Gauge(
            "onoma_drift_label_mix",
            "Total variation distance of the label mix of the latest images and of the archive.",
            tag_keys=_TAGS,
        )
        self._distance_drift = Gauge(
            "onoma_drift_distance",
            "Kolmogorov-Smirnov statistic of embedding distances, latest images and archive.",
            tag_keys=_TAGS,
        )
        self._gauges: list[tuple[Gauge, dict[str, str], float]] = []
        self._drifts: tuple[float, float] | None = None
        if loaded.reference is not None:
            self._export(loaded.reference)

    def say_again(self) -> None:
        """Set all gauges as they are: Ray forgets one that is not set for some 20 seconds."""
        for gauge, tags, value in self._gauges:
            gauge.set(value, tags)
        if self._drifts is not None:
            self._label_drift.set(self._drifts[0], self._tags)
            self._distance_drift.set(self._drifts[1], self._tags)

    def _export(self, reference: Seen) -> None:
        share = Gauge(
            "onoma_reference_label_share",
            "Share of a label in the archive.",
            tag_keys=(*_TAGS, "label"),
        )
        total = sum(reference.labels.values()) or 1
        for label, count in self._grouped(reference.labels).items():
            self._gauges.append((share, {**self._tags, "label": label}, count / total))
        below = Gauge(
            "onoma_reference_distance_share",
            "Share of the archive's images at most this far from their closest class.",
            tag_keys=(*_TAGS, "le"),
        )
        cdf = np.cumsum(reference.distances) / max(reference.images, 1)
        for boundary in _BOUNDARIES:
            at = int(np.searchsorted(EDGES, boundary + 1e-9)) - 2
            self._gauges.append((below, {**self._tags, "le": str(boundary)}, float(cdf[at])))
        self.say_again()

    def _grouped(self, counts: Counter[str]) -> Counter[str]:
        grouped: Counter[str] = Counter()
        for label, count in counts.items():
            grouped[label if label in self._named else "other"] += count
        return grouped

    def count(self, labels: list[tuple[str, ...]], distances: NDArray[np.float32]) -> None:
        """Count the labels and distances of some images."""
        for label, count in self._grouped(Counter(name for own in labels for name in own)).items():
            self._labels.inc(count, {**self._tags, "label": label})
        for distance in distances.tolist():
            self._distances.observe(max(distance, 1e-6), self._tags)
        self._latest.extend(zip(labels, distances.tolist(), strict=True))
        self._since += len(labels)
        if self._reference is not None and self._since >= min(_EVERY, self._window):
            self._since = 0
            latest = Seen()
            latest.add(
                (name for own, _ in self._latest for name in own),
                np.array([distance for _, distance in self._latest], np.float32),
            )
            self._drifts = (
                label_mix_drift(latest, self._reference),
                distance_drift(latest, self._reference),
            )
            self.say_again()
