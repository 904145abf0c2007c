"""Whatever a model or an endpoint says or fails to say: a row with a label or a code, counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA
from ray_jobs.config import LabelSlacConfig, LabelTlacConfig
from ray_jobs.verbs.label import label as run_label
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint

pytestmark = pytest.mark.usefixtures("ray_session")

# what the endpoint does about an image: what becomes of the image's row, with TLAC
TURNS: dict[str, tuple[str | None, str]] = {
    "say exactly": (None, "exact"),
    "say This is a BRUND-Tarrow!": (None, "normalised"),
    "say Either a kessin tarrow or a dorvic tarrow": (None, "clip_fallback"),
    "say a hatstand": (None, "clip_fallback"),
    "say 赤い鳥": (None, "clip_fallback"),
    "say {{ 7 * 7 }} <script>alert(1)</script> {classes}": (None, "clip_fallback"),
    "say refused": ("refusal", "failed"),
    "say gap": ("empty_answer", "failed"),
    "say I cannot help with that.": ("refusal", "failed"),
    "null": ("empty_answer", "failed"),
    "cut": (None, "clip_fallback"),
    "slow": ("mllm_timeout", "failed"),
    "429": ("mllm_rate_limited", "failed"),
    "500": ("mllm_unavailable", "failed"),
    "400": ("mllm_rejected", "failed"),
    "long": ("mllm_too_long", "failed"),
    "broken": ("mllm_bad_response", "failed"),
    "dies": ("mllm_unavailable", "failed"),
}
IMAGES = 36  # of 48, so that every turn comes twice


@pytest.fixture(scope="module")
def archive(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many images as two rounds of turns, and the class names."""
    out = tmp_path_factory.mktemp("turns")
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())
    for number, path in enumerate(files[:IMAGES]):
        (out / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    (out / "classes.txt").write_text((birds / "classes.txt").read_text())
    return out


def rows(run: Path) -> list[dict[str, Any]]:
    """The labels table."""
    return pads.dataset(str(run / "labels"), schema=ANSWER_LABELS_SCHEMA).to_table().to_pylist()


def settings(archive: Path, out: Path, model: str) -> dict[str, Any]:
    """An endpoint that is given little time and no second try."""
    return {
        "images": str(archive / "*.*g"),
        "classes": str(archive / "classes.txt"),
        "out": str(out),
        "mllm": model,
        "mllm_timeout": 1.0,
        "mllm_retries": 0,
        "mllm_concurrency": 1,
    }


def test_every_kind_of_answer_is_counted_and_the_ledger_adds_up(
    archive: Path, tmp_path: Path
) -> None:
    with misbehaving_endpoint(list(TURNS)) as endpoint:
        record = run_label(LabelTlacConfig(**settings(archive, tmp_path / "run", endpoint.name)))
        images_asked = sum(
            not isinstance(b["messages"][0]["content"], str) for b in endpoint.bodies
        )
        texts_asked = len(endpoint.bodies) - images_asked
    found = rows(tmp_path / "run")
    assert len(found) == IMAGES
    expected_codes = [code for code, _ in TURNS.values() if code]
    assert record["errors"] == {code: 2 * expected_codes.count(code) for code in
                                sorted(set(expected_codes))}  # fmt: skip
    paths = [path for _, path in TURNS.values()]
    assert record["answer_paths"] == {
        path: 2 * paths.count(path) for path in ("exact", "normalised", "clip_fallback", "failed")
    }
    assert record["labelled"] == 2 * sum(code is None for code, _ in TURNS.values())
    # every image once; every distinct usable description once
    assert (images_asked, texts_asked) == (IMAGES, 9)
    assert record["mllm_calls"] == IMAGES + 9
    assert record["engine_starts"] == 0
    for row in found:
        assert (row["label"] is None) == (row["error"] is not None)
        assert bool(row["error_detail"]) == (row["error"] is not None)
    said = {row["answer"]: row["label"] for row in found if row["label"]}
    assert said["exactly"] == "lissick tarrow"
    assert said["This is a BRUND-Tarrow!"] == "brund tarrow"


def test_failed_requests_are_asked_again_by_the_next_run(archive: Path, tmp_path: Path) -> None:
    with misbehaving_endpoint(["say a brund tarrow", "500"]) as endpoint:
        first = run_label(LabelSlacConfig(**settings(archive, tmp_path / "one", endpoint.name)))
        endpoint.turns = ["say a brund tarrow"]
        second = run_label(LabelSlacConfig(**settings(archive, tmp_path / "two", endpoint.name)))
    assert (first["labelled"], first["errors"]) == (IMAGES // 2, {"mllm_unavailable": IMAGES // 2})
    assert (second["labelled"], second["errors"]) == (IMAGES, {})
    assert (second["answers_reused"], second["mllm_calls"]) == (IMAGES // 2, IMAGES // 2)


@pytest.mark.extended
def test_json_that_was_asked_for_is_read_and_its_absence_counted(
    archive: Path, tmp_path: Path
) -> None:
    turns = ['say {"class": "kaldo dornet"}', "say kaldo dornet", 'say {"kind": "kaldo dornet"}']
    with misbehaving_endpoint(turns) as endpoint:
        config = settings(archive, tmp_path / "run", endpoint.name)
        record = run_label(LabelTlacConfig(**config, choices="json"))
        schemas = [body["response_format"] for body in endpoint.bodies if "response_format" in body]
    assert len(schemas) == 3
    assert json.dumps(schemas[0]).count("kaldo dornet") == 1
    assert record["errors"] == {"not_json": 24}
    assert {row["label"] for row in rows(tmp_path / "run")} == {"kaldo dornet", None}


@pytest.mark.extended
def test_long_class_lists_are_shortened_before_they_are_shown(
    archive: Path, tmp_path: Path
) -> None:
    with misbehaving_endpoint(["say kaldo dornet", "say a hatstand"]) as endpoint:
        config = settings(archive, tmp_path / "run", endpoint.name)
        run_label(LabelTlacConfig(**config, shortlist=5))
        asked = [b["messages"][0]["content"] for b in endpoint.bodies]
    texts = [text for text in asked if isinstance(text, str)]
    assert len(texts) == 2
    assert all(text.count("\n- ") == 5 for text in texts)
    kaldo = next(text for text in texts if "follows:\nkaldo dornet" in text)
    assert "- kaldo dornet\n" in kaldo
