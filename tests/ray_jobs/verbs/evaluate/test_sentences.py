"""sACC in `evaluate`: when it is measured, by which model, and what is said where it is not."""

from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest

from methods.errors import InputError
from ray_jobs.cli import DONE, execute
from ray_jobs.verbs.evaluate import evaluate_run
from ray_jobs.verbs.evaluate import sentences as sentences_module
from tests.helpers.evaluated_runs import many, one, write_run, write_truth
from tests.helpers.tiny_sentence_model import save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Cosines: owl and barn_owl 0.6, owl and wren 0, wren and emu -1."""
    words = {
        "owl": [1.0, 0, 0],
        "barn_owl": [0.6, 0.8, 0],
        "wren": [0, 0, 1.0],
        "emu": [0, 0, -1.0],
    }
    return save_tiny_model(tmp_path_factory.mktemp("sentences") / "model", words)


ROWS = [one("a", "barn_owl"), one("b", "owl"), one("c", "emu"), one("d", "wren")]
TRUTH = {"a": "owl", "b": "owl", "c": "wren", "d": "owl", "e": "wren"}
# barn_owl for owl 0.6, owl 1, emu for wren -1, wren for owl 0, and one without a label
EXPECTED = (0.6 + 1 - 1 + 0 + 0) / 5


@pytest.mark.parametrize("method", ["zero_shot", "near", "mllm_names"])
def test_a_model_that_is_named_measures_any_run(tmp_path: Path, model: str, method: str) -> None:
    run = write_run(tmp_path, ROWS, [one("e", None, "truncated")], method=method)
    result = evaluate_run(run, write_truth(tmp_path, **TRUTH), sentences=model)
    assert result["sacc"] == pytest.approx(EXPECTED, abs=1e-6)
    assert result["sentences"] == model
    assert result["note"] is None
    assert result.get("names_found") == (None if method == "zero_shot" else 4)
    json.dumps(result)


def test_each_name_is_encoded_once_and_others_not_at_all(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[list[str]] = []
    plain = sentences_module.SentenceEncoder.encode

    def encode(self: object, names: list[str]) -> object:
        encoded.append(names)
        return plain(self, names)  # type: ignore[arg-type]

    monkeypatch.setattr(sentences_module.SentenceEncoder, "encode", encode)
    run = write_run(tmp_path, [*ROWS, one("e", "owl"), one("without truth", "kiwi")])
    evaluate_run(run, write_truth(tmp_path, **TRUTH), sentences=model)
    assert encoded == [["barn_owl", "emu", "owl", "wren"]]


@pytest.mark.parametrize("method", ["near", "mllm_names"])
def test_discovered_names_are_measured_by_the_default_model(
    tmp_path: Path, model: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentences_module, "DEFAULT", model)
    run = write_run(tmp_path, ROWS, method=method)
    truth = write_truth(tmp_path, **{path: TRUTH[path] for path in "abcd"})
    assert evaluate_run(run, truth)["sacc"] == pytest.approx(EXPECTED * 5 / 4, abs=1e-6)


def test_given_names_are_not_measured_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = Mock()
    monkeypatch.setattr(sentences_module, "SentenceEncoder", loaded)
    result = evaluate_run(write_run(tmp_path, ROWS), write_truth(tmp_path, a="owl"))
    assert not {"sacc", "sentences", "names_found"} & set(result)
    loaded.assert_not_called()


def test_without_the_default_model_a_note_says_what_to_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sentences_module, "DEFAULT", "no-such-sentence-model")
    run, truth = write_run(tmp_path, ROWS, method="near"), write_truth(tmp_path, a="owl")
    started = time.monotonic()
    result = evaluate_run(run, truth)
    assert time.monotonic() - started < 20
    assert not {"sacc", "sentences"} & set(result)
    why = "(onoma evaluate --sentences no-such-sentence-model: not in the cache and"
    assert f"sACC is left out {why}" in result["note"]
    assert "give --sentences a folder" in result["note"]


def test_a_wrong_model_that_is_named_is_wrong_use(tmp_path: Path) -> None:
    run, truth = write_run(tmp_path, ROWS, method="near"), write_truth(tmp_path, a="owl")
    with pytest.raises(InputError, match=r"--sentences \./absent: no such folder"):
        evaluate_run(run, truth, sentences="./absent")


def test_several_labels_have_no_sacc(tmp_path: Path, model: str) -> None:
    run = write_run(tmp_path, [many("a", ["cup"], cup=0.9)])
    with pytest.raises(InputError, match=r"--sentences .* one label per image"):
        evaluate_run(run, write_truth(tmp_path, a="cup"), sentences=model)


def test_the_command_shows_it(tmp_path: Path, model: str) -> None:
    run, truth = write_run(tmp_path, ROWS, method="near"), write_truth(tmp_path, a="owl", b="owl")
    shown = StringIO()
    flags = ["--labels", run, "--truth", truth, "--sentences", model]
    assert execute(["evaluate", *flags], shown) == DONE
    cells = [line.split("│")[1:3] for line in shown.getvalue().splitlines() if "│" in line]
    rows = {name.strip(): value.strip() for name, value in cells}
    assert (rows["sacc"], rows["distinct names"], rows["images"]) == ("0.8000", "4", "2")
    assert "Note: images of the run without truth, left out: 2" in shown.getvalue()


def test_ids_of_a_truth_file_are_compared_by_the_names_of_a_class_file(
    tmp_path: Path, model: str
) -> None:
    run = write_run(tmp_path, ROWS, [one("e", None, "truncated")], method="near")
    ids = {"owl": "n1", "wren": "n2"}
    truth = write_truth(tmp_path, **{image: ids[name] for image, name in TRUTH.items()})
    (tmp_path / "classes.txt").write_text("n1\towl\nn2\twren\tjenny wren\n")
    classes = str(tmp_path / "classes.txt")
    result = evaluate_run(run, truth, sentences=model, classes=classes)
    assert result["sacc"] == pytest.approx(EXPECTED, abs=1e-6)
