"""Labels that are words of captions: CaSED, the class given to ``map_batches``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.clip.runtime import ClipRuntime
from actors.labels.table import IMAGE_COLUMNS, LABELS_SCHEMA, TOP_LABELS
from actors.stage import RowErrors, stage
from methods.cased import candidate_scores, candidate_words
from methods.class_matrix import top_k

_KNOWN: Final = 100_000
"""Features of words that a replica keeps."""


@dataclass(frozen=True)
class CaptionMatrix:
    """What images are compared with.

    Attributes:
        texts: n of them.
        matrix: their unit features, float32 (n, D).
    """

    texts: Sequence[str]
    matrix: NDArray[np.float32]


@stage("clip", LABELS_SCHEMA)
class CasedLabels:
    """Batches of decoded images in, rows of the labels table out.

    ``label`` is the candidate with the highest score, ``top_labels`` the best five. A feature that
    is not finite is an error, ``not_finite``.
    """

    def __init__(
        self,
        clip: ClipRuntime,
        captions: ray.ObjectRef[CaptionMatrix],
        retrieved: int,
        alpha: float,
        whole: bool,
        method: str,
    ) -> None:
        """Load CLIP once for this replica.

        Args:
            clip: the model.
            captions: in the object store.
            retrieved: captions for each image.
            alpha: weight of the image's own scores.
            whole: whether a retrieved text is itself a candidate, and not its words.
            method: for the column of that name.
        """
        self._encoder = clip.load()
        self._captions: CaptionMatrix = ray.get(captions)
        self._retrieved, self._alpha = retrieved, alpha
        self._whole, self._method = whole, method
        self._words: dict[str, NDArray[np.float32]] = {}

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        errors = RowErrors.of(batch)
        found: dict[int, tuple[list[str], list[float]]] = {}
        rows, features = self._encoder.encode_decoded(batch)
        finite = np.isfinite(features).all(axis=1)
        for row in rows[~finite].tolist():
            errors.fail(row, "not_finite", "CLIP's feature of it is not finite")
        features = features[finite]
        nearest = top_k(features @ self._captions.matrix.T, self._retrieved)
        named = [self._candidates(own) for own in nearest]
        self._learn({word for own in named for word in own})
        for row, own, feature, near in zip(
            rows[finite].tolist(), named, features, nearest, strict=True
        ):
            matrix = np.stack([self._words[word] for word in own])
            texts, scale = self._captions.matrix[near], self._encoder.logit_scale
            scores = candidate_scores(feature, texts, matrix, scale, self._alpha)
            best = np.argsort(-scores, kind="stable")[:TOP_LABELS]
            found[row] = [own[at] for at in best], scores[best].tolist()
        nothing: tuple[list[str], list[float]] = ([], [])
        told: list[Any] = [found.get(row, nothing) for row in range(batch.num_rows)]
        return pa.table(
            {
                **{name: batch.column(name) for name in IMAGE_COLUMNS},
                "label": [words[0] if words else None for words, _ in told],
                "score": [scores[0] if scores else None for _, scores in told],
                "top_labels": [words for words, _ in told],
                "top_scores": [scores for _, scores in told],
                "method": [self._method] * batch.num_rows,
                **errors.columns(),
            },
            schema=LABELS_SCHEMA,
        )

    def _candidates(self, nearest: NDArray[np.int64]) -> list[str]:
        texts = [self._captions.texts[at] for at in nearest]
        return list(dict.fromkeys(texts)) if self._whole else candidate_words(texts)

    def _learn(self, words: set[str]) -> None:
        """Encode the words that are not known yet."""
        if len(self._words) > _KNOWN:
            self._words = {}
        new = sorted(words - self._words.keys())
        self._words |= dict(zip(new, self._encoder.encode_texts(new), strict=True))
