"""`onoma table` over real runs of the field guide, from labels to the file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ray_jobs.cli import DONE, execute
from ray_jobs.passes.session import Capacity


@pytest.mark.extended
def test_two_runs_of_one_archive(ray_session: Capacity, birds: Path, tmp_path: Path) -> None:
    runs = [str(tmp_path / name) for name in ("simple", "imagenet")]
    for run, templates in zip(runs, ("simple", "imagenet"), strict=True):
        shared = ["--classes", str(birds / "classes.txt"), "--images", str(birds / "images")]
        label = ["label", "zero_shot", *shared, "--templates", templates, "--out", run]
        assert execute(label, io.StringIO()) == DONE
        truth = ["evaluate", "--labels", run, "--truth", str(birds / "truth.csv")]
        assert execute(truth, io.StringIO()) == DONE
    out = io.StringIO()
    words = ["table", runs[0], "--against", runs[1], "--json", "--resamples", "100"]
    assert execute(words, out) == DONE
    found = json.loads(out.getvalue())
    name = found["columns"][2]
    metrics = [(row["method"], row["metric"]) for row in found["rows"]]
    assert metrics == [
        (f"zero_shot, templates {templates}", metric)
        for templates in ("simple", "imagenet")
        for metric in ("accuracy", "top-5", "cACC")
    ]
    simple, top5 = (row[name] for row in found["rows"][:2])
    assert simple["low"] <= simple["value"] <= simple["high"]
    assert top5["value"] >= simple["value"]
    assert 0 < simple["p"] <= 1
    assert found["rows"][0]["MLLM calls"] == 0
