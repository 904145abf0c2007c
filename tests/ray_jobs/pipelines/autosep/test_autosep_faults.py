"""AutoSEP where things go wrong: broken images, a model that is of no use, wrong use."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
import pytest

from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.config import FitAutosepConfig, LabelAutosepConfig
from ray_jobs.pipelines.autosep.sample_mllm import NothingCame
from ray_jobs.verbs.fit import fit as run_fit
from ray_jobs.verbs.label import label as run_label
from tests.helpers.broken_images import FILES
from tests.helpers.misbehaving_endpoint import Endpoint, misbehaving_endpoint

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")

GOOD = sum(code is None for _, code in FILES.values())
DIFFERENT = len({data for data, code in FILES.values() if code is None})
CLASSES = ["first bird", "second bird", "A"]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Images of which some cannot be read."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for name, (data, _) in FILES.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def classes(tmp_path: Path) -> str:
    """A file of class names."""
    file = tmp_path / "classes.txt"
    file.write_text("\n".join(CLASSES))
    return str(file)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server that misbehaves as it is told."""
    with misbehaving_endpoint() as server:
        yield server


def fit(images: Path, classes: str, out: Path, **settings: Any) -> dict[str, Any]:
    """One round on a few images."""
    few = {"rounds": 1, "beam": 1, "negatives": 1, "reflections": 1, "category": "bird"}
    few |= {"mllm": "fieldguide"}  # which knows none of these classes
    settings = {"images": str(images), "classes": classes, "out": str(out), **few, **settings}
    return run_fit(FitAutosepConfig(**settings))


def run(*arguments: str) -> tuple[int, str]:
    """A command of the command line: its exit code and output."""
    out = io.StringIO()
    return execute(list(arguments), out), out.getvalue()


@pytest.mark.extended
def test_broken_images_are_counted_and_left_out(broken: Path, classes: str, tmp_path: Path) -> None:
    made = fit(broken, classes, tmp_path / "fit")
    assert made["images"] == len(FILES)
    assert made["usable"] == GOOD
    codes = [code for _, code in FILES.values() if code is not None]
    assert made["errors"] == {code: codes.count(code) for code in sorted(set(codes))}


def test_broken_images_get_their_row(broken: Path, classes: str, tmp_path: Path) -> None:
    record = run_label(
        LabelAutosepConfig(
            images=str(broken), classes=classes, out=str(tmp_path / "run"), mllm="fieldguide"
        )
    )
    assert record["images"] == len(FILES)
    rows = pads.dataset(str(tmp_path / "run" / "labels")).to_table().to_pylist()
    assert {row["path"]: row["error"] for row in rows if row["error"] != "no_class"} == {
        name: code for name, (_, code) in FILES.items() if code is not None
    } | {row["path"]: None for row in rows if row["error"] is None}
    assert all((row["description"] is None) == (FILES[row["path"]][1] is not None) for row in rows)


@pytest.mark.extended
def test_a_writer_that_only_refuses_leaves_the_first_prompt(
    broken: Path, classes: str, tmp_path: Path
) -> None:
    writer = tmp_path / "writer.json"
    writer.write_text(json.dumps({"rules": [{"answer": "I cannot help with that."}]}))
    made = fit(broken, classes, tmp_path / "fit", optimizer_mllm=f"dummy:{writer}", sample=GOOD + 5)
    record = json.loads((tmp_path / "fit" / "history.json").read_text())
    assert made["prompt"] == record["prompts"][0]["text"]
    assert len(record["prompts"]) == 1
    assert record["rounds"][1]["errors_found"]
    assert "1 of 1 reflect questions without an answer" in record["rounds"][1]["notes"]


def test_a_writer_without_tags_leaves_the_first_prompt(
    broken: Path, classes: str, tmp_path: Path, endpoint: Endpoint
) -> None:
    reflect, modify = tmp_path / "reflect.txt", tmp_path / "modify.txt"
    reflect.write_text("say it is too vague {prompt} {errors}")
    modify.write_text("say a better prompt without tags {prompt} {errors} {reason}")
    fit(
        broken, classes, tmp_path / "fit",
        optimizer_mllm=endpoint.name, reflect_prompt=str(reflect), modify_prompt=str(modify),
    )  # fmt: skip
    record = json.loads((tmp_path / "fit" / "history.json").read_text())
    assert len(record["prompts"]) == 1
    assert record["rounds"][1]["errors_found"]
    assert record["rounds"][1]["notes"] == ["1 replies without a usable <START> ... <END>"]
    asked = endpoint.bodies[0]["messages"][0]["content"]
    assert any(part["type"] == "image_url" for part in asked), "errors come with their images"


