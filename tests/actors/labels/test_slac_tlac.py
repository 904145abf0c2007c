"""SLAC's and TLAC's labels from answers, with the small CLIP model: paths, scores and errors."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from actors.clip.model import resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.labels.slac_tlac import (
    CHOOSE,
    RECOGNISE,
    Shortlist,
    TextMatchLabels,
    clean_descriptions,
)
from actors.labels.table import ANSWER_LABELS_SCHEMA
from actors.mllm.responses import RESPONSE_TYPE

NAMES = ("barn owl", "wren", "crow", "robin")


@pytest.fixture(scope="module")
def clip() -> ClipRuntime:
    return ClipRuntime(resolve_clip("fieldguide"), device="cpu", threads=1)


def said(text: str | None, error: str | None = None) -> dict[str, Any]:
    return {"answer": text, "finish_reason": "stop", "error": error, "error_detail": error}


def rows(error: list[str | None], **columns: list[dict[str, Any] | None]) -> pa.Table:
    count = len(error)
    return pa.table(
        {
            "image_id": list(range(count)),
            "path": ["a"] * count,
            "uri": ["a"] * count,
            **{name: pa.array(cells, RESPONSE_TYPE) for name, cells in columns.items()},
            "error": pa.array(error, pa.string()),
            "error_detail": pa.array(error, pa.string()),
        }
    )


def test_slac_labels_what_is_named_and_the_closest_class_otherwise(clip: ClipRuntime) -> None:
    answers = [said("wren"), said("A black bird that caws."), None, said("I'm sorry, I cannot.")]
    batch = rows([None, None, "missing", None], **{RECOGNISE: answers})
    found = TextMatchLabels(clip, NAMES, "slac")(batch)
    assert found.schema == ANSWER_LABELS_SCHEMA
    assert found.column("error").to_pylist() == [None, None, "missing", "refusal"]
    assert found.column("answer_path").to_pylist() == [*("exact", "clip_fallback", None, "failed")]
    labels = found.column("label").to_pylist()
    assert labels[0] == "wren"
    assert labels[1] in NAMES
    assert labels[2:] == [None, None]
    assert found.column("top_labels").to_pylist()[0][0] == "wren"
    assert found.column("score").to_pylist()[0] == pytest.approx(1.0, abs=1e-5)


def test_tlac_takes_the_choice_and_json_where_it_was_asked_for(clip: ClipRuntime) -> None:
    described = [said("a bird")] * 5
    choices = [said('{"class": "crow"}'), said("crow"), said(None, "mllm_timeout"), None, said("")]
    batch = rows([None] * 5, **{RECOGNISE: described, CHOOSE: choices})
    found = TextMatchLabels(clip, NAMES, "tlac", response_format="json")(batch)
    assert found.column("label").to_pylist() == ["crow", None, None, None, None]
    assert found.column("error").to_pylist() == [
        *(None, "not_json", "mllm_timeout", "not_asked", "empty_answer")
    ]
    assert set(found.column("answer_path").to_pylist()[1:]) == {"failed"}


def test_descriptions_are_cleaned_and_get_the_closest_classes(clip: ClipRuntime) -> None:
    batch = rows([None, None, None], **{RECOGNISE: [said(" A wren. "), said(""), said("crow")]})
    cleaned = clean_descriptions(batch, RECOGNISE)
    assert cleaned.num_rows == 2
    short = Shortlist(clip, NAMES, 2)(cleaned)
    picked = short.column("shortlist").to_pylist()
    assert [len(each) for each in picked] == [2, 2]
    assert NAMES.index("crow") in picked[1]
    assert all(each == sorted(each) for each in picked), "in the order of the class list"
