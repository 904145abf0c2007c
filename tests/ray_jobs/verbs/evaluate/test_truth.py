"""Reading truth.csv and aligning its paths with a run's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from methods.image_ids import image_id
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.truth import TruthError, align_truth, read_truth


def write_truth(folder: Path, text: str) -> str:
    file = folder / "truth.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def run_of(folder: Path, *paths: str) -> RunReader:
    (folder / "labels").mkdir()
    rows = [{"image_id": image_id(p), "path": p, "label": "wren", "error": None} for p in paths]
    pq.write_table(pa.Table.from_pylist(rows), folder / "labels" / "part.parquet")
    return RunReader(str(folder))


def test_reads_labels_and_orders_by_image_id(tmp_path: Path) -> None:
    text = '\ufeffpath,note,label\n./b.jpg,x,"wren, young"\na.jpg,y, cup | dog||\nc.jpg,,\n'
    text += "d.jpg,,cafe\u0301\n"
    truth = read_truth(write_truth(tmp_path, text))
    assert (np.diff(truth.image_ids) > 0).all()
    at = truth.positions(np.array([image_id("b.jpg"), 5, image_id("a.jpg"), image_id("c.jpg")]))
    assert at[1] == -1
    assert [truth.labels_at(int(i)) for i in at[[0, 2, 3]]] == [["wren, young"], ["cup", "dog"], []]
    assert truth.paths[int(at[0])].as_py() == "b.jpg"
    [accented] = truth.positions(np.array([image_id("d.jpg")]))
    assert truth.labels_at(int(accented)) == ["caf\u00e9"], "as class files are read"
    assert truth.note is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "no rows"),
        ("", "cannot be read as CSV"),
        ("path,class\na.jpg,wren\n", "header path,label"),
        ("file,label\na.jpg,wren\n", "header path,label"),
        ("path;label\na.jpg;wren\n", "divided by commas.* has 'path;label'"),
        ("path\tlabel\na.jpg\twren\n", r"has 'path\\tlabel'"),
        ("\ufeffPath, label\na.jpg, wren\n", "has 'Path, label'"),
        ("path,label\na.jpg,wren\nb.jpg,owl\na.jpg,owl\n", "'a.jpg'"),
        ("path,label\na.jpg,wren,owl,more\n", "cannot be read as CSV"),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TruthError, match=message):
        read_truth(write_truth(tmp_path, text))


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="no truth file"):
        read_truth(str(tmp_path / "absent.csv"))


def test_matching_paths_are_left_alone(tmp_path: Path) -> None:
    truth = read_truth(write_truth(tmp_path, "path,label\nx/a.jpg,wren\nx/b.jpg,owl\n"))
    assert align_truth(truth, run_of(tmp_path, "x/a.jpg", "x/c.jpg")) is truth


@pytest.mark.parametrize(
    ("truth_paths", "run_paths", "note"),
    [
        (["a.jpg", "s/b.jpg"], ["data/images/a.jpg", "data/images/s/b.jpg"], "'data/images'"),
        (["images/a.jpg", "images/b.jpg"], ["data/images/a.jpg", "data/images/b.jpg"], "'data'"),
        (["images/a.jpg", "images/b.jpg"], ["a.jpg", "b.jpg", "c.jpg"], "'images'"),
        (["/data/images/a.jpg", "/data/images/b.jpg"], ["a.jpg", "b.jpg"], "'/data/images'"),
    ],
)
def test_one_leading_folder_is_aligned(
    tmp_path: Path, truth_paths: list[str], run_paths: list[str], note: str
) -> None:
    rows = "".join(f"{path},{path[-5]}\n" for path in truth_paths)
    run = run_of(tmp_path, *run_paths)
    aligned = align_truth(read_truth(write_truth(tmp_path, f"path,label\n{rows}")), run)
    at = aligned.positions(np.array([image_id(path) for path in run_paths[:2]]))
    assert [aligned.labels_at(int(i)) for i in at] == [["a"], ["b"]]
    assert note in str(aligned.note)


def test_foreign_truth_names_an_example_of_each_side(tmp_path: Path) -> None:
    truth = read_truth(write_truth(tmp_path, "path,label\nimages/a.jpg,wren\n"))
    with pytest.raises(TruthError, match=r"'images/a.jpg'.*'photos/z.jpg'"):
        align_truth(truth, run_of(tmp_path, "photos/z.jpg"))
