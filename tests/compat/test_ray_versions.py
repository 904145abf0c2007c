"""A cluster with another Ray or Python is told in one sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import ray
from ray._private.utils import check_version_info

from actors.compat.ray_versions import OLDEST, TESTED, other_version
from ray_jobs.failures import wrong_input

ROOT = Path(__file__).parent.parent.parent


def test_what_ray_raises_becomes_a_sentence() -> None:
    of_the_cluster = {"ray_version": "2.59.1", "python_version": "3.12.4"}
    with pytest.raises(RuntimeError) as caught:
        check_version_info(of_the_cluster, "this machine", raise_on_mismatch=True)
    said = wrong_input(caught.value)
    assert said == other_version(caught.value)
    assert said is not None
    assert said.startswith("the cluster runs Ray 2.59.1 on Python 3.12.4, and this is Ray ")
    assert f"Ray {ray.__version__} on Python 3." in said
    assert f"tested with Ray {TESTED}" in said
    assert "\n" not in said


def test_other_errors_are_left_alone() -> None:
    for error in (RuntimeError("out of memory"), RuntimeError("Version mismatch: of a file")):
        assert other_version(error) is None


def test_the_versions_are_those_that_are_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (wanted,) = (need for need in project["project"]["dependencies"] if need.startswith("ray["))
    oldest, newest = (tuple(map(int, each.split("."))) for each in (OLDEST, TESTED))
    assert wanted == f"ray[data,serve]>={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert f"ray=={TESTED}" in project["tool"]["uv"]["constraint-dependencies"]
    for file in (ROOT / "cluster").glob("*.yaml"):
        for version in re.findall(r"rayVersion: [\"']?([\d.]+)", file.read_text("utf-8")):
            assert version == TESTED, file
