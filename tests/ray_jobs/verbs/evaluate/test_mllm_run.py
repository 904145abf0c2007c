"""`evaluate --mllm-run`: the same figures of a run that asked for every image, and both costs."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from methods.errors import InputError
from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.verbs.evaluate import evaluate_run
from tests.helpers.evaluated_runs import many, one, write_run, write_truth
from tests.helpers.tiny_sentence_model import save_tiny_model

TRUTH = {"a": "owl", "b": "owl", "c": "wren", "d": "wren"}
NEAR = [one("a", "hooter"), one("b", "hooter"), one("c", "wren"), one("d", "hooter")]
NAMED = [one("a", "hooter"), one("b", "owl"), one("c", "wren"), one("d", None, "refusal")]
NEAR_COST = {
    "mllm_calls": 0,
    "answers_reused": 0,
    "prompt_tokens": 0,
    "output_tokens": 0,
    "seconds": 2.0,
    "images_per_second": 2.0,
}
NAMED_COST = {
    "mllm_calls": 30,
    "answers_reused": 10,
    "prompt_tokens": 9000,
    "output_tokens": 300,
    "seconds": 40.0,
    "images_per_second": 0.1,
}
FIT = {"mllm_calls": 3, "answers_reused": 1, "prompt_tokens": 900, "output_tokens": 30}


@pytest.fixture
def truth(tmp_path: Path) -> str:
    return write_truth(tmp_path, **TRUTH)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    words = {"owl": [1.0, 0, 0], "hooter": [0.8, 0.6, 0], "wren": [0, 0, 1.0]}
    return save_tiny_model(tmp_path_factory.mktemp("sentences") / "model", words)


def near_run(folder: Path, usage: Any = FIT, **record: Any) -> str:
    run = write_run(folder / "near", NEAR, method="near", **{**NEAR_COST, **record})
    (folder / "near" / "classifier").mkdir()
    made = {"made": {"seed": 0, "usage": usage}}
    (folder / "near" / "classifier" / "classifier.json").write_text(json.dumps(made))
    return run


def named_run(folder: Path, rows: Any = NAMED, **record: Any) -> str:
    return write_run(folder / "named", rows, method="mllm_names", **{**NAMED_COST, **record})


def test_figures_of_both_against_one_truth(tmp_path: Path, truth: str, model: str) -> None:
    near, named = near_run(tmp_path), named_run(tmp_path)
    result = evaluate_run(near, truth, sentences=model, mllm_run=named)
    other = result["mllm_run"]
    alone = evaluate_run(named, truth, sentences=model)
    for key in ("accuracy", "macro_f1", "cacc", "sacc", "nmi", "ari", "names", "names_found"):
        assert other[key] == alone[key], key
    assert (other["run"], other["method"]) == (named, "mllm_names")
    assert (other["images"], other["errors"], other["names_found"]) == (4, 1, 3)
    assert (other["accuracy"], other["cacc"]) == (0.5, 0.5)
    assert other["sacc"] == pytest.approx((0.8 + 1 + 1 + 0) / 4, abs=1e-6)
    assert (result["accuracy"], result["cacc"], result["names_found"]) == (0.25, 0.75, 2)
    assert result["sacc"] == pytest.approx((0.8 + 0.8 + 1 + 0) / 4, abs=1e-6)
    assert not {"per_class", "confusions"} & set(other)
    json.dumps(result)


def test_the_fit_is_part_of_the_cost(tmp_path: Path, truth: str, model: str) -> None:
    near, named = near_run(tmp_path, mllm_calls=2, prompt_tokens=50), named_run(tmp_path)
    result = evaluate_run(near, truth, sentences=model, mllm_run=named)
    assert result["cost"] == {
        "mllm_calls": 5,
        "answers_reused": 1,
        "prompt_tokens": 950,
        "output_tokens": 30,
        "seconds": 2.0,
        "images_per_second": 2.0,
        "calls_share": pytest.approx(6 / 40),
    }
    assert {key: result["mllm_run"][key] for key in NAMED_COST} == NAMED_COST


@pytest.mark.parametrize("usage", [None, {}])
def test_a_fit_that_says_nothing_asked_nothing(
    tmp_path: Path, truth: str, model: str, usage: Any
) -> None:
    near, named = near_run(tmp_path, usage), named_run(tmp_path)
    cost = evaluate_run(near, truth, sentences=model, mllm_run=named)["cost"]
    assert cost == {**NEAR_COST, "calls_share": 0.0}


def test_without_a_classifier_and_without_questions(tmp_path: Path, truth: str) -> None:
    run = write_run(tmp_path / "run", NEAR, **NEAR_COST)
    other = write_run(tmp_path / "other", NEAR, **NEAR_COST)
    result = evaluate_run(run, truth, mllm_run=other)
    assert result["cost"] == {**NEAR_COST, "calls_share": None}
    assert not {"sacc", "names", "names_found"} & set(result["mllm_run"])


def test_without_mllm_run_there_is_no_cost(tmp_path: Path, truth: str, model: str) -> None:
    assert not {"mllm_run", "cost"} & set(evaluate_run(near_run(tmp_path), truth, sentences=model))


def test_other_images_are_refused(tmp_path: Path, truth: str) -> None:
    near, named = near_run(tmp_path), named_run(tmp_path, [*NAMED, one("more", "owl")])
    with pytest.raises(InputError, match=r"its images are not those of .*near \(4 in both, of 5"):
        evaluate_run(near, truth, mllm_run=named)


def test_several_labels_are_refused(tmp_path: Path, truth: str) -> None:
    near = near_run(tmp_path)
    several = write_run(tmp_path / "several", [many(path, ["owl"], owl=0.9) for path in TRUTH])
    with pytest.raises(InputError, match=r"--mllm-run .*several: gives several labels per image"):
        evaluate_run(near, truth, mllm_run=several)
    with pytest.raises(InputError, match=r"--mllm-run .*near: is for runs with one label"):
        evaluate_run(several, truth, mllm_run=near)


def test_costs_that_are_not_known_are_refused(tmp_path: Path, truth: str) -> None:
    near, named = near_run(tmp_path), named_run(tmp_path, mllm_calls=None)
    with pytest.raises(InputError, match=r"named/run\.json does not say mllm_calls"):
        evaluate_run(near, truth, mllm_run=named)
    (tmp_path / "near" / "classifier" / "classifier.json").write_text("[]")
    whole = write_run(tmp_path / "whole", NAMED, **NAMED_COST)
    with pytest.raises(InputError, match=r"classifier\.json is corrupt"):
        evaluate_run(near, truth, mllm_run=whole)
    with pytest.raises(InputError, match="holds no labels"):
        evaluate_run(near, truth, mllm_run=str(tmp_path / "absent"))


def test_the_command_shows_both(tmp_path: Path, truth: str, model: str) -> None:
    near, named = near_run(tmp_path), named_run(tmp_path)
    flags = ["evaluate", "--labels", near, "--truth", truth, "--sentences", model]
    shown = StringIO()
    assert execute([*flags, "--mllm-run", named], shown) == DONE
    cells = [line.split("│")[1:4] for line in shown.getvalue().splitlines() if "│" in line]
    rows = {name.strip(): (ours.strip(), theirs.strip()) for name, ours, theirs in cells}
    assert rows["cacc"] == ("0.7500", "0.5000")
    assert rows["distinct names"] == ("2", "3")
    assert rows["MLLM calls, fit included"] == ("3", "30")
    assert rows["share of the MLLM's questions"] == ("0.1000", "")
    assert rows["images/s of labelling"] == ("2.0", "0.1")
    assert execute([*flags, "--mllm-run", str(tmp_path)], shown) == WRONG_USAGE
