"""One image in every form that a program may have it: the same pixels, and the same errors."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from actors.images.decode import Preprocessing, input_pixels
from actors.images.errors import ImageError
from methods.errors import InputError
from onoma.pictures import model_input
from onoma.stages import _cells, _with_columns

HOW = Preprocessing(32, 32)


@pytest.fixture
def picture() -> Image.Image:
    rng = np.random.default_rng(5)
    return Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))


def test_all_forms_give_the_pixels_of_a_job(picture: Image.Image, tmp_path: Path) -> None:
    file = tmp_path / "a picture.png"
    picture.save(file)
    data = file.read_bytes()
    expected = input_pixels(data, HOW)
    forms: list[Any] = [
        str(file),
        file,
        data,
        memoryview(data),
        picture,
        np.asarray(picture),
        {"bytes": data, "path": None},
        {"bytes": None, "path": str(file)},
    ]
    for form in forms:
        assert np.array_equal(model_input(form, HOW), expected), type(form)


def test_an_image_of_pillow_is_turned_and_left_as_it_is(picture: Image.Image) -> None:
    exif = picture.getexif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    picture.save(stored, "PNG", exif=exif)
    opened = Image.open(io.BytesIO(stored.getvalue()))
    assert np.array_equal(model_input(opened, HOW), input_pixels(stored.getvalue(), HOW))
    assert opened.size == (60, 40)
    assert opened.getexif()[0x0112] == 6


def test_grey_and_transparent_pixels(picture: Image.Image) -> None:
    grey = np.asarray(picture.convert("L"))
    assert np.array_equal(model_input(grey, HOW), model_input(grey[:, :, None], HOW))
    clear = np.dstack([np.asarray(picture), np.zeros((40, 60), np.uint8)])
    assert (model_input(clear, HOW) == 255).all()


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (b"no image", "not_an_image"),
        (b"", "not_an_image"),
        (None, "missing"),
        ({"bytes": None, "path": None}, "missing"),
        ("/no/such/file.jpg", "missing"),
        (np.zeros((4, 4, 3), np.float32), "not_an_image"),
        (np.zeros((4, 4, 7), np.uint8), "not_an_image"),
        (3, "not_an_image"),
    ],
)
def test_what_is_no_image_has_a_code(form: Any, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        model_input(form, HOW)
    assert caught.value.code == code


def test_too_many_pixels_are_refused_in_every_form(picture: Image.Image) -> None:
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    for form in (picture, np.asarray(picture), stored.getvalue()):
        with pytest.raises(ImageError, match="60 x 40 pixels") as caught:
            model_input(form, HOW, max_pixels=100)
        assert caught.value.code == "too_many_pixels"


ADDS = [("label", pa.string()), ("score", pa.float32()), ("top", pa.list_(pa.string()))]
COLUMNS: dict[str, list[Any]] = {
    "label": ["a", None],
    "score": [0.5, None],
    "top": [["a", "b"], ["b", "a"]],
}


def batches() -> list[Any]:
    """One batch in each of Ray's formats."""
    rows = {"image": ["x.jpg", "y.jpg"], "year": [1923, 1924]}
    table = pa.table(rows)
    return [table, table.to_pandas(), {name: np.array(cells) for name, cells in rows.items()}]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_columns_are_added_and_none_is_lost(which: int) -> None:
    batch = batches()[which]
    found = _with_columns(batch, ADDS, COLUMNS, "my_")
    assert type(found) is type(batch)
    names = found.column_names if isinstance(found, pa.Table) else list(found)
    assert names == ["image", "year", "my_label", "my_score", "my_top"]
    column = found["my_top"]
    cells = column.to_pylist() if isinstance(found, pa.Table) else list(column)
    assert [list(each) for each in cells] == [["a", "b"], ["b", "a"]]
    assert list(_cells(batch, "image")) == ["x.jpg", "y.jpg"]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_column_of_the_user_is_never_written_over(which: int) -> None:
    with pytest.raises(InputError, match=r"column 'year' already; say prefix="):
        _with_columns(batches()[which], [("year", pa.string())], {"year": ["a", "b"]}, "")
    with pytest.raises(InputError, match="no column 'img' with images; there are image, year"):
        _cells(batches()[which], "img")
