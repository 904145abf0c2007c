"""Labels from what an MLLM called each image: one row an image, errors kept, one way of writing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import ray

from actors.labels.open_vocabulary import keep_names, label_by_name
from actors.labels.table import LABELS_SCHEMA
from actors.mllm.model import resolve_mllm
from actors.mllm.responses import RESPONSE_TYPE
from ray_jobs.config import LabelMllmNamesConfig
from ray_jobs.passes.session import Capacity
from ray_jobs.pipelines.name_query import NameReader, resolve_name_reader

FORMS = {"barn owl": "Barn Owl", "wren": "wren"}


@pytest.fixture(scope="module")
def question() -> NameReader:
    """The default question about birds."""
    config = LabelMllmNamesConfig(images="-", out="-", category="bird", unit="species")
    return resolve_name_reader(config, resolve_mllm("fieldguide"))


def said(answer: str | None, **more: Any) -> dict[str, Any]:
    """An answer of a stage table."""
    cell = dict.fromkeys(RESPONSE_TYPE.names)
    return {**cell, "answer": answer, "finish_reason": "stop", "reused": False, **more}


CELLS: list[tuple[dict[str, Any] | None, str | None, str | None]] = [
    (said('{"name": "barn-owl"}'), None, "Barn Owl"),
    (said('{"name": "The BARN OWL (Tyto alba)"}'), None, "Barn Owl"),
    (None, "truncated", None),
    (said('{"name": "bird"}'), "not_a_name", None),
    (said('{"name": "Sorry, I cannot tell"}'), "refusal", None),
    (said('{"kind": "wren"}'), "not_json", None),
    (said('{"name": "wre', finish_reason="length"), "cut_answer", None),
    (said("   "), "empty_answer", None),
    (said(None, error="mllm_timeout", error_detail="too slow"), "mllm_timeout", None),
    (said("wren\nbecause it is small"), None, "wren"),
]
"""What came, and the error and the label that come of it."""


@pytest.fixture(scope="module")
def batch() -> pa.Table:
    """A stage table with every kind of row; the third could not be read."""
    count = len(CELLS)
    errors = [None if cell else "truncated" for cell, _, _ in CELLS]
    return pa.table(
        {
            "image_id": pa.array(range(9, 9 + count), pa.int64()),
            "path": [f"{number}.jpg" for number in range(count)],
            "uri": [f"/x/{number}.jpg" for number in range(count)],
            "error": pa.array(errors, pa.string()),
            "error_detail": pa.array([e and "12 bytes short" for e in errors], pa.string()),
            "name": pa.array([cell for cell, _, _ in CELLS], RESPONSE_TYPE),
        }
    )


def test_names_are_kept_and_rows_without_one_are_left_out(
    batch: pa.Table, question: NameReader
) -> None:
    names = keep_names(batch, "name", question)
    assert names.column_names == ["name"]
    assert names["name"].to_pylist() == ["barn-owl", "BARN OWL", "wren"]
    nothing = keep_names(batch.slice(2, 2), "name", question)
    assert (nothing.num_rows, nothing.schema.field("name").type) == (0, pa.string())


def test_every_row_is_a_label_or_a_code(
    ray_session: Capacity, batch: pa.Table, question: NameReader
) -> None:
    labels = label_by_name(batch, "name", question, ray.put(FORMS), "mllm_names")
    assert labels.schema == LABELS_SCHEMA
    for column in ("image_id", "path", "uri"):
        assert labels[column].to_pylist() == batch[column].to_pylist(), "rows stay in order"
    for row, (_, error, label) in zip(labels.to_pylist(), CELLS, strict=True):
        assert (row["error"], row["label"]) == (error, label)
        assert bool(row["error_detail"]) == (error is not None)
        assert row["top_labels"] == ([label] if label else [])
        assert (row["score"], row["top_scores"], row["method"]) == (None, [], "mllm_names")
    assert labels["error_detail"][2].as_py() == "12 bytes short"
    assert labels["error_detail"][8].as_py() == "too slow"
