"""From a data set's folder to an evaluated run, on the field guide's images and models."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from ray_jobs.cli import execute
from tests.helpers import dataset_folders as layouts
from tests.helpers.run_files import rows_by_path

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.slow]


def onoma(*arguments: object) -> dict[str, Any]:
    """Run a command in this process; returns its object."""
    results = io.StringIO()
    assert execute([*map(str, arguments), "--json"], results) == 0
    found: dict[str, Any] = json.loads(results.getvalue())
    return found


def truth_of(archive: Path) -> dict[str, list[str]]:
    """Labels by path below images/."""
    with open(archive / "truth.csv", newline="", encoding="utf-8") as file:
        return {row["path"]: row["label"].split("|") for row in csv.DictReader(file)}


def test_one_label_an_image(birds: Path, mllm: list[Any], tmp_path: Path) -> None:
    """FGVC-Aircraft's layout, with birds in it."""
    root, truth = tmp_path / "fgvc_aircraft", truth_of(birds)
    lines = []
    for number, (path, (species,)) in enumerate(truth.items()):
        layouts.put(root, f"images/{number:07d}.jpg", (birds / "images" / path).read_bytes())
        lines.append(f"{number:07d} {species}")
    layouts.put_lines(root, "variants.txt", sorted({own[0] for own in truth.values()}))
    layouts.put_lines(root, "images_variant_test.txt", lines)
    out = tmp_path / "set"
    assert onoma("dataset", "aircraft", "--root", tmp_path, "--out", out)["images"] == len(truth)
    run = tmp_path / "slac"
    onoma("label", "slac", "--images", out / "images.txt", "--classes", out / "classes.txt",
          "--out", run)  # fmt: skip
    figures = onoma("evaluate", "--labels", run, "--truth", out / "truth.csv")
    assert figures["images"] == len(truth)
    assert figures["accuracy"] > 0.5


@pytest.mark.extended
def test_several_labels_an_image(tmp_path: Path) -> None:
    """NUS-WIDE's layout, with scenes in it."""
    from fieldguide.archive import draw_archive
    from fieldguide.scenes import CATEGORIES

    draw_archive(tmp_path / "scenes", 24, seed=5, kind="scenes")
    root, truth = tmp_path / "NUSWIDE", truth_of(tmp_path / "scenes")
    images = []
    for number, path in enumerate(truth):
        images.append(f"scene\\{number:04d}_1.jpg")
        content = (tmp_path / "scenes" / "images" / path).read_bytes()
        layouts.put(root, "Flickr/" + images[-1].replace("\\", "/"), content)
    layouts.put_lines(root, "ImageList/TestImagelist.txt", images)
    layouts.put_lines(root, "Concepts81.txt", CATEGORIES)
    for concept in CATEGORIES:
        marks = [str(int(concept in labels)) for labels in truth.values()]
        layouts.put_lines(root, f"TrainTestLabels/Labels_{concept}_Test.txt", marks)
    out = tmp_path / "set"
    assert onoma("dataset", "nus", "--root", root, "--out", out)["images"] == 24
    onoma("fit", "data_free", "--classes", out / "classes.txt", "--baseline", "zero_shot",
          "--out", tmp_path / "classifier")  # fmt: skip
    onoma("label", "--classifier", tmp_path / "classifier", "--images", out / "images.txt",
          "--out", tmp_path / "run")  # fmt: skip
    figures = onoma("evaluate", "--labels", tmp_path / "run", "--truth", out / "truth.csv")
    assert figures["images"] == 24
    assert figures["map"] > 0.5


@pytest.mark.extended
def test_two_classes_of_one_name(birds: Path, mllm: list[Any], tmp_path: Path) -> None:
    """ImageNet's layout: one species is two classes, the later one under another name as well."""
    root, truth = tmp_path / "imagenet", truth_of(birds)
    (common, _), (other, _), *_ = Counter(own[0] for own in truth.values()).most_common(2)
    kept = [(path, own[0]) for path, own in truth.items() if own[0] in (common, other)]
    wnids = {common: ["n00000001", "n00000003"], other: ["n00000002"]}
    expected = {}
    for number, (path, species) in enumerate(kept):
        wnid = wnids[species][number % len(wnids[species])]
        name = f"images/val/{wnid}/ILSVRC2012_val_{number:08d}.JPEG"
        layouts.put(root, name, (birds / "images" / path).read_bytes())
        expected[str(root / name)] = wnid
    named = [f"{w} {species}" for species, own in wnids.items() for w in own]
    layouts.put_lines(root, "classnames.txt", sorted(named))
    out = tmp_path / "set"
    onoma("dataset", "imagenet", "--root", root, "--out", out)
    for method in ("zero_shot", "slac"):
        run = tmp_path / method
        onoma("label", method, "--images", out / "images.txt", "--classes", out / "classes.txt",
              "--out", run)  # fmt: skip
        labels = {p: row["label"] for p, row in rows_by_path(run, CLASSIFIER_LABELS_SCHEMA).items()}
        assert set(labels) == set(expected)
        given = set(labels.values()) - {None}
        assert given <= {"n00000001", "n00000002"}, "the first of two classes of one name"
        right = sum(labels[path] == expected[path] for path in expected)
        figures = onoma("evaluate", "--labels", run, "--truth", out / "truth.csv")
        assert figures["accuracy"] == pytest.approx(right / len(expected))
        assert right > 0
        report = onoma("report", run, "--truth", out / "truth.csv")["report"]
        assert f"{common} (n00000001)" in Path(report).read_text("utf-8")
