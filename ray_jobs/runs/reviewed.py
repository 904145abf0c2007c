"""``RUN/reviewed.csv``: what people said of a run's labels, one line an answer, only ever added to.

The columns are `COLUMNS`. What a line says is its ``answer``: ``label`` (the class is in the column
``label``), ``none`` (no class of the list fits), ``skip`` (not judged) or ``undo`` (the reviewer's
line before on this image counts no more). Of a reviewer's lines on an image the last counts.
``stratum`` is empty where the image was not drawn: such answers are kept, and do not enter
estimates. ``weight`` is how many images of the archive are in the stratum.

The file may come back from a spreadsheet: with a byte order mark, other line ends, ``;`` or tabs
between cells, a first line ``sep=;``, columns in another order or case or added, ids as texts
(``'5``, ``="5"``) or rounded (then ``path`` says which image it is, as where there are no ids).
Several processes may add lines at once.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

from methods.errors import InputError

COLUMNS: Final = (
    *("image_id", "label", "reviewer", "time", "stratum", "weight"),
    *("answer", "predicted", "score", "path"),
)
FILE: Final = "reviewed.csv"
NONE_FITS: Final = "(no class fits)"
"""How an answer that no class of the list fits is shown."""

_ROUNDED: Final = re.compile(r"-?\d+([.,]\d+)?[eE]\+?\d+|-?\d+[.,]0*")
_ANSWERS: Final = ("label", "none", "skip", "undo")

Answer = Literal["label", "none", "skip", "undo"]


@dataclass(frozen=True)
class ReviewedLine:
    """One line of the file, its cells as texts.

    Attributes:
        number: its line in the file, from 1; 0 for one that is not written yet.
    """

    image_id: str
    label: str = ""
    reviewer: str = ""
    time: str = ""
    stratum: str = ""
    weight: str = ""
    answer: str = ""
    predicted: str = ""
    score: str = ""
    path: str = ""
    number: int = 0


def read_lines(file: str) -> list[ReviewedLine]:
    """Read all lines of a file; none where there is no file.

    Raises:
        InputError: it is no such file, or a line has an answer that there is not.
    """
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    return parse_lines(data, file)


def parse_lines(data: bytes, file: str) -> list[ReviewedLine]:
    """Read all lines of a file's content; ``file`` names it in errors.

    Raises:
        InputError: it is no such file, or a line has an answer that there is not.
    """
    return list(_parsed(_text(data, file), file))


def is_rounded(image_id: str) -> bool:
    """Whether an id is as a spreadsheet writes numbers that are too long for it."""
    return _ROUNDED.fullmatch(image_id) is not None


def standing(lines: Sequence[ReviewedLine]) -> dict[tuple[str, str], ReviewedLine]:
    """Return the line that counts, by image id and reviewer, in the order of the file."""
    found: dict[tuple[str, str], ReviewedLine] = {}
    for line in lines:
        key = line.image_id, line.reviewer
        found.pop(key, None)
        if line.answer != "undo":
            found[key] = line
    return found


def append_lines(file: str, lines: Sequence[ReviewedLine]) -> None:
    """Add lines, whole, whoever else adds some at the same time.

    A new file gets a header; one that is there is written as it is, in the order of its columns.

    Raises:
        InputError: the file cannot be written, or lacks a column that answers need.
    """
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        head = os.pread(handle, 65536, 0).partition(b"\n")[0]
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{file} is in UTF-16; save it as CSV in UTF-8 to go on with it")
        columns, delimiter, start = list(COLUMNS), ",", b""
        if head.strip():
            first = _text(head, file).strip()
            delimiter = _delimiter(first)
            columns = _header(next(csv.reader([first], delimiter=delimiter)))
            if missing := [
                name for name in ("image_id", "label", "reviewer", "answer") if name not in columns
            ]:
                raise InputError(
                    f"{file} has no column {missing[0]!r}, which new answers need; give "
                    "--reviewed another file"
                )
            if os.pread(handle, 1, size - 1) != b"\n":
                start = b"\n"
        text = io.StringIO()
        writer = csv.DictWriter(
            text, columns, extrasaction="ignore", delimiter=delimiter, lineterminator="\n"
        )
        if not head.strip():
            writer.writeheader()
        writer.writerows({k: _one_line(v) for k, v in asdict(line).items()} for line in lines)
        data = start + text.getvalue().encode()
        while data:
            data = data[os.write(handle, data) :]
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        os.close(handle)


def _one_line(value: object) -> str:
    """A cell that ends no line, so that files can be cut and counted by lines."""
    return str(value).replace("\r", " ").replace("\n", " ")


def _text(data: bytes, file: str) -> str:
    if data[:4] == b"PK\x03\x04":
        raise InputError(f"{file} is a spreadsheet's own file; save it as CSV in UTF-8")
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is no text in UTF-8; save it as CSV in UTF-8") from error


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _parsed(text: str, file: str) -> Iterator[ReviewedLine]:
    lines = text.splitlines(keepends=True)
    before = 0  # blank lines, and what Excel calls the separator by
    while before < len(lines) and re.fullmatch(r"(sep=.)?\s*", lines[before]):
        before += 1
    if before == len(lines):
        return
    body = io.StringIO("".join(lines[before:]), newline="")
    rows = csv.reader(body, delimiter=_delimiter(lines[before]), strict=True)
    try:
        header = _header(next(rows))
        image = "image_id" if "path" not in header else "path"
        if missing := [name for name in (image, "label") if name not in header]:
            raise InputError(
                f"{file} has no column {missing[0]!r}; a review file has image_id or path, and "
                f"label: of the columns {', '.join(COLUMNS)}"
            )
        if twice := [name for name in COLUMNS if header.count(name) > 1]:
            raise InputError(f"{file} has two columns {twice[0]!r}; leave one of them")
        for cells in rows:
            if any(cell.strip() for cell in cells):
                number = before + rows.line_num
                yield _line(dict(zip(header, cells, strict=False)), number, file)
    except csv.Error as error:
        raise InputError(f"{file} cannot be read as CSV ({error})") from error


def _header(names: Sequence[str]) -> list[str]:
    """Columns go by name, in any order and case."""
    return [name.strip().casefold() for name in names]


def _line(cells: Mapping[str, str], number: int, file: str) -> ReviewedLine:
    known = {name: cells.get(name, "").strip() for name in COLUMNS}
    known["image_id"] = known["image_id"].strip("'\"=")
    if not known["answer"]:  # a file made by hand has labels, or nothing
        known["answer"] = "label" if known["label"] else "skip"
    if known["answer"] not in _ANSWERS:
        raise InputError(
            f"{file} line {number}: the answer {known['answer']!r} is none of {', '.join(_ANSWERS)}"
        )
    if known["answer"] == "label" and not known["label"]:
        raise InputError(f"{file} line {number}: the answer is a label and the label is empty")
    return ReviewedLine(**known, number=number)
