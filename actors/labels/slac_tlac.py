"""Labels from what a multimodal LLM said: the last stages of SLAC and TLAC.

`join_choices` looks up what the model chose for each description; `TextMatchLabels` finds the class
of the last thing said, with CLIP's text encoder where the text names none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder, Precision
from actors.clip.model import ClipModel
from actors.images.errors import CODES as IMAGE_CODES
from actors.labels.descriptions import descriptions_of, name_matrix
from actors.labels.table import ANSWER_LABELS_SCHEMA, TOP_LABELS
from actors.mllm.request import CHOICE_FIELD, ResponseFormat
from actors.mllm.response_cache import KeyIndex, key_of
from actors.mllm.responses import RESPONSE_TYPE, response_text
from actors.stage import counted
from methods.answers import AnswerError, json_field
from methods.class_matching import AnswerPath, ClassMatcher
from methods.class_matrix import fill
from methods.slac_tlac import TEMPLATE, clean_answer, text_scores

RECOGNISE, CHOOSE = "recognise", "choose"
"""Names of the asks of the two stages, and of their columns."""


def join_choices(
    batch: pa.Table, choices: ray.ObjectRef[KeyIndex], upstream_compat: bool = False
) -> pa.Table:
    """Add the column ``choose``, the answer to the second question, to described rows.

    Args:
        batch: rows of the first stage.
        choices: index of the second stage's rows, by key of the cleaned description.
        upstream_compat: as in the second stage.
    """
    texts = descriptions_of(batch, RECOGNISE, upstream_compat)
    keys = [None if text is None else key_of(text.encode()) for text in texts]
    found = ray.get(choices).read(keys, [CHOOSE]).column(CHOOSE)
    return batch.append_column(CHOOSE, found.cast(RESPONSE_TYPE))


class TextMatchLabels:
    """Batches of answered rows in, rows of the labels table out.

    ``score`` is the cosine between CLIP's features of the last thing said and of the class.
    """

    def __init__(
        self,
        model: ClipModel,
        names: Sequence[str],
        method: str,
        response_format: ResponseFormat = "none",
        upstream_compat: bool = False,
        precision: Precision = "auto",
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        """Load CLIP and encode the class names, ``a photo of a NAME``.

        Args:
            model: whose text encoder compares.
            names: C class names.
            method: ``slac`` or ``tlac``.
            response_format: of the second response.
            upstream_compat: clean responses as the authors' code does.
            precision, threads, device: of CLIP.
        """
        encoder = ClipEncoder(model, precision=precision, threads=threads, device=device)
        self._encode_texts = encoder.encode_texts
        self._matrix = name_matrix(names, encoder.encode_texts)
        self._names = np.array(names, dtype=object)
        self._matcher = ClassMatcher(names)
        self._method, self._format = method, response_format
        self._upstream_compat = upstream_compat

    @counted("label")
    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        rows = batch.to_pylist()
        readings = [self._read(row) for row in rows]
        texts = sorted({text for text, _, _ in readings if text is not None})
        features = self._encode_texts([fill(TEMPLATE, text) for text in texts])
        scores = dict(zip(texts, text_scores(features, self._matrix), strict=True))
        labelled = [
            self._label(row, *reading, scores.get(reading[0] or ""))
            for row, reading in zip(rows, readings, strict=True)
        ]
        return pa.Table.from_pylist(labelled, schema=ANSWER_LABELS_SCHEMA)

    def _read(self, row: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
        """Return the cleaned last text, or an error code and its detail."""
        if row["error"] is not None:
            return None, row["error"], row["error_detail"]
        try:
            text = response_text(row[RECOGNISE])
            if self._method == "slac":
                return self._clean(text, 1), None, None
            text = response_text(row[CHOOSE])
            if self._format == "json":
                text = json_field(text, CHOICE_FIELD)
            return self._clean(text, 2), None, None
        except AnswerError as error:
            return None, error.code, error.detail

    def _clean(self, text: str, stage: Literal[1, 2]) -> str:
        return clean_answer(text, stage=stage, upstream_compat=self._upstream_compat)

    def _label(
        self,
        row: dict[str, Any],
        text: str | None,
        code: str | None,
        detail: str | None,
        scores: NDArray[np.float32] | None,
    ) -> dict[str, Any]:
        kept = {name: row[name] for name in ("image_id", "path", "uri")}
        kept |= {"answer": _words(row, RECOGNISE), "choice": _words(row, CHOOSE)}
        kept |= {"method": self._method}
        kept |= {"error": code, "error_detail": detail, "top_labels": [], "top_scores": []}
        if text is None or scores is None:
            return kept | {"answer_path": None if code in IMAGE_CODES else "failed"}
        best, path = self._choose(text, scores)
        order = [best, *(i for i in np.argsort(-scores, kind="stable") if i != best)][:TOP_LABELS]
        return kept | {
            "label": self._names[best],
            "score": float(scores[best]),
            "top_labels": self._names[order].tolist(),
            "top_scores": scores[order].tolist(),
            "answer_path": path,
        }

    def _choose(self, text: str, scores: NDArray[np.float32]) -> tuple[int, AnswerPath]:
        """The class a text names, else the closest one in CLIP's text space."""
        matched = self._matcher.match(text, inside=self._method == "tlac")
        return matched or (int(scores.argmax()), "clip_fallback")


def _words(row: dict[str, Any], ask: str) -> str | None:
    """What was said to an ask, usable or not."""
    said = row.get(ask)
    return said and said["answer"]
