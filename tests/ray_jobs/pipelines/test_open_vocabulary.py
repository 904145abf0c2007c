"""A multimodal LLM that names every image: one row an image, one way of writing each name."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from actors.labels.table import LABELS_SCHEMA
from fieldguide.world import NAMES
from ray_jobs.cli import WRONG_USAGE, execute
from ray_jobs.config import LabelMllmNamesConfig
from ray_jobs.verbs.label import label as run_label
from tests.helpers.broken_images import FILES, archive_of_files
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint
from tests.helpers.run_files import Rows, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session")


def label(images: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Name the birds of a folder; ``run.json``."""
    settings = {"images": str(images), "category": "bird", "unit": "species", **settings}
    return run_label(LabelMllmNamesConfig(out=str(out), **settings))


def rows(run: Path) -> Rows:
    """The labels table by path."""
    return rows_by_path(run, LABELS_SCHEMA)


def test_every_image_is_named_once_and_a_second_run_asks_nothing(
    birds: Path, mllm: list[Any], bird_paths: list[str], tmp_path: Path
) -> None:
    first = label(birds / "images", tmp_path / "one")
    found = rows(tmp_path / "one")
    assert found.keys() == set(bird_paths)
    assert (first["mllm_calls"], first["answers_reused"], first["engine_starts"]) == (48, 0, 1)
    assert first["labelled"] + sum(first["errors"].values()) == first["images"] == 48
    assert first["labelled"] > 40
    for row in found.values():
        assert (row["label"] in NAMES) == (row["error"] is None)
        assert (row["score"], row["method"]) == (None, "mllm_names")
    settings = {"mllm_batch": 7, "rows_per_block": 16}
    second = label(birds / "images", tmp_path / "two", **settings)
    assert (second["mllm_calls"], second["answers_reused"], second["engine_starts"]) == (0, 48, 0)
    assert rows(tmp_path / "two") == found


def test_a_line_can_be_asked_for_and_broken_images_are_rows_with_their_code(
    birds: Path, mllm: list[Any], tmp_path: Path
) -> None:
    """Good files of no bird are named as well; what the name is, is the model's affair."""
    archive = archive_of_files(tmp_path / "images")
    pictures = sorted(path for path in (birds / "images").rglob("*.*g") if path.is_file())[:12]
    for number, picture in enumerate(pictures):
        (archive / f"bird-{number}{picture.suffix}").write_bytes(picture.read_bytes())
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("What {unit} of {category} is this? Answer with the name only.")
    settings = {"name_format": "line", "name_prompt": str(prompt)}
    record = label(archive, tmp_path / "run", **settings)
    found = rows(tmp_path / "run")
    assert found.keys() == FILES.keys() | {path.name for path in archive.glob("bird-*")}
    for name, (_, code) in FILES.items():
        if code:
            assert (found[name]["error"], found[name]["label"]) == (code, None), name
    named = [found[path.name] for path in archive.glob("bird-*")]
    assert sum(row["label"] in NAMES for row in named) >= 10
    assert len({row["label"] for row in named}) > 3
    assert record["mllm_calls"] == 12 + sum(code is None for _, code in FILES.values())
    (asks,) = (tmp_path / "answers").glob("*/query.json")
    assert "What species of bird is this? Answer with the name only." in asks.read_text()
    said = pads.dataset([str(p) for p in asks.parent.glob("*.parquet")]).to_table()["answer"]
    assert not any("{" in answer for answer in said.to_pylist())


def test_spellings_of_a_name_are_one_label_and_bad_answers_have_their_code(
    birds: Path, tmp_path: Path
) -> None:
    turns = [
        "say Kaldo Dornet",
        'say {"name": "kaldo-dornet"}',
        "say **The Kaldo Dornet**",
        'say {"species": "kaldo dornet"}',
        "say unknown bird",
        "say I cannot help with that.",
        "null",
        "500",
    ]
    with misbehaving_endpoint(turns) as endpoint:
        settings = {"mllm": endpoint.name, "mllm_retries": 0, "mllm_concurrency": 1}
        record = label(birds / "images", tmp_path / "run", **settings, name_format="json")
        schemas = [body["response_format"] for body in endpoint.bodies]
        asked = len(endpoint.bodies)
    assert asked == record["mllm_calls"] == 48, "nothing is asked twice"
    assert '"name"' in json.dumps(schemas[0])
    assert record["errors"] == {
        "empty_answer": 6,
        "mllm_unavailable": 6,
        "not_a_name": 6,
        "not_json": 6,
        "refusal": 6,
    }
    labels = Counter(row["label"] for row in rows(tmp_path / "run").values())
    assert labels == {"Kaldo Dornet": 18, None: 30}, "written as it is most often"
    for row in rows(tmp_path / "run").values():
        assert (row["label"] is None) == (row["error"] is not None)
        assert row["top_labels"] == ([row["label"]] if row["label"] else [])
        assert bool(row["error_detail"]) == (row["error"] is not None)


def test_an_archive_without_a_single_name_is_rows_with_codes(birds: Path, tmp_path: Path) -> None:
    with misbehaving_endpoint(["say I cannot help with that."]) as endpoint:
        settings = {"mllm": endpoint.name, "mllm_retries": 0, "mllm_concurrency": 1}
        record = label(birds / "images", tmp_path / "run", **settings)
    assert (record["labelled"], record["errors"]) == (0, {"refusal": 48})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--category", " "], "--category"),
        (["--name-format", "prose"], "--name-format"),
        (["--name-prompt", "/nowhere.txt"], "--name-prompt /nowhere.txt: no such file"),
    ],
)
def test_wrong_use_is_told_before_any_model_loads(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    message: str,
) -> None:
    command = ["label", "mllm_names", "--images", str(birds / "images")]
    assert execute([*command, "--out", str(tmp_path / "run"), *settings], sys.stderr) == WRONG_USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
