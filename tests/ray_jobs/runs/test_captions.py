"""Files of captions: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from actors.labels.data_free import CORPUS_SCHEMA, LabelledCaptions
from methods.errors import InputError
from ray_jobs.runs.captions import read_captions

TWO = ("A dog on a sofa.", "Two cats.")
COCO = {"info": {}, "annotations": [{"image_id": 1, "caption": " A dog  on a sofa.\n"}]}


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("c.txt", "\ufeffA dog on a sofa.\r\n\r\n  Two cats. \nTwo cats.\n", TWO),
        ("c.json", json.dumps(list(TWO)), TWO),
        ("captions_train2014.json", json.dumps(COCO), TWO[:1]),
    ],
)
def test_each_form_gives_its_captions_once(
    tmp_path: Path, name: str, content: str, found: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert read_captions(str(tmp_path / name)).texts == found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no caption in it"),
        ("\n \n", "has no caption in it"),
        ('{"annotations": [{"caption": "cut', "not whole JSON"),
        ('{"annotations": [{"label": "x"}]}', "JSON without captions"),
        ('{"images": []}', "JSON without captions"),
        ("[1, 2]", "JSON without captions"),
    ],
)
def test_what_holds_no_captions_is_told(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(InputError, match=says) as error:
        read_captions(str(path))
    assert "one caption a line" in str(error.value)


def test_the_digest_is_of_the_captions_and_not_of_the_form(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(TWO))
    (tmp_path / "b.json").write_text(json.dumps(list(TWO)))
    (tmp_path / "c.txt").write_text("\n".join(TWO[::-1]))
    one, same, other = (read_captions(str(tmp_path / n)) for n in ("a.txt", "b.json", "c.txt"))
    assert one == same
    assert one.digest != other.digest


def test_a_caption_is_labelled_with_the_classes_that_it_names() -> None:
    label = LabelledCaptions([("dog", "puppy"), ("cat",), ("sofa", "couch")], 2, 8)
    said = ["A puppy on the couch", "Cats", "Rain on a window pane", "Two cats " + "and so on " * 9]
    table = label(pa.table({"caption": said}))
    assert table.schema.equals(CORPUS_SCHEMA)
    rows = [(row["sentence"], row["classes"], row["dropped"]) for row in table.to_pylist()]
    assert rows == [
        ("A puppy on the couch", [0, 2], None),
        (None, None, "short"),
        (None, None, "names_no_class"),
        (None, None, "long"),
    ]
