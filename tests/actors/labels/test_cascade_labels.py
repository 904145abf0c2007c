"""Who decides a row of a cascade, and what it then holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.labels.cascade import CHOOSE, SHOWN
from actors.labels.cascade_labels import LearnedFiles, label_cascade
from actors.labels.cascade_scores import SCORES_SCHEMA
from actors.labels.table import CASCADE_LABELS_SCHEMA, TAUGHT_LABELS_SCHEMA
from actors.mllm.answers_by_image import index_images
from actors.mllm.response_cache import KeyIndex
from actors.mllm.responses import RESPONSE_TYPE
from methods.cascade.uncertainty import OWN, TEMPERATURES
from methods.class_names import ClassNames
from methods.classifier import Classifier
from tests.helpers.cascade_rows import CLASSES, NAMES, answered

COLUMNS = [SHOWN, CHOOSE, "error", "error_detail"]
HEAD = np.eye(5, 8, dtype=np.float32)
"""A class matrix: the feature of an image says with which of its first five numbers it goes."""


def scores(image: int, error: str | None = None, feature: list[float] | None = None) -> Any:
    """A scored row: great tit before wren, robin, and the cranes."""
    logits = [3.0, 2.0, 1.0, 0.0, -1.0]
    sums = [float(np.log(np.exp(np.array(logits) / each).sum())) for each in TEMPERATURES]
    row = {"image_id": image, "path": f"{image}.jpg", "uri": f"file:///{image}.jpg"}
    if error:
        return {**dict.fromkeys(SCORES_SCHEMA.names), **row, "error": error, "error_detail": "x"}
    own = {"top": [2, 0, 1, 3, 4], "top_scores": [0.6, 0.2, 0.1, 0.06, 0.04]}
    more = {"top_logits": logits, "log_sums": sums, "distance": 0.5}
    if feature is not None:
        more["feature"] = [np.float16(number) for number in feature]
    return {**dict.fromkeys(SCORES_SCHEMA.names), **row, **own, **more}


@pytest.fixture
def answers(tmp_path: Path) -> list[KeyIndex]:
    """Image -7 was asked about, and image 8 in vain."""
    rows = [answered(-7, "wren", [0, 2, 1]), answered(8, "none of them", [0, 2, 1])]
    schema = pa.schema(
        [
            ("image_id", pa.int64()), (SHOWN, pa.list_(pa.int32())), (CHOOSE, RESPONSE_TYPE),
            ("error", pa.string()), ("error_detail", pa.string()),
        ]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "a.parquet")
    pq.write_table(schema.empty_table(), tmp_path / "b.parquet")
    return index_images(str(tmp_path), str(tmp_path / "none"))


def test_the_model_decides_where_it_was_asked_and_answers(answers: list[KeyIndex]) -> None:
    batch = pa.Table.from_pylist(
        [scores(1), scores(-7), scores(8), scores(9, "corrupt")], schema=SCORES_SCHEMA
    )
    table = label_cascade(batch, answers, CLASSES, "cascade", COLUMNS, OWN)
    assert table.schema == CASCADE_LABELS_SCHEMA
    earlier = batch.drop_columns(["feature"])  # of a run that was begun by another version
    assert label_cascade(earlier, answers, CLASSES, "cascade", COLUMNS, OWN) == table
    kept, asked, vain, broken = table.to_pylist()
    assert (kept["label"], kept["decided_by"], kept["choices"]) == ("n2", "clip", None)
    assert kept["confidence"] == pytest.approx(np.exp(3) / np.exp([3, 2, 1, 0, -1]).sum())
    assert (asked["label"], asked["decided_by"], asked["mllm_label"]) == ("n0", "mllm", "n0")
    assert (asked["clip_label"], asked["score"]) == ("n2", pytest.approx(0.2))
    assert asked["top_labels"] == ["n0", "n2", "n1", "n3", "n4"]
    assert asked["choices"] == ["n0", "n2", "n1"]
    assert (vain["label"], vain["decided_by"], vain["mllm_label"]) == ("n2", "clip", None)
    assert (vain["mllm_problem"], vain["answer"]) == ("no_class", "none of them")
    assert (broken["label"], broken["decided_by"], broken["error"]) == (None, None, "corrupt")


def head(matrix: Any = HEAD, bias: float | None = None, moved: bool = True) -> LearnedFiles:
    clip: dict[str, Any] = {"name": "fieldguide", "fingerprint": "clip:0", "embed_dim": 8}
    made = Classifier(CLASSES.ids, matrix, clip, "cascade", 4.0, logit_bias=bias)
    return LearnedFiles(made.dump(), moved)


def test_a_head_decides_where_the_model_does_not(answers: list[KeyIndex]) -> None:
    feature = [0.1, 0.6, 0.2, 0.5, 0.3, 0, 0, 0.5]
    batch = pa.Table.from_pylist(
        [scores(at, feature=feature) for at in (1, -7, 8)] + [scores(9, "corrupt")],
        schema=SCORES_SCHEMA,
    )
    table = label_cascade(batch, answers, CLASSES, "cascade", COLUMNS, OWN, head())
    assert table.schema == TAUGHT_LABELS_SCHEMA
    kept, asked, vain, broken = table.to_pylist()
    likely = np.exp(4 * np.array(feature[:5]) / np.linalg.norm(feature))
    likely /= likely.sum()
    for row in (kept, vain):
        assert (row["label"], row["head_label"], row["decided_by"]) == ("n1", "n1", "head")
        assert (row["clip_label"], row["clip_score"]) == ("n2", pytest.approx(0.6))
        assert row["top_labels"] == ["n1", "n3", "n4", "n2", "n0"]
        assert row["top_scores"] == pytest.approx(sorted(likely, reverse=True), abs=1e-3)
        assert row["score"] == row["top_scores"][0]
    assert vain["mllm_problem"] == "no_class"
    assert (asked["label"], asked["head_label"], asked["decided_by"]) == ("n0", "n1", "mllm")
    assert asked["score"] == pytest.approx(likely[0], abs=1e-3), "what the head gives it"
    assert asked["top_labels"] == ["n0", "n1", "n3", "n4", "n2"]
    assert [broken[name] for name in ("label", "head_label", "decided_by")] == [None] * 3
    still = label_cascade(batch, answers, CLASSES, "cascade", COLUMNS, OWN, head(moved=False))
    assert still.column("decided_by").to_pylist() == ["clip", "mllm", "clip", None]
    nothing = label_cascade(batch.slice(3), answers, CLASSES, "cascade", COLUMNS, OWN, head())
    assert nothing.to_pylist() == [broken]


def test_scores_of_a_siglip_s_head_are_sigmoids(answers: list[KeyIndex]) -> None:
    feature = [0.0, 0.6, 0.0, 0.0, 0.0, 0, 0, 0.8]
    batch = pa.Table.from_pylist([scores(at, feature=feature) for at in (1, -7)], SCORES_SCHEMA)
    found = label_cascade(batch, answers, CLASSES, "cascade", COLUMNS, OWN, head(bias=-2.0))
    kept, asked = found.to_pylist()
    assert kept["score"] == pytest.approx(1 / (1 + np.exp(2.0 - 2.4)), abs=1e-3)
    assert (asked["label"], asked["score"]) == ("n0", pytest.approx(1 / (1 + np.exp(2)), abs=1e-3))


def test_a_label_that_is_none_of_the_head_s_best_comes_first(answers: list[KeyIndex]) -> None:
    classes = ClassNames.plain((*NAMES[:4], *(f"bird {at}" for at in range(8))))
    matrix = np.zeros((12, 8), np.float32)
    matrix[1:, 0] = np.linspace(1, 0.1, 11)
    batch = pa.Table.from_pylist([scores(-7, feature=[1.0] + [0.0] * 7)], SCORES_SCHEMA)
    clip: dict[str, Any] = {"name": "fieldguide", "fingerprint": "clip:0", "embed_dim": 8}
    made = Classifier(classes.ids, matrix, clip, "cascade", 4.0)
    files = LearnedFiles(made.dump(), True)
    row = label_cascade(batch, answers, classes, "cascade", COLUMNS, OWN, files).to_pylist()[0]
    assert row["top_labels"] == ["wren", "robin", "great tit", "crane", "bird 0"]
    assert row["score"] == row["top_scores"][0] < row["top_scores"][1]
