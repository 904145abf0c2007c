"""A model that thinks, and answers that end as they should not: never a label that was made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from actors.labels.table import ANSWER_LABELS_SCHEMA
from ray_jobs.config import LabelMllmNamesConfig, LabelSlacConfig, LabelTlacConfig
from ray_jobs.verbs.label import label as run_label
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint

pytestmark = pytest.mark.usefixtures("ray_session")

# what an endpoint says of an image, and its label or error
TURNS: dict[str, tuple[str | None, str | None]] = {
    "say <think>\nA brund tarrow? No.\n</think>\n\nA kaldo dornet.": ("kaldo dornet", None),
    "say A brund tarrow? No.\n</think>\n\nA kaldo dornet.": ("kaldo dornet", None),
    "say <think>a</think>A brund tarrow?<think>b</think>kaldo dornet": ("kaldo dornet", None),
    "say <think>a</think><|begin_of_box|>kaldo dornet<|end_of_box|>": ("kaldo dornet", None),
    "say <think>A brund tarrow.": (None, "cut_answer"),
    "say <think>A brund tarrow.</think>": (None, "empty_answer"),
    "say <think>A brund tarrow?</think>I cannot tell.": (None, "refusal"),
    "apart stop brund_tarrow": ("kaldo dornet", None),
    "apart length brund_tarrow": (None, "cut_answer"),
    "ends content_filter A brund tarrow": (None, "refusal"),
    "ends tool_calls A brund tarrow": (None, "mllm_bad_response"),
    "ends error A brund tar": (None, "mllm_broken_off"),
    "ends abort A brund tar": (None, "mllm_broken_off"),
}
ASKED_AGAIN = {"ends"}


@pytest.fixture(scope="module")
def archive(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image for each turn, and the class names."""
    out = tmp_path_factory.mktemp("thoughts")
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())
    for number, path in enumerate(files[: len(TURNS)]):
        (out / f"{number:02}{path.suffix}").write_bytes(path.read_bytes())
    (out / "classes.txt").write_text((birds / "classes.txt").read_text())
    return out


def settings(archive: Path, out: Path, model: str) -> dict[str, Any]:
    """One request at a time, so that turns come in order."""
    return {
        "images": str(archive / "*.*g"),
        "classes": str(archive / "classes.txt"),
        "out": str(out),
        "mllm": model,
        "mllm_concurrency": 1,
        "mllm_retries": 0,
    }


def outcomes(run: Path) -> list[tuple[str, str]]:
    """Labels and errors of a run, sorted."""
    table = pads.dataset(str(run / "labels"), schema=ANSWER_LABELS_SCHEMA).to_table()
    rows = table.select(["label", "error"]).to_pylist()
    return sorted((row["label"] or "", row["error"] or "") for row in rows)


def test_labels_come_from_whole_answers_alone(archive: Path, tmp_path: Path) -> None:
    wanted = sorted((label or "", error or "") for label, error in TURNS.values())
    with misbehaving_endpoint(list(TURNS)) as endpoint:
        config = settings(archive, tmp_path / "one", endpoint.name)
        record = run_label(LabelSlacConfig(**config, mllm_chat={"enable_thinking": "false"}))
        assert outcomes(tmp_path / "one") == wanted
        assert record["mllm_calls"] == len(TURNS)
        told = {json.dumps(body["chat_template_kwargs"]) for body in endpoint.bodies}
        assert told == {'{"enable_thinking": false}'}
        # what no model or limit ended is asked again, the rest is known with its thoughts
        endpoint.turns = ["say <think>brund tarrow</think>A kaldo dornet."]
        config |= {"out": str(tmp_path / "two"), "mllm_chat": {"enable_thinking": False}}
        again = run_label(LabelSlacConfig(**config))
    broken = sum(turn.split()[0] in ASKED_AGAIN for turn in TURNS)
    assert (again["mllm_calls"], again["answers_reused"]) == (broken, len(TURNS) - broken)
    assert outcomes(tmp_path / "two")[-broken:] == [("kaldo dornet", "")] * broken


@pytest.mark.extended
def test_whether_a_model_thinks_is_part_of_what_its_answers_are_kept_under(
    archive: Path, tmp_path: Path
) -> None:
    with misbehaving_endpoint(["say A kaldo dornet."]) as endpoint:
        for number, chat in enumerate(({}, {"enable_thinking": False}, {"enable_thinking": True})):
            config = settings(archive, tmp_path / str(number), endpoint.name)
            record = run_label(LabelSlacConfig(**config, mllm_chat=chat))
            assert (record["mllm_calls"], record["answers_reused"]) == (len(TURNS), 0)


@pytest.mark.extended
def test_a_model_in_the_replica_thinks_in_every_method(archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "thinks.json"
    thought = "<think>A lissick tarrow? Its crest is no lissick tarrow's.</think>\n\n"
    rules = [
        {"pattern": "JSON|json", "answer": thought + '{"name": "kaldo dornet"}'},
        {"answer": thought + "kaldo dornet"},
    ]
    file.write_text(json.dumps(rules))
    config = settings(archive, tmp_path / "slac", f"dummy:{file}")
    for method, kind in (("slac", LabelSlacConfig), ("tlac", LabelTlacConfig)):
        run_label(kind(**{**config, "out": str(tmp_path / method)}))
        assert outcomes(tmp_path / method) == [("kaldo dornet", "")] * len(TURNS)
    del config["classes"]
    out = tmp_path / "names"
    run_label(LabelMllmNamesConfig(**{**config, "out": str(out)}, category="bird"))
    labels = pads.dataset(str(out / "labels")).to_table().column("label").to_pylist()
    assert set(labels) == {"kaldo dornet"}


@pytest.mark.extended
def test_thoughts_without_an_end_are_cut_answers_and_say_what_to_do(
    archive: Path, tmp_path: Path
) -> None:
    file = tmp_path / "thinks.py"
    file.write_text("def answer(text, images):\n    return '<think>' + 'kaldo dornet ' * 99\n")
    config = settings(archive, tmp_path / "run", f"dummy:{file}")
    record = run_label(LabelTlacConfig(**config, max_tokens=16))
    assert record["errors"] == {"cut_answer": len(TURNS)}
    table = pads.dataset(str(tmp_path / "run" / "labels"), schema=ANSWER_LABELS_SCHEMA).to_table()
    (detail,) = set(table.column("error_detail").to_pylist())
    assert "--mllm-chat enable_thinking=false" in detail
    assert "--max-tokens" in detail
