"""Reading what people said of images: a CSV, as `onoma review` writes it or a spreadsheet saved it.

Columns go by name, in any order and case: ``image_id`` or ``path``, ``label``, and perhaps
``weight``; others are ignored. A byte-order mark, CRLF, and semicolons or tabs between cells are
what spreadsheets make of a CSV, and read.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass

from actors import storage
from methods.errors import InputError
from methods.image_ids import image_id

_ROUNDED = re.compile(r"^-?\d+(\.\d+)?[eE]\+?\d+$|^-?\d+[.,]0*$")


@dataclass(frozen=True)
class Reviews:
    """What people said, by image.

    Attributes:
        labels: one label an image: what most of its reviewers said.
        weights: images of the archive that each stands for; 1 without a column.
        disputed: images on which reviewers are split evenly, left out.
        blank: rows without a label, left out.
    """

    labels: dict[int, str]
    weights: dict[int, float]
    disputed: int
    blank: int


def read_reviews(uri: str) -> Reviews:
    """Read a review file.

    Raises:
        InputError: one sentence: no such file, no CSV, a column is missing, an id or a weight is
            none, or a spreadsheet has rounded the ids.
    """
    where = f"--reviewed {uri}"
    if not storage.exists(storage.absolute(uri)):
        raise InputError(f"{where}: there is no such file")
    text = _decoded(storage.read_bytes(storage.absolute(uri)), where)
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(",;\t", key=head.count)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        names = {(name or "").strip().casefold(): name for name in rows.fieldnames or []}
        key = "image_id" if "image_id" in names else "path"
        for column in (key, "label"):
            if column not in names:
                raise InputError(
                    f"{where}: has no column {column!r}; it needs image_id (or path) and label, "
                    "as onoma review writes them"
                )
        return _collected(list(rows), names, key, where)
    except csv.Error as error:
        raise InputError(f"{where}: cannot be read as CSV ({error})") from error


def _decoded(data: bytes, where: str) -> str:
    marks = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    encoding = next((name for mark, name in marks if data.startswith(mark)), "utf-8-sig")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: is not UTF-8; save it as CSV UTF-8") from error


def _collected(rows: list[dict[str, str]], names: dict[str, str], key: str, where: str) -> Reviews:
    said: dict[int, Counter[str]] = {}
    weights: dict[int, float] = {}
    blank = 0
    for number, row in enumerate(rows, start=2):
        cell = (row.get(names[key]) or "").strip()
        label = (row.get(names["label"]) or "").strip()
        if not cell or not label:
            blank += 1
            continue
        image = image_id(cell) if key == "path" else _id(cell, number, where)
        said.setdefault(image, Counter())[label] += 1
        if "weight" in names:
            weights[image] = _weight((row.get(names["weight"]) or "").strip(), number, where)
    if not said:
        raise InputError(f"{where}: has no row with an image and a label; review some images first")
    labels, disputed = {}, 0
    for image, votes in said.items():
        (best, most), *rest = votes.most_common(2)
        if rest and rest[0][1] == most:
            disputed += 1
        else:
            labels[image] = best
    return Reviews(labels, {i: weights.get(i, 1.0) for i in labels}, disputed, blank)


def _id(cell: str, number: int, where: str) -> int:
    try:
        return int(cell.strip("'\""))
    except ValueError:
        if _ROUNDED.match(cell):
            raise InputError(
                f"{where} line {number}: the image id {cell} was rounded by a spreadsheet; import "
                "that column as text, or give a column path"
            ) from None
        raise InputError(f"{where} line {number}: {cell[:40]!r} is no image id") from None


def _weight(cell: str, number: int, where: str) -> float:
    try:
        value = float(cell.replace(",", ".") or 1)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{where} line {number}: the weight {cell!r} is no number above 0")
    return value
