"""The review file: added to by several, edited by spreadsheets, never half a line."""

import multiprocessing
from pathlib import Path

import pytest

from methods.errors import InputError
from ray_jobs.runs.reviewed import COLUMNS, ReviewedLine, append_lines, read_lines, standing

LINE = ReviewedLine("-7", 'a "b", c', "Ann", "2026-01-02T03:04:05+00:00", "3", "120", "label", "x")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = str(tmp_path / "reviewed.csv")
    append_lines(file, [LINE])
    append_lines(file, [ReviewedLine("8", reviewer="Ann", answer="skip", path="ä\n.jpg")])
    assert Path(file).read_text("utf-8").splitlines()[0] == ",".join(COLUMNS)
    first, second = read_lines(file)
    assert (first.image_id, first.label, first.weight, first.number) == ("-7", LINE.label, "120", 2)
    assert (second.answer, second.label, second.path) == ("skip", "", "ä .jpg")
    assert read_lines(str(tmp_path / "none.csv")) == []


def test_of_a_reviewer_s_lines_the_last_counts() -> None:
    lines = [
        ReviewedLine("1", "wren", "Ann", answer="label"),
        ReviewedLine("1", "tern", "Bob", answer="label"),
        ReviewedLine("1", "tern", "Ann", answer="label"),
        ReviewedLine("1", "", "Bob", answer="undo"),
    ]
    assert [line.label for line in standing(lines).values()] == ["tern"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbflabel,image_id,note\r\nwren,5,hm\r\n",
        b"image_id;label\r\n5;wren\r\n\r\n",
        b"image_id\tlabel\n5\twren",
        "image_id,label\n5,wren\n".encode("utf-16"),
        b"sep=;\r\nimage_id;label\r\n5;wren\r\n",
        b"\n\nimage_id,label\n'5,wren\n",
        b'image_id,label\r"=""5""",wren\r',
    ],
    ids=["bom, order, CRLF", "semicolons", "tabs", "utf-16", "sep=", "blank lines", "id as text"],
)
def test_a_spreadsheet_s_file_is_read(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "reviewed.csv"
    file.write_bytes(data)
    [line] = read_lines(str(file))
    assert (line.image_id, line.label, line.answer) == ("5", "wren", "label")


def test_a_spreadsheet_s_file_is_added_to_in_its_own_order(tmp_path: Path) -> None:
    file = tmp_path / "reviewed.csv"
    file.write_bytes(b"\xef\xbb\xbfanswer;label;image_id;reviewer\r\nlabel;wren;5;Ann")
    append_lines(str(file), [LINE])
    first, second = read_lines(str(file))
    assert (first.label, first.reviewer) == ("wren", "Ann")
    assert (second.image_id, second.label, second.answer) == ("-7", LINE.label, "label")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"image_id,class\n1,wren\n", "no column 'label'"),
        (b"image_id,label,answer\n1,wren,perhaps\n", "line 2: the answer 'perhaps' is none of"),
        (b"image_id,label,answer\n1,,label\n", "line 2: the answer is a label and the label is"),
        (b"image_id,label\n1,\xff\xfa\n", "is no text in UTF-8"),
        (b"PK\x03\x04\x14", "is a spreadsheet's own file; save it as CSV"),
        (b"image_id,label,Label\n1,wren,owl\n", "has two columns 'label'"),
        (b"sep=,\nimage_id,label,answer\n1,,label\n", "line 3: the answer is a label and"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "reviewed.csv"
    file.write_bytes(data)
    with pytest.raises(InputError, match=told):
        read_lines(str(file))


def test_a_file_without_reviewers_is_read_and_not_added_to(tmp_path: Path) -> None:
    file = tmp_path / "reviewed.csv"
    file.write_text("image_id,label\n1,wren\n")
    assert len(read_lines(str(file))) == 1
    with pytest.raises(InputError, match="no column 'reviewer'"):
        append_lines(str(file), [LINE])
    assert file.read_text() == "image_id,label\n1,wren\n"


def _write(file: str, who: str) -> None:
    for at in range(60):
        append_lines(file, [ReviewedLine(str(at), "x" * 300, who, answer="label")])


def test_two_processes_add_whole_lines(tmp_path: Path) -> None:
    file = str(tmp_path / "reviewed.csv")
    started = [multiprocessing.Process(target=_write, args=(file, who)) for who in ("Ann", "Bob")]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    found = standing(read_lines(file))
    assert len(found) == 120
    assert {line.label for line in found.values()} == {"x" * 300}
