"""The question of a cascade, how its answer is read, and who decides a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.labels.cascade import (
    ABOUT,
    CHOOSE,
    DESCRIBE,
    SHOWN,
    ShownChoicePrompt,
    join_shown,
    read_choice,
)
from actors.mllm.answers_by_image import index_images, read_images
from actors.mllm.request import DecodedImage, Sampling
from actors.mllm.responses import RESPONSE_TYPE
from methods.answers import AnswerError
from methods.prompt import Prompt
from tests.helpers.cascade_rows import CLASSES, NAMES, answered, said

IMAGE = DecodedImage(np.zeros((2, 2, 3), np.uint8))


def test_the_classes_shown_are_marked_in_their_order_each_name_once() -> None:
    prompt = ShownChoicePrompt(Prompt("{category}? {classes} {description}"), "bird", NAMES, "none")
    batch = pa.table(
        {
            "bytes": pa.array([b"image", None], pa.large_binary()),
            SHOWN: pa.array([[2, 0, 4, 3], [1, 0]], pa.list_(pa.int32())),
            DESCRIBE: pa.array([said("a long bill"), None], RESPONSE_TYPE),
            "key": pa.array([b"k" * 16, None], pa.binary(16)),
            "error": pa.array([None, "missing"], pa.string()),
            "error_detail": pa.array([None, "gone"], pa.string()),
        }
    )
    joined = join_shown(batch)
    assert "key" not in joined.column_names
    row, failed = joined.to_pylist()
    assert (failed[ABOUT], failed["error"]) == (None, "missing")
    request = prompt.build(row, IMAGE, Sampling())
    assert request.text == "bird? A. great tit\nB. wren\nC. crane a long bill"
    assert request.choices == ("great tit", "wren", "crane")
    other = join_shown(batch.set_column(1, SHOWN, pa.array([[0, 2, 4, 3], [1, 0]])))
    assert other.column(ABOUT)[0] != joined.column(ABOUT)[0], "another order is another question"
    silent = batch.set_column(2, DESCRIBE, pa.array([said(""), None], RESPONSE_TYPE))
    assert join_shown(silent).column("error").to_pylist() == ["empty_answer", "missing"]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("B", 0), ("The answer is C.", 3), ("great tit", 2), ("It is a wren, I think", 0)],
)
def test_letters_and_names_are_read_among_those_shown(text: str, chosen: int) -> None:
    assert read_choice(answered(1, text, [2, 0, 3, 4]), NAMES, CLASSES.others) == chosen


@pytest.mark.parametrize(
    ("text", "changes", "code"),
    [
        ("robin", {}, "no_class"),  # a class, and not one of those shown
        ("a wren or a great tit", {}, "no_class"),
        ("", {}, "empty_answer"),
        ("I'm sorry, I can't help with that.", {}, "refusal"),
        (None, {"error": "truncated", "error_detail": "early"}, "truncated"),
        (None, {CHOOSE: said(None, error="mllm_timeout", error_detail="late")}, "mllm_timeout"),
        ("the shape", {CHOOSE: said("the shape", finish_reason="length")}, "cut_answer"),
    ],
)
def test_what_cannot_be_used_has_a_code(
    text: str | None, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(AnswerError) as caught:
        read_choice(answered(1, text, [2, 0, 3], **changes), NAMES, CLASSES.others)
    assert caught.value.code == code


def test_rows_are_found_by_image_in_several_tables(tmp_path: Path) -> None:
    for name, ids in (("one", [3, -(2**63), 2**63 - 1]), ("two", [4, 3])):
        (tmp_path / name).mkdir()
        table = pa.table({"image_id": pa.array(ids, pa.int64()), "from": [name] * len(ids)})
        pq.write_table(table, tmp_path / name / "part.parquet")
    indices = index_images(str(tmp_path / "one"), str(tmp_path / "two"))
    found = read_images(indices, [2**63 - 1, 4, 5, 3, -(2**63)], ["from"])
    assert [row and row["from"] for row in found] == ["one", "two", None, "one", "one"]
    assert read_images([], [1], ["from"]) == [None]
