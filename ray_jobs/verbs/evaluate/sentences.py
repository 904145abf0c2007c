"""sACC of a run: when it is measured, and with which sentence model.

The model is loaded when the first run needs it, once for all runs of one evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.sentences import SentenceEncoder
from methods import metrics_names
from methods.errors import InputError
from methods.metrics_single import NO_PREDICTION, Codes
from ray_jobs.pipelines.registry import discovers_names
from ray_jobs.runs.reader import RunReader

DEFAULT: Final = "all-mpnet-base-v2"
"""The model of FineR's protocol."""


class SentenceScorer:
    """Measures sACC with one sentence model.

    Attributes:
        name: the model.
        required: whether the user named it, so that every run is measured and its absence is wrong.
    """

    def __init__(self, name: str | None) -> None:
        """Choose the model, without loading it: a name of the hub, a folder, or the default."""
        self.name = name or DEFAULT
        self.required = name is not None
        self._encoder: SentenceEncoder | None = None
        self._missing: str | None = None

    def score(
        self, run: RunReader, true: Codes, predicted: Codes, names: Sequence[str]
    ) -> tuple[NDArray[np.float64] | None, str | None]:
        """Measure how close labels and true names are, where it is wanted and possible.

        Args:
            run: the run; one that was given its names is measured only if the user named a model.
            true: int (n,), the codes of the true names.
            predicted: int (n,), the codes of the labels, or `NO_PREDICTION`.
            names: the name of each code.

        Returns:
            The cosine of each image, float64 (n,), whose mean is sACC; or None where it is left
            out, and then a sentence that says why, or None where it does not fit the run.

        Raises:
            InputError: the model that the user named cannot be had.
        """
        if not (self.required or discovers_names(run.record)):
            return None, None
        encoder = self._load()
        if run.named is not None:
            # ids mean nothing to a sentence model
            spoken = dict(zip(run.named.ids, run.named.names, strict=True))
            names = [spoken.get(name, name) for name in names]
        if encoder is None:
            return None, f"sACC is left out (onoma evaluate {self._missing})"
        # the names of other images, and what parts of a run say, need no embedding
        used = np.union1d(true, predicted[predicted != NO_PREDICTION])
        place: NDArray[np.int64] = np.full(len(names) + 1, NO_PREDICTION)  # last: no prediction
        place[used] = np.arange(len(used))
        embeddings = encoder.encode([names[code] for code in used])
        return metrics_names.semantic_similarities(place[true], place[predicted], embeddings), None

    def _load(self) -> SentenceEncoder | None:
        if self._encoder is None and self._missing is None:
            try:
                self._encoder = SentenceEncoder(self.name)
            except InputError as error:
                if self.required:
                    raise
                self._missing = str(error)
        return self._encoder
