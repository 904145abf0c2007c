"""AutoSEP's labels from answers: the majority, what is wrong with the others, errors that come."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from actors.labels.autosep import (
    ABOUT,
    DESCRIBE,
    ChoiceReading,
    join_description,
    label_by_choice,
)
from actors.labels.table import CHOICE_LABELS_SCHEMA
from actors.mllm.responses import RESPONSE_TYPE

NAMES = ("barn owl", "wren", "crow")
Answer = dict[str, Any] | None


def said(text: str | None, error: str | None = None, finish: str = "stop") -> Answer:
    return {"answer": text, "finish_reason": finish, "error": error, "error_detail": error}


def rows(errors: list[str | None], **columns: list[Answer]) -> pa.Table:
    count = len(errors)
    return pa.table(
        {
            "image_id": list(range(count)),
            "path": [f"{row}.jpg" for row in range(count)],
            "uri": [f"/{row}.jpg" for row in range(count)],
            "key": pa.array([bytes([row]) * 16 for row in range(count)], pa.binary(16)),
            "error": pa.array(errors, pa.string()),
            "error_detail": pa.array(errors, pa.string()),
            **{name: pa.array(cells, RESPONSE_TYPE) for name, cells in columns.items()},
        }
    )


def test_the_majority_wins_and_its_share_is_the_score() -> None:
    batch = rows(
        [None, None],
        a=[said("wren"), said("crow")],
        b=[said("crow"), said("wren")],
        c=[said("crow"), said(None, "mllm_timeout")],
    )
    found = label_by_choice(batch, NAMES, ["a", "b", "c"], "autosep", "strict")
    assert found.schema == CHOICE_LABELS_SCHEMA
    assert found.column("label").to_pylist() == ["crow", "wren"]  # of equal ones the first
    assert found.column("score").to_pylist() == pytest.approx([2 / 3, 1 / 3])
    assert found.column("top_labels").to_pylist() == [["crow", "wren"], ["wren", "crow"]]
    assert found.column("answer").to_pylist() == ["wren\ncrow\ncrow", "crow\nwren"]
    assert found.column("error").null_count == 2


def test_what_is_wrong_with_the_last_answer_is_the_error_where_none_chooses() -> None:
    batch = rows(
        ["missing", None, None, None],
        a=[None, said("neither"), said("I'm sorry, I cannot."), said(None, "mllm_rejected")],
    )
    found = label_by_choice(batch, NAMES, ["a"], "autosep", "strict")
    assert found.column("label").null_count == 4
    assert found.column("error").to_pylist() == [
        *("missing", "no_class", "refusal", "mllm_rejected")
    ]
    assert found.column("method").to_pylist() == ["autosep"] * 4
    assert found.column("answer").to_pylist()[0] is None
    assert found.column("score").null_count == 4, "one answer has no share"


@pytest.mark.parametrize(
    ("reading", "sentence"),
    [
        ("strict", "names no class of the list, or several: (D) owl"),
        ("published", "gives no class's letter, and --reading published knows letters only: wren"),
    ],
)
def test_an_error_says_what_its_reading_looks_for(reading: ChoiceReading, sentence: str) -> None:
    batch = rows([None, None], a=[said(sentence.partition(": ")[2]), said("(B) wren")])
    found = label_by_choice(batch, NAMES, ["a"], "autosep", reading)
    assert found.column("label").to_pylist() == [None, "wren"]
    assert found.column("error_detail").to_pylist() == [sentence, None]


def test_a_cut_answer_is_read_and_marked() -> None:
    batch = rows(
        [None, None],
        a=[said("Crow, because its", None, "length"), said("The bird has a", None, "length")],
    )
    found = label_by_choice(batch, NAMES, ["a"], "autosep", "strict")
    assert found.column("label").to_pylist() == ["crow", None]
    assert found.column("error").to_pylist() == [None, "cut_answer"]
    assert found.column("cut").to_pylist() == ["answer", "answer"]


def test_a_description_joins_its_image_s_key_and_one_that_failed_is_an_error() -> None:
    batch = rows(
        [None, "missing", None, None],
        **{
            DESCRIBE: [
                said(" white "),
                None,
                said(None, "mllm_timeout"),
                said("cut", None, "length"),
            ]
        },
    )
    found = join_description(batch)
    assert found.column(ABOUT).to_pylist() == [
        b"\0" * 16 + b"white",
        None,
        None,
        b"\3" * 16 + b"cut",
    ]
    assert found.column("error").to_pylist() == [None, "missing", "mllm_timeout", None]
    assert "key" not in found.column_names, "the second question has a key of its own"
