"""Evaluating finished runs: hand-counted single-label and multi-label runs, errors, wrong truth."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from methods.errors import InputError
from ray_jobs.verbs.evaluate import evaluate_run
from ray_jobs.verbs.evaluate.truth import TruthError
from tests.helpers.evaluated_runs import many, one, write_run, write_truth


def test_single_label_run(tmp_path: Path) -> None:
    run = write_run(
        tmp_path,
        [one("a", "wren"), one("b", "owl"), one("extra", "owl")],
        [one("c", "owl"), one("d", None, "truncated")],
        [one("e", "owl", "truncated")],
    )
    result = evaluate_run(run, write_truth(tmp_path, a="wren", b="wren", c="owl", d="owl", e="owl"))
    assert (result["images"], result["errors"]) == (5, 2)
    assert result["accuracy"] == pytest.approx(2 / 5)
    assert result["cacc"] == pytest.approx(2 / 5)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 2 / 5) / 2)
    assert {"nmi", "ari"} <= set(result)
    assert result["per_class"][0] == {
        "label": "owl",
        "images": 3,
        "predicted": 2,
        "correct": 1,
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(0.4),
    }
    assert result["confusions"] == [{"true": "wren", "predicted": "owl", "count": 1}]
    assert result["note"] == "images of the run without truth, left out: 1"
    json.dumps(result)


def test_discovered_names_are_scored_as_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_model = InputError("none here")
    monkeypatch.setattr(
        "ray_jobs.verbs.evaluate.sentences.SentenceEncoder", Mock(side_effect=no_model)
    )
    rows = [one("a", "x"), one("b", "x"), one("c", "y"), one("d", "y"), one("e", "x")]
    run = write_run(tmp_path, rows, method="near")
    truth = write_truth(tmp_path, a="wren", b="wren", c="owl", d="owl", e="owl")
    result = evaluate_run(run, truth)
    assert (result["accuracy"], result["macro_f1"], result["cacc"]) == (0, 0, 0.8)
    assert result["names"] == {"x": "wren", "y": "owl"}
    assert result["names_found"] == 2
    owl, wren = result["per_class"]
    assert (owl["label"], owl["images"], owl["predicted"], owl["correct"]) == ("owl", 3, 2, 2)
    assert (wren["label"], wren["precision"], wren["recall"]) == ("wren", pytest.approx(2 / 3), 1)
    assert result["confusions"] == [{"true": "owl", "predicted": "x", "count": 1}]
    assert result["note"] == "sACC is left out (onoma evaluate none here)"


def test_order_of_rows_and_files_changes_nothing(tmp_path: Path) -> None:
    rows = [one(f"{i}", "wren" if i % 3 else "owl") for i in range(40)]
    results = []
    for name, blocks in (("x", [rows]), ("y", [rows[25:], rows[:25][::-1]])):
        (tmp_path / name).mkdir()
        run = write_run(tmp_path / name, *blocks)
        truth = write_truth(tmp_path / name, **{f"{i}": f"t{i % 4}" for i in range(40)})
        results.append(evaluate_run(run, truth))
    assert results[0] == results[1]


def test_multi_label_run(tmp_path: Path) -> None:
    run = write_run(
        tmp_path,
        [many("a", ["cup"], cup=0.9, dog=0.3), many("b", ["cup", "dog"], cup=0.6, dog=0.5)],
        [many("c", [], dog=0.2), many("d", None, "empty_file")],
        config={"classes": ["cup", "dog", "sofa"]},
    )
    result = evaluate_run(run, write_truth(tmp_path, a="cup", b="dog", c="dog", d="cup|dog"))
    assert (result["images"], result["errors"]) == (4, 1)
    by_name = {row["label"]: row for row in result["per_class"]}
    assert sorted(by_name) == ["cup", "dog", "sofa"]
    assert by_name["sofa"]["average_precision"] == 0  # no positives, still counts
    # dog: b .5, a .3, c .2, d unscored: positives at ranks 1, 3, 4
    assert by_name["dog"]["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    expected = (by_name["cup"]["average_precision"] + by_name["dog"]["average_precision"]) / 3
    assert result["map"] == pytest.approx(expected)
    assert by_name["cup"]["f1"] == pytest.approx(0.5)
    assert by_name["dog"]["f1"] == pytest.approx(0.5)
    assert result["cf1"] == pytest.approx(1 / 3)
    assert result["of1"] == pytest.approx(2 * 2 / (3 + 5))
    assert set(result["top3"]) == {"cp", "cr", "cf1", "op", "or", "of1"}
    assert result["confusions"] == []
    json.dumps(result)


def test_multi_label_confusions_and_unknown_classes(tmp_path: Path) -> None:
    run = write_run(tmp_path, [many("a", ["cup"], cup=0.9), many("b", ["cup"], cup=0.8)])
    result = evaluate_run(run, write_truth(tmp_path, a="mug", b="cup"))
    assert result["confusions"] == [{"true": "mug", "predicted": "cup", "count": 1}]
    assert result["note"] == "classes of the truth that are none of the run's: 1"


def test_truth_that_is_not_in_the_run(tmp_path: Path) -> None:
    run = write_run(tmp_path, [one("a", "wren")])
    with pytest.raises(TruthError, match=r"2 of the 3 images .* are not in .*'[bc]'"):
        evaluate_run(run, write_truth(tmp_path, a="wren", b="owl", c="owl"))


def test_images_labelled_twice_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path, [one("a", "wren")], [one("a", "wren")])
    with pytest.raises(TruthError, match="more than once"):
        evaluate_run(run, write_truth(tmp_path, a="wren"))


@pytest.mark.parametrize(("label", "what"), [("wren|owl", "several labels"), ("", "no label")])
def test_single_label_run_needs_one_true_label(tmp_path: Path, label: str, what: str) -> None:
    run = write_run(tmp_path, [one("a", "wren")])
    with pytest.raises(TruthError, match=what):
        evaluate_run(run, write_truth(tmp_path, a=label))


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    truth = write_truth(tmp_path, a="wren")
    with pytest.raises(InputError, match="holds no labels"):
        evaluate_run(str(tmp_path), truth)
    (tmp_path / "labels").mkdir()
    pq.write_table(pa.table({"image_id": [1], "path": ["a"]}), tmp_path / "labels" / "a.parquet")
    with pytest.raises(InputError, match="no column 'label'"):
        evaluate_run(str(tmp_path), truth)
