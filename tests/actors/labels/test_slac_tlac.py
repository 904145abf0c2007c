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


def said(text: str | None, error: str | None = None, finish: str = "stop") -> dict[str, Any]:
    return {"answer": text, "finish_reason": finish, "error": error, "error_detail": error}


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


def test_by_names_alone_an_answer_without_one_has_no_label(clip: ClipRuntime) -> None:
    answers = [said("A wren on a fence."), said("A black bird that caws."), said("crow or robin")]
    batch = rows([None] * 3, **{RECOGNISE: answers})
    found = TextMatchLabels(clip, NAMES, "slac", matching="names_alone")(batch)
    assert found.column("label").to_pylist() == ["wren", None, None]
    assert found.column("error").to_pylist() == [None, "no_class", "no_class"]
    assert found.column("answer_path").to_pylist() == ["normalised", "failed", "failed"]


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


def test_an_answer_that_is_cut_is_used_as_far_as_it_goes_and_marked(clip: ClipRuntime) -> None:
    described = [said("A black bird that ca", None, "length"), said("a bird"), said("a bird")]
    described += [said("", None, "length")]  # a thought that does not end
    batch = rows([None] * 4, **{RECOGNISE: described})
    found = TextMatchLabels(clip, NAMES, "slac")(batch)
    assert found.column("error").to_pylist() == [None, None, None, "cut_answer"]
    assert found.column("cut").to_pylist() == ["answer", None, None, "answer"]
    assert clean_descriptions(batch, RECOGNISE).column("description").to_pylist()[0] == (
        "A black bird that ca"
    )
    choices = [said("Crow. This is be", None, "length"), said("It is most li", None, "length")]
    batch = rows([None] * 4, **{RECOGNISE: described, CHOOSE: [*choices, said("wren"), None]})
    found = TextMatchLabels(clip, NAMES, "tlac")(batch)
    assert found.column("label").to_pylist() == ["crow", None, "wren", None]
    assert found.column("error").to_pylist()[1] == "cut_answer"
    assert found.column("cut").to_pylist() == ["answer and choice", "choice", None, "answer"]


def test_clip_alone_decides_where_that_is_wanted(clip: ClipRuntime) -> None:
    batch = rows([None] * 2, **{RECOGNISE: [said("a bird")] * 2, CHOOSE: [said("crow")] * 2})
    found = TextMatchLabels(clip, NAMES, "tlac", matching="clip")(batch)
    assert found.column("answer_path").to_pylist() == ["clip_fallback"] * 2
    assert found.column("label").to_pylist() == ["crow"] * 2, "the same text is the closest"


def test_descriptions_are_cleaned_and_get_the_closest_classes(clip: ClipRuntime) -> None:
    batch = rows([None, None, None], **{RECOGNISE: [said(" A wren. "), said(""), said("crow")]})
    cleaned = clean_descriptions(batch, RECOGNISE)
    assert cleaned.num_rows == 2
    short = Shortlist(clip, NAMES, 2)(cleaned)
    picked = short.column("shortlist").to_pylist()
    assert [len(each) for each in picked] == [2, 2]
    assert NAMES.index("crow") in picked[1]
    assert all(each == sorted(each) for each in picked), "in the order of the class list"
