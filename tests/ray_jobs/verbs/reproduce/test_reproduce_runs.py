"""A paper's table, made from data sets to figures with the field guide's models."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli import DONE, execute
from ray_jobs.passes.session import Capacity
from tests.helpers import dataset_folders as layouts

PETS = [
    *((f"Abyssinian_{n}.jpg", 0, "abyssinian") for n in range(3)),
    *((f"leonberger_{n}.jpg", 1, "leonberger") for n in range(3)),
]
TEXTURES = [
    *((f"banded/banded_{n}.jpg", 0, "banded") for n in range(3)),
    *((f"matted/matted_{n}.jpg", 1, "matted") for n in range(3)),
]


@pytest.mark.extended
@pytest.mark.usefixtures("mllm")
def test_slac_s_table_on_two_data_sets(ray_session: Capacity, tmp_path: Path) -> None:
    layouts.coop(tmp_path / "oxford_pets", "split_zhou_OxfordPets.json", "images/", PETS)
    textures = "split_zhou_DescribableTextures.json"
    layouts.coop(tmp_path / "dtd", textures, "images/", TEXTURES)
    words = ["reproduce", "slac", "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    words += ["--datasets", "oxford_pets", "--datasets", "dtd", "--resamples", "50", "--json"]
    words += ["--clip", "fieldguide", "--mllm", "fieldguide", "--rows", "CLIP", "--rows", "SLAC"]

    def made() -> dict[str, Any]:
        out = io.StringIO()
        assert execute(words, out) == DONE
        return dict(json.loads(out.getvalue()))

    found = made()
    assert [row["method"] for row in found["rows"]] == ["CLIP", "SLAC"]
    for row in found["rows"]:
        for column in ("oxford_pets novel", "dtd novel", "mean novel"):
            assert 0 <= row[column]["value"] <= 1
    assert Path(found["out"]).read_text() == found["table"]
    run = tmp_path / "out" / "runs" / "dtd-novel" / "slac-seed0" / "run.json"
    before = run.read_text()
    assert made()["rows"] == found["rows"]
    assert run.read_text() == before, "a finished run is not made again"
