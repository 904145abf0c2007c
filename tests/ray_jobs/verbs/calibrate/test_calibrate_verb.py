"""The verb calibrate: review files as people and spreadsheets leave them, and what is written."""

import json
from pathlib import Path

import numpy as np
import pytest

from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.config import CalibrateConfig
from ray_jobs.config.base import parse
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import NONE_FITS
from ray_jobs.verbs.calibrate import calibrate_lines
from ray_jobs.verbs.calibrate import run as calibrate
from ray_jobs.verbs.calibrate.reviewed import read_reviews
from tests.helpers.evaluated_runs import one, write_run

CLASSES = ["auk", "bee", "cow"]


def archive(count: int = 900) -> tuple[list, dict[str, str]]:
    """Rows with scores that say how likely they are right, and the truth by path."""
    rng = np.random.default_rng(12)
    rows, truth = [], {}
    for number in range(count):
        path, score = f"{number}.png", float(rng.random())
        label = CLASSES[int(rng.integers(2))]
        right = rng.random() < 1 - 0.8 * (1 - score) ** 2
        truth[path] = label if right else CLASSES[2]
        rows.append({**one(path, label), "score": score})
    rows.append(one("broken.png", None, "truncated"))
    return rows, truth


@pytest.fixture
def run(tmp_path: Path) -> str:
    rows, _ = archive()
    return write_run(tmp_path / "run", rows, identity={"classes": CLASSES})


