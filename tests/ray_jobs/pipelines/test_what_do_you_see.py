"""What Do You See on real models: fit, label, ablation, reuse, bad input."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.classifier_store import load_classifier
from actors.labels.table import LABELS_SCHEMA, PART_LABELS_SCHEMA
from fieldguide.world import NAMES
from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.config import FitWhatDoYouSeeConfig, LabelClassifierConfig, LabelWhatDoYouSeeConfig
from ray_jobs.verbs.fit import fit as run_fit
from ray_jobs.verbs.label import label as run_label
from tests.helpers.broken_images import FILES, archive_of_files
from tests.helpers.misbehaving_endpoint import misbehaving_endpoint
from tests.helpers.run_files import Rows, cells, record_of, rows_by_path

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")

ANSWERS = 5


def fit(birds: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Fit on the drawn archive's class names, few descriptions of each."""
    settings = {"classes": str(birds / "classes.txt"), "class_answers": ANSWERS, **settings}
    return run_fit(FitWhatDoYouSeeConfig(out=str(out), **settings))


def label(birds: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Label the drawn archive; ``run.json``."""
    settings = {"images": str(birds / "images"), **settings}
    return run_label(LabelWhatDoYouSeeConfig(out=str(out), **settings))


def rows(run: Path) -> Rows:
    """The labels table by path."""
    return rows_by_path(run, PART_LABELS_SCHEMA)


@pytest.fixture(scope="module")
def runs(birds: Path, mllm: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a classifier, a run that labels with it, and the answers table beside them."""
    folder = tmp_path_factory.mktemp("runs")
    made = fit(birds, folder / "classifier")
    assert made["mllm_calls"] == made["descriptions"] == ANSWERS * 24
    assert (made["answers_reused"], made["dropped"]) == (0, {})
    label(birds, folder / "run", classifier=str(folder / "classifier"))
    return folder


def test_fit_writes_a_classifier_that_says_how_it_was_made(runs: Path, birds: Path) -> None:
    classifier = load_classifier(str(runs / "classifier"))
    assert set(classifier.labels) == set(NAMES)
    assert classifier.method == "what_do_you_see"
    assert classifier.logit_scale == pytest.approx(classifier.clip["logit_scale"])
    assert classifier.made["descriptions"] == {
        "kept": ANSWERS * 24,
        "cut": 0,
        "dropped": {},
        "classes_without": [],
    }
    again = fit(birds, runs / "classifier")
    assert again["mllm_calls"] == ANSWERS * 24, "the record of the finished fit"
    more = fit(birds, runs / "more", class_answers=ANSWERS + 5)
    assert (more["mllm_calls"], more["answers_reused"]) == (5 * 24, ANSWERS * 24)


def test_one_pass_asks_both_questions_and_every_image_is_a_row(
    runs: Path, bird_paths: list[str]
) -> None:
    record, found = record_of(runs / "run"), rows(runs / "run")
    assert found.keys() == set(bird_paths)
    assert record["mllm_calls"] == 2 * len(bird_paths)
    assert record["engine_starts"] == 1
    assert record["labelled"] == len(bird_paths)
    assert record["answer_problems"] == {"description": {}, "prediction": {}}
    for row in found.values():
        assert row["label"] == row["top_labels"][0]
        assert row["score"] == row["top_scores"][0]
        assert len(row["top_labels"]) == 5
        assert row["description"].startswith("A ")
        for part in ("image", "description", "prediction"):
            assert row[f"{part}_label"] in NAMES
            assert 1 / 24 < row[f"{part}_score"] <= 1
            assert row[f"{part}_problem"] is None if part != "image" else True
        assert row["mllm_label"] == row["prediction"]


def test_the_image_alone_is_what_the_classifier_gives(runs: Path, birds: Path) -> None:
    config = LabelClassifierConfig(
        images=str(birds / "images"),
        classifier=str(runs / "run" / "classifier"),
        classes=str(birds / "classes.txt"),
        out=str(runs / "image"),
    )
    record = run_label(config)
    assert record["mllm_calls"] == 0
    fused = rows(runs / "run")
    for path, row in rows_by_path(runs / "image", LABELS_SCHEMA).items():
        assert row["label"] == fused[path]["image_label"]
        assert row["score"] == pytest.approx(fused[path]["image_score"], abs=1e-5)


@pytest.mark.extended
def test_a_second_run_makes_no_call_and_gives_the_same_rows(runs: Path, birds: Path) -> None:
    classifier = str(runs / "classifier")
    record = label(birds, runs / "again", classifier=classifier)
    assert (record["mllm_calls"], record["engine_starts"]) == (0, 0)
    assert record["answers_reused"] == 2 * 48
    assert rows(runs / "again") == rows(runs / "run")


@pytest.mark.extended
def test_a_changed_description_prompt_asks_only_for_descriptions(
    runs: Path, birds: Path, tmp_path: Path
) -> None:
    prompt = tmp_path / "describe.txt"
    prompt.write_text("Describe the bird in this image.")
    settings = {"classifier": str(runs / "classifier"), "response_cache": str(runs / "answers")}
    record = label(birds, tmp_path / "run", describe_prompt=str(prompt), **settings)
    assert (record["mllm_calls"], record["answers_reused"]) == (48, 48)
    before, after = rows(runs / "run"), rows(tmp_path / "run")
    for path, row in after.items():
        assert row["prediction"] == before[path]["prediction"]
        assert row["description"] != before[path]["description"]
        assert row["image_score"] == before[path]["image_score"]


@pytest.mark.extended
def test_a_part_that_weighs_nothing_is_not_asked_for(
    runs: Path, birds: Path, tmp_path: Path
) -> None:
    record = label(
        birds,
        tmp_path / "run",
        classifier=str(runs / "classifier"),
        response_cache=str(runs / "answers"),
        prediction_weight=0,
    )
    assert (record["mllm_calls"], record["answers_reused"]) == (0, 48)
    for row in rows(tmp_path / "run").values():
        assert (row["prediction"], row["prediction_label"], row["mllm_label"]) == (None, None, None)
        assert row["description_label"] in NAMES


@pytest.mark.extended
def test_pixels_and_long_texts_can_be_treated_in_other_ways(
    runs: Path, birds: Path, tmp_path: Path
) -> None:
    record = label(
        birds,
        tmp_path / "run",
        classifier=str(runs / "classifier"),
        response_cache=str(runs / "answers"),
        published_pixels=True,
        long_text="sentences",
    )
    assert (record["mllm_calls"], record["labelled"]) == (0, 48)
    before, after = rows(runs / "run"), rows(tmp_path / "run")
    assert any(row["image_score"] != before[path]["image_score"] for path, row in after.items())
    for path, row in after.items():  # these descriptions fit the encoder's context
        expected = before[path]["description_score"]
        assert row["description_score"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.extended
def test_the_run_fits_its_own_classifier_and_shows_the_ablation(
    runs: Path, birds: Path, tmp_path: Path
) -> None:
    """Without --classifier; the answers about classes and images are known already."""
    record = label(
        birds,
        tmp_path / "run",
        classes=str(birds / "classes.txt"),
        class_answers=ANSWERS,
        response_cache=str(runs / "answers"),
    )
    assert (record["mllm_calls"], record["answers_reused"]) == (0, 2 * 48 + ANSWERS * 24)
    assert rows(tmp_path / "run") == rows(runs / "run")
    results = io.StringIO()
    truth = ["--truth", str(birds / "truth.csv")]
    assert execute(["evaluate", "--labels", str(tmp_path / "run"), *truth, "--json"], results) == 0
    found = json.loads(results.getvalue())
    assert list(found["parts"]) == ["image", "description", "prediction", "mllm", "fused"]
    assert found["parts"]["fused"] == found["accuracy"]
    with (birds / "truth.csv").open() as file:
        true = dict(line.rstrip("\n").split(",") for line in list(file)[1:])
    mine = rows(tmp_path / "run")
    for part in ("image", "description", "prediction", "mllm"):
        right = sum(mine[path][f"{part}_label"] == true[path] for path in mine)
        assert found["parts"][part] == pytest.approx(right / 48)
    results = io.StringIO()
    assert execute(["report", str(tmp_path / "run"), *truth], results) == DONE
    html = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "Accuracy of the parts" in html
    assert "Description alone" in html


@pytest.mark.extended
def test_no_truth_is_in_reach(runs: Path, blind: Path, tmp_path: Path) -> None:
    """The truth's file is not there, and the rows are the same."""
    label(blind, tmp_path / "run", classifier=str(runs / "classifier"))
    kept = ("label", "image_label", "description", "prediction", "error")
    assert cells(rows(tmp_path / "run"), kept) == cells(rows(runs / "run"), kept)


@pytest.mark.extended
def test_broken_images_are_rows_with_their_code(runs: Path, tmp_path: Path) -> None:
    archive = archive_of_files(tmp_path / "images")
    classifier = str(runs / "classifier")
    record = label(tmp_path, tmp_path / "run", images=str(archive), classifier=classifier)
    found = rows(tmp_path / "run")
    assert found.keys() == FILES.keys()
    for name, (_, code) in FILES.items():
        assert found[name]["error"] == code, name
        assert (found[name]["label"] is None) == (code is not None)
        assert found[name]["description_problem"] is None, "it was not asked about"
    assert record["answer_problems"] == {"description": {}, "prediction": {}}
    assert record["mllm_calls"] == 2 * sum(code is None for _, code in FILES.values())


@pytest.mark.extended
def test_answers_that_cannot_be_used_are_left_out_and_counted(
    runs: Path, birds: Path, tmp_path: Path
) -> None:
    """The image still names the row; where it weighs nothing, having nothing left is an error."""
    turns = ["say a brund tarrow", "say I cannot help with that.", "null", "cut", "500", "say  "]
    turns += ["cut", "say a kessin tarrow"]  # images are described first, then named
    expected = {"cut_answer", "empty_answer", "mllm_unavailable", "refusal"}
    with misbehaving_endpoint(turns) as endpoint:
        settings = {
            "mllm": endpoint.name,
            "mllm_retries": 0,
            "classifier": str(runs / "classifier"),
        }
        record = label(birds, tmp_path / "run", **settings, mllm_concurrency=1)
        found = rows(tmp_path / "run")
        bare = label(birds, tmp_path / "bare", **settings, image_weight=0, mllm_concurrency=1)
    assert record["labelled"] == 48
    problems = record["answer_problems"]
    assert problems["description"].keys() | problems["prediction"].keys() == expected
    assert sum(problems["description"].values()) == sum(
        row["description_problem"] is not None for row in found.values()
    )
    for row in found.values():
        assert (row["description_label"] is None) == (row["description_problem"] is not None)
    # CLIP reads the beginning of a description; a name that was cut is another name
    cut = [row for row in found.values() if row["description"] == "A bird with"]
    assert cut
    assert not any(row["description_problem"] for row in cut)
    assert "cut_answer" in problems["prediction"]
    refused = [row for row in found.values() if row["prediction_problem"] == "refusal"]
    for row in refused:
        assert row["prediction"] == "I cannot help with that."
    assert bare["labelled"] + sum(bare["errors"].values()) == 48
    for row in rows(tmp_path / "bare").values():
        both = row["description_problem"] and row["prediction_problem"]
        assert (row["error"] is not None) == bool(both)
        assert (row["label"] is None) == bool(both)


@pytest.mark.extended
def test_refused_class_descriptions_are_asked_again_dropped_and_never_averaged_in(
    birds: Path, tmp_path: Path
) -> None:
    (tmp_path / "classes.txt").write_text("brund tarrow\nkessin tarrow\n")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("say a photo of a {class}\nsay I cannot describe a {class}.\n")
    only = tmp_path / "only.txt"
    only.write_text("say a photo of a {class}\n")
    settings = {"classes": str(tmp_path / "classes.txt"), "class_answers": 4, "class_rounds": 2}
    with misbehaving_endpoint() as endpoint:
        settings |= {"mllm": endpoint.name, "class_parts": ["descriptions"]}
        made = fit(birds, tmp_path / "some", class_prompts=str(prompts), **settings)
        clean = fit(birds, tmp_path / "clean", class_prompts=str(only), **settings)
        refused = tmp_path / "refused.txt"
        refused.write_text("say I cannot describe a {class}.\n")
        settings |= {"class_parts": ["name", "descriptions"]}
        none = fit(birds, tmp_path / "none", class_prompts=str(refused), **settings)
    # of 2 classes: 2 + 2 answers, the refused ones asked for once more
    assert (made["descriptions"], made["dropped"]) == (4, {"refusal": 8})
    assert made["mllm_calls"] == 2 * (4 + 2)
    assert clean["dropped"] == {}
    matrices = [load_classifier(str(tmp_path / name)).matrix for name in ("some", "clean")]
    assert matrices[0] == pytest.approx(matrices[1], abs=1e-6)
    assert (none["descriptions"], none["dropped"]) == (0, {"refusal": 16})
    fallback = load_classifier(str(tmp_path / "none"))
    assert fallback.made["descriptions"]["classes_without"] == ["brund tarrow", "kessin tarrow"]


@pytest.mark.extended
def test_classes_of_which_nothing_is_left_are_refused_in_a_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("say I cannot describe a {class}.\n")
    with misbehaving_endpoint() as endpoint:
        command = ["fit", "what_do_you_see", "--classes", str(birds / "classes.txt")]
        command += ["--out", str(tmp_path / "out"), "--mllm", endpoint.name]
        command += ["--class-prompts", str(prompts), "--class-parts", "descriptions"]
        assert execute([*command, "--class-answers", "1"], sys.stderr) == WRONG_USAGE
    assert "no usable description of 24 classes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"no such folder; make one with onoma fit"),
        ("empty", r"is no classifier folder: it holds no classifier.json"),
        ("weights", r"weights.safetensors is corrupt: its hash is not"),
        ("config", r"classifier.json is corrupt"),
        ("clip", r"was made for the CLIP model fieldguide .* has other weights"),
        ("classes", r"was made for 24 classes and --classes .* has 24: 'a stranger'"),
    ],
)
def test_a_classifier_that_cannot_work_is_one_sentence(
    runs: Path,
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: str,
    message: str,
) -> None:
    folder = tmp_path / "classifier"
    if change != "missing":
        folder.mkdir()
    if change not in ("missing", "empty"):
        for name in ("classifier.json", "weights.safetensors"):
            shutil.copy(runs / "classifier" / name, folder / name)
    if change == "weights":
        (folder / "weights.safetensors").write_bytes(b"\0" * 99)
    if change == "config":
        (folder / "classifier.json").write_text("{")
    if change == "clip":
        text = (folder / "classifier.json").read_text()
        mark = json.loads(text)["clip"]["fingerprint"]
        (folder / "classifier.json").write_text(text.replace(mark, "another"))
    classes = tmp_path / "classes.txt"
    classes.write_text("\n".join(["a stranger", *NAMES[1:]]))
    command = ["--images", str(birds / "images"), "--classifier", str(folder)]
    command += ["--classes", str(classes)] if change == "classes" else []
    for method in (["what_do_you_see"], []):
        out = ["--out", str(tmp_path / "run")]
        assert execute(["label", *method, *command, *out], sys.stderr) == WRONG_USAGE
        said = capsys.readouterr().err.strip()
        assert len(said.splitlines()) == 1
        assert re.search(message, said), said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--description-weight", "0", "--prediction-weight", "0"], "are both 0"),
        (["--image-weight", "-1"], "--image-weight"),
        (["--class-parts", "looks"], "--class-parts"),
        (["--long-text", "fold"], "--long-text"),
        (["--class-answers", "0"], "--class-answers"),
        (["--predict-prompt", "/nowhere.txt"], "--predict-prompt /nowhere.txt: no such file"),
        (["--class-prompts", "/nowhere.txt"], "--class-prompts /nowhere.txt: no such file"),
    ],
)
def test_wrong_use_is_one_sentence_before_any_model_loads(
    birds: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    message: str,
) -> None:
    command = ["label", "what_do_you_see", "--images", str(birds / "images")]
    command += ["--classes", str(birds / "classes.txt"), "--out", str(tmp_path / "run")]
    assert execute([*command, *settings], sys.stderr) == WRONG_USAGE
    assert message in capsys.readouterr().err
