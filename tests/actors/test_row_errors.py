"""Errors of rows on their way through stages: none is lost, none takes the place of another."""

from __future__ import annotations

import pyarrow as pa
import pytest

from actors.images.errors import ImageError
from actors.stage import RowErrors
from methods.answers import AnswerError


def batch() -> pa.Table:
    return pa.table(
        {
            "image_id": [1, 2, 3],
            "error": pa.array([None, "missing", None], pa.string()),
            "error_detail": pa.array([None, "nothing at b.jpg", None], pa.string()),
            "key": ["a", "b", "c"],
        }
    )


def test_the_first_error_of_a_row_stays_and_columns_keep_their_places() -> None:
    errors = RowErrors.of(batch())
    assert errors.fine.tolist() == [True, False, True]
    errors.fail(1, "corrupt", "later").fail(2, ImageError("truncated", "early end"))
    assert errors.fine.tolist() == [True, False, False]
    assert errors.codes == (None, "missing", "truncated")
    found = errors.onto(batch())
    assert found.column_names == batch().column_names
    assert found.column("error").to_pylist() == [None, "missing", "truncated"]
    assert found.column("error_detail").to_pylist() == [None, "nothing at b.jpg", "early end"]


def test_a_batch_without_the_columns_gets_them() -> None:
    plain = batch().select(["image_id"])
    found = RowErrors.of(plain).fail(0, AnswerError("refusal", "Sorry.")).onto(plain)
    assert found.column_names == ["image_id", "error", "error_detail"]
    assert found.column("error").to_pylist() == ["refusal", None, None]
    assert found.schema.field("error_detail").type == pa.string()


def test_batches_without_rows_or_errors_have_typed_columns() -> None:
    empty = batch().slice(0, 0).select(["image_id"])
    errors = RowErrors.of(empty)
    assert errors.fine.shape == (0,)
    assert errors.onto(empty).schema.field("error").type == pa.string()
    assert list(RowErrors.of(batch()).columns()) == ["error", "error_detail"]


def test_errors_of_other_rows_than_the_batch_has_are_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        RowErrors.of(batch()).onto(batch().slice(0, 2))
