"""Sentences of an LLM's answers: the classes that they name, and their features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from actors.clip.runtime import ClipRuntime
from actors.stage import stage
from methods.data_free.answers import parse_sentences
from methods.data_free.nouns import NounFilter, chosen_labels
from methods.data_free.settings import CorpusSettings

CORPUS_SCHEMA = pa.schema(
    [
        ("sentence", pa.string()),
        ("classes", pa.list_(pa.int32())),
        ("missed", pa.bool_()),
        ("dropped", pa.string()),
        ("count", pa.int64()),
    ]
)
"""A sentence with its classes, and whether it misses one that it was asked to name; or, with
``dropped``, how many were dropped for a reason."""


@stage("sentences", CORPUS_SCHEMA)
class LabelledSentences:
    """Answered rows in, rows of `CORPUS_SCHEMA` out; a small picklable function."""

    def __init__(self, synonyms: Sequence[Sequence[str]], settings: CorpusSettings) -> None:
        """Keep the names by which classes are known, and what a usable sentence is."""
        self._synonyms, self._settings = synonyms, settings

    @cached_property
    def _nouns(self) -> NounFilter:
        return NounFilter(self._synonyms)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Parse the answers of a batch and label their sentences."""
        rows = [each for row in batch.to_pylist() for each in self._read(row)]
        return pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA)

    def _read(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        said = row["answer"]
        if said is None or said["error"] is not None:
            return [{"dropped": (said or row)["error"], "count": 1}]
        settings = self._settings
        read = parse_sentences(
            said["answer"],
            shortest=settings.shortest_sentence,
            longest=settings.longest_sentence,
            names=self._synonyms,
        )
        rows: list[dict[str, Any]] = [
            {"dropped": reason, "count": count} for reason, count in read.dropped.items()
        ]
        if said["finish_reason"] == "length":  # what was under way when the limit came is lost
            rows.append({"dropped": "cut", "count": 1})
        for sentence in read.kept:
            named = self._nouns.classes(sentence)
            missed = row["kind"] == "scenes" and not set(row["members"]) <= set(named)
            classes = chosen_labels(named, row["members"], settings.label_source)
            if classes:
                rows.append({"sentence": sentence, "classes": classes, "missed": missed})
            else:
                rows.append({"dropped": "names_no_class", "count": 1})
        return rows


@stage("sentences", CORPUS_SCHEMA)
class LabelledCaptions:
    """Rows with a ``caption`` in, rows of `CORPUS_SCHEMA` out: the classes that each one names."""

    def __init__(self, synonyms: Sequence[Sequence[str]], shortest: int, longest: int) -> None:
        """Keep the names by which classes are known, and how many words a caption may have."""
        self._synonyms, self._shortest, self._longest = synonyms, shortest, longest

    @cached_property
    def _nouns(self) -> NounFilter:
        return NounFilter(self._synonyms)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label the captions of a batch."""
        rows = [self._read(caption) for caption in batch.column("caption").to_pylist()]
        return pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA)

    def _read(self, caption: str) -> dict[str, Any]:
        words = len(caption.split())
        if not self._shortest <= words <= self._longest:
            return {"dropped": "short" if words < self._shortest else "long", "count": 1}
        classes = self._nouns.classes(caption)
        if not classes:
            return {"dropped": "names_no_class", "count": 1}
        return {"sentence": caption, "classes": classes, "missed": False}


FEATURES_SCHEMA = pa.schema(
    [
        ("text_id", pa.int64()),
        ("classes", pa.list_(pa.int32())),
        ("length", pa.int64()),
        ("whole", pa.list_(pa.float16())),
        ("tokens", pa.list_(pa.float16())),
    ]
)
"""A text's number and classes, how many tokens it has, its unit feature (D,) and those of its
tokens (length x D, flattened), in half precision."""


@stage("sentence_features", FEATURES_SCHEMA)
class SentenceFeatures:
    """Batches of texts in, rows of `FEATURES_SCHEMA` out."""

    def __init__(self, clip: ClipRuntime) -> None:
        """Load the text tower once for this replica; it computes in single precision."""
        from actors.clip.text_tower import text_tower  # torch, which parsing does without

        self._tower = text_tower(clip.in_single_precision().load())

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Encode one batch."""
        from methods.data_free.text_features import TextFeatures

        found = TextFeatures.of(self._tower, batch.column("text").to_pylist())
        tokens = np.split(found.tokens.astype(np.float16), np.cumsum(found.lengths)[:-1])
        return pa.table(
            {
                "text_id": batch.column("text_id"),
                "classes": batch.column("classes"),
                "length": found.lengths,
                "whole": list(found.whole.astype(np.float16)),
                "tokens": [each.ravel() for each in tokens],
            },
            schema=FEATURES_SCHEMA,
        )