def test_a_model_that_never_answers_is_an_error_and_asked_again(
    broken: Path, classes: str, tmp_path: Path, endpoint: Endpoint
) -> None:
    words = tmp_path / "describe.txt"
    words.write_text("500 describe it")
    settings = {"mllm": endpoint.name, "describe_prompt": str(words), "mllm_retries": 0}
    for attempt in (1, 2):
        with pytest.raises(NothingCame, match="mllm_unavailable") as caught:
            fit(broken, classes, tmp_path / "fit", **settings)
        assert "status 500 for you" in str(caught.value)
        assert len(endpoint.bodies) == attempt * DIFFERENT


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sample", "2"], "2 usable images are too few"),
        (["--classes", "none.txt"], "--classes none.txt: no such file"),
        (["--improvements", "magic"], "--improvements"),
        (["--rounds", "-1"], "--rounds '-1'"),
        (["--optimizer-mllm", "/nowhere"], "--optimizer-mllm /nowhere: no such folder"),
        (["--reflect-prompt", "none.txt"], "--reflect-prompt none.txt"),
    ],
)
def test_wrong_use_of_fit_is_a_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    images = ["--images", str(birds / "images"), "--out", str(tmp_path / "fit")]
    classes = [] if "--classes" in flags else ["--classes", str(birds / "classes.txt")]
    code, _ = run("fit", "autosep", *images, *classes, *flags)
    assert code == WRONG_USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--votes", "3"], "--votes is for --no-description"),
        (["--no-description", "--prompt", "x"], "contradict each other"),
        (["--prompt", "nowhere"], "--prompt nowhere: neither a folder"),
    ],
)
def test_wrong_use_of_label_is_a_sentence(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    where = ["--images", str(birds / "images"), "--classes", str(birds / "classes.txt")]
    code, _ = run("label", "autosep", *where, "--out", str(tmp_path / "run"), *flags)
    assert code == WRONG_USAGE
    assert message in capsys.readouterr().err


def test_letters_are_read_for_26_classes_at_most(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"kind {number}\n" for number in range(27)))
    where = ["--images", str(birds / "images"), "--classes", str(names)]
    published = ["--out", str(tmp_path / "run"), "--as-published"]
    code, _ = run("label", "autosep", *where, *published)
    assert code == WRONG_USAGE
    assert "--reading published reads letters, for up to 26 classes" in capsys.readouterr().err


def test_votes_are_counted_and_a_prompt_file_works(birds: Path, tmp_path: Path) -> None:
    where = ["--images", str(birds / "images"), "--classes", str(birds / "classes.txt")]
    voted = str(tmp_path / "voted")
    code, out = run(
        "label", "autosep", *where, "--out", voted, "--no-description", "--votes", "2", "--json",
        "--category", "bird",
    )  # fmt: skip
    record = json.loads(out)
    assert (code, record["mllm_calls"], record["images"]) == (DONE, 96, 48)
    rows = pads.dataset(str(tmp_path / "voted" / "labels")).to_table().to_pylist()
    assert {row["score"] for row in rows if row["label"]} <= {0.5, 1.0}
    assert all(len(row["answer"].splitlines()) == 2 for row in rows)
    words = tmp_path / "prompt.txt"
    words.write_text("Describe the bird in this image. Mention its beak and {crest}.")
    asked = str(tmp_path / "asked")
    code, out = run("label", "autosep", *where, "--out", asked, "--prompt", str(words), "--json")
    assert (code, json.loads(out)["prompt"]) == (DONE, words.read_text())
    rows = pads.dataset(str(tmp_path / "asked" / "labels")).to_table().to_pylist()
    assert all(row["description"] and row["score"] is None for row in rows)
    code, out = run("label", "autosep", *where, "--out", asked, "--prompt", str(words), "--json")
    assert code == DONE


def test_an_unfinished_fit_is_no_prompt(birds: Path, tmp_path: Path) -> None:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "run.json").write_text("{}")
    where = ["--images", str(birds / "images"), "--classes", str(birds / "classes.txt")]
    code, _ = run(
        "label", "autosep", *where, "--out", str(tmp_path / "run"),
        "--prompt", str(tmp_path / "fit"),
    )  # fmt: skip
    assert code == WRONG_USAGE