def review(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    file = tmp_path / "reviewed.csv"
    file.write_bytes(text.encode(encoding))
    return str(file)


def reviewed(tmp_path: Path) -> str:
    _, truth = archive()
    lines = [f"{image_id(path)},{label},me,now" for path, label in list(truth.items())[:500]]
    return review(tmp_path, "image_id,label,reviewer,time\n" + "\n".join(lines))


def test_labels_kept_are_right_as_often_as_wanted(run: str, tmp_path: Path) -> None:
    settings = {"precision": 0.9, "reviewed": reviewed(tmp_path), "apply": str(tmp_path / "new")}
    result = calibrate(CalibrateConfig(run=run, **settings))
    _, truth = archive()
    kept, errors, count = [], {}, 0
    for batch in RunReader(str(tmp_path / "new")).batches(["path", "labels", "error"]):
        for row in batch.to_pylist():
            count += 1
            if row["labels"]:
                kept.append(truth[row["path"]] == row["labels"][0])
            else:
                errors[row["error"]] = errors.get(row["error"], 0) + 1
    assert np.mean(kept) >= 0.9
    assert count == 901
    assert errors == result["errors"]
    assert errors["truncated"] == 1
    assert errors["abstained"] == 900 - len(kept)
    assert result["coverage"] == pytest.approx(len(kept) / 900)
    record = json.loads((tmp_path / "new/run.json").read_text())
    assert record["labelled"] == len(kept)
    assert record["calibration"]["precision"] == 0.9
    assert json.loads((Path(run) / "calibration.json").read_text())["precision"] == 0.9
    assert any("without a reviewed image" in note for note in result["notes"])  # cow is never given
    assert calibrate_lines(result)
    # and what an earlier call kept is applied
    calibrate(CalibrateConfig(run=run, apply=str(tmp_path / "again")))
    again = json.loads((tmp_path / "again/run.json").read_text())
    assert again["errors"] == record["errors"]


def test_what_spreadsheets_do_is_read(tmp_path: Path) -> None:
    plain = read_reviews(review(tmp_path, "image_id,label\n5,auk\n-7,bee\n"))
    for text, encoding in (
        ("\ufeffimage_id,label\r\n5,auk\r\n-7,bee\r\n", "utf-8"),
        ("Label;time;Image_ID\r\nauk;1;5\r\nbee;2;-7\r\n;;\r\n", "utf-8"),
        ("image_id\tlabel\n5\tauk\n-7\tbee\n", "utf-16"),
        ('label,image_id\n"auk ",5\nbee,"-7"\n', "utf-8"),
    ):
        assert read_reviews(review(tmp_path, text, encoding)).labels == plain.labels
    several = read_reviews(
        review(tmp_path, "path,label,reviewer\na,auk,x\na,auk,y\na,bee,z\nb,auk,x\nb,bee,y\n")
    )
    assert several.labels == {image_id("a"): "auk"}
    assert several.disputed == 1


def test_a_file_of_a_review_counts_as_the_review_counts_it(tmp_path: Path) -> None:
    """Undone and skipped answers are none; a stratum's images are shared by its answers."""
    head = "image_id,label,reviewer,time,stratum,weight,answer,predicted,score,path\n"
    lines = (
        "5,auk,x,1,s1,30,label,auk,0.9,a.jpg",
        "6,bee,x,2,s1,30,label,auk,0.9,b.jpg",
        "6,,x,3,s1,30,undo,auk,0.9,b.jpg",
        "7,,x,4,s1,30,skip,auk,0.9,c.jpg",
        "8,,x,5,s2,12,none,bee,0.4,d.jpg",
        "9,auk,x,6,s1,30,label,auk,0.9,e.jpg",
        "9,bee,x,7,s1,30,label,auk,0.9,e.jpg",
        "10,auk,x,8,,,label,auk,0.9,f.jpg",
        f"1.2E+18,bee,x,9,s2,12,label,bee,0.4,{'g.jpg'}",
    )
    found = read_reviews(review(tmp_path, head + "\n".join(lines) + "\n"))
    rounded = image_id("g.jpg")
    assert found.labels == {5: "auk", 8: NONE_FITS, 9: "bee", 10: "auk", rounded: "bee"}
    assert found.weights == {5: 15, 8: 6, 9: 15, 10: 1, rounded: 6}
    assert (found.disputed, found.blank) == (0, 1)


def test_a_class_is_meant_by_any_of_its_names_in_any_case(tmp_path: Path) -> None:
    """Two classes may be spoken by one name: either is then what it says."""
    rows = [{**one(f"{n}.png", f"n{n % 3}"), "score": 0.5 + n / 100} for n in range(9)]
    identity = {"classes": ["n0", "n1", "n2"], "class_names": [["Crane"], ["crane"], ["Owl"]]}
    run = write_run(tmp_path / "run", rows, identity=identity)
    said = ["CRANE", "crane", "owl", "N0", "n2", "Owl", "owl", "Crane", "Crane"]
    text = "path,label\n" + "".join(f"{n}.png,{name}\n" for n, name in enumerate(said))
    result = calibrate(CalibrateConfig(run=run, reviewed=review(tmp_path, text)))
    # the second n1 is called n2, the third n0 is called owl, the third n2 a crane
    assert result["right"] == pytest.approx(6 / 9)
    assert not [note for note in result["notes"] if "are no classes" in note]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image_id,name\n5,auk\n", "no column 'label'"),
        ("", "no column"),
        ("image_id,label\n", "no row"),
        ("image_id,label\n1.23E+18,auk\n", "rounded by a spreadsheet"),
        ("image_id,label\nx7,auk\n", "no image id"),
        ("image_id,label,weight\n5,auk,-1\n", "no number above 0"),
        ("image_id,label\n5,auk\n", "another run"),
    ],
)
def test_a_review_file_that_cannot_work_is_one_sentence(run, tmp_path, text, said) -> None:
    with pytest.raises(InputError, match=said):
        calibrate(CalibrateConfig(run=run, reviewed=review(tmp_path, text)))


def test_wrong_use_is_one_sentence(run: str, tmp_path: Path) -> None:
    ids = [image_id(f"{number}.png") for number in range(3)]
    foreign = review(tmp_path, "image_id,label\n" + "".join(f"{i},zebra\n" for i in ids))
    scoreless = write_run(tmp_path / "bare", [one("0.png", "auk")])
    for settings, said in (
        ({"run": run, "reviewed": foreign}, "another class list"),
        ({"run": run, "reviewed": str(tmp_path / "none.csv")}, "no such file"),
        ({"run": run}, "give --reviewed"),
    ):
        with pytest.raises(InputError, match=said):
            calibrate(CalibrateConfig(**settings))
    own = review(tmp_path, f"image_id,label\n{ids[0]},auk\n")
    with pytest.raises(InputError, match="no scores"):
        calibrate(CalibrateConfig(run=scoreless, reviewed=own))
    with pytest.raises(InputError, match="run itself"):
        calibrate(CalibrateConfig(run=run, reviewed=reviewed(tmp_path), apply=run))
    for wrong in ("0", "1", "95"):
        with pytest.raises(InputError, match="--precision"):
            parse(CalibrateConfig, ["--run", run, "--precision", wrong], "onoma calibrate")
