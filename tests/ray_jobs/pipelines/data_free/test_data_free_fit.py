"""A multi-label classifier from class names alone, on real models, and what it labels."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from actors.classifier_store import load_classifier
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.images.decode import decode_image, to_input_size
from actors.labels.table import CLASSIFIER_MULTI_LABELS_SCHEMA
from fieldguide.archive import draw_archive
from fieldguide.scenes import CATEGORIES
from methods.multi_label_scores import ScoreSettings, image_scores
from ray_jobs.cli import WRONG_USAGE, execute
from ray_jobs.config import FitDataFreeConfig, LabelClassifierConfig
from ray_jobs.verbs.evaluate import evaluate_run
from ray_jobs.verbs.fit import fit as run_fit
from ray_jobs.verbs.label import label as run_label
from tests.helpers.misbehaving_endpoint import Endpoint, misbehaving_endpoint
from tests.zoo_clip.tiny import tiny_folder

pytestmark = pytest.mark.usefixtures("ray_session", "mllm")

TIMM = {"timm_model_name": "convnext_atto", "timm_pool": "", "timm_proj": "linear"}
LITTLE: dict[str, Any] = {"sets_per_class": 3, "descriptions": 1, "epochs": 3, "seed": 5}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 60 scenes, with one file that is no image."""
    out = tmp_path_factory.mktemp("scenes")
    draw_archive(out, 60, seed=81, kind="scenes")
    (out / "images" / "letter.jpg").write_bytes(b"Dear archivist")
    return out


def fit(scenes: Path, out: Path, **settings: Any) -> dict[str, Any]:
    """Fit on little text."""
    settings = {"classes": str(scenes / "classes.txt"), **LITTLE, **settings}
    return run_fit(FitDataFreeConfig(out=str(out), **settings))


@pytest.fixture(scope="module")
def fits(scenes: Path, mllm: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the fit ``learned``, and the answers table beside it."""
    folder = tmp_path_factory.mktemp("fits")
    made = fit(scenes, folder / "learned", images=str(folder / "gone"))
    assert made["engine_starts"] == 1
    assert made["mllm_calls"] > 32
    return folder


def label(classifier: Path, scenes: Path, out: Path) -> dict[str, Any]:
    """Label the scenes and evaluate."""
    images = str(scenes / "images")
    run_label(LabelClassifierConfig(images=images, classifier=str(classifier), out=str(out)))
    return evaluate_run(str(out), str(scenes / "truth.csv"), semantic=False)


def test_the_classifier_says_how_it_was_made(fits: Path) -> None:
    classifier = load_classifier(str(fits / "learned"))
    assert classifier.multi_label
    assert set(classifier.labels) == set(CATEGORIES)
    for matrix in (classifier.matrix, classifier.local_matrix):
        assert matrix is not None
        assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    assert not np.allclose(classifier.matrix, classifier.local_matrix)
    assert classifier.thresholds is not None
    assert np.isfinite(classifier.thresholds).all()
    assert classifier.scoring == {
        "scale": 4.0, "kappa_image": 40.0, "fusion": 0.5, "dense_mode": "auto",
        "global_positions": False,
    }  # fmt: skip
    made = classifier.made
    for groups in (made["attribute_groups"], made["context_groups"]):
        assert sorted(name for group in groups for name in group) == sorted(CATEGORIES)
        assert len(groups) == 4
    texts = pq.read_table(fits / "learned" / "texts.parquet").to_pylist()
    templates = 16 * 89  # 9 plain ones, and the 80 of ImageNet
    assert len(texts) == made["sentences"] + templates
    assert all(row["classes"] for row in texts)
    epochs = [json.loads(line) for line in (fits / "learned" / "epochs.jsonl").open()]
    assert [each["epoch"] for each in epochs] == [1, 2, 3]
    assert epochs[-1]["held_out_loss"] < epochs[0]["held_out_loss"]


@pytest.mark.extended
def test_captions_take_the_place_of_sentences_and_no_llm_is_asked(
    scenes: Path, tmp_path: Path
) -> None:
    """TaI-DPT, as far as it goes: one prompt for all, learned from captions that people wrote."""
    names = sorted(CATEGORIES)
    lines = [f"A {one} beside a {other} in the rain." for one in names for other in names[:6]]
    (tmp_path / "captions.txt").write_text("\n".join([*lines, "Nothing to be seen here."]))
    captions = str(tmp_path / "captions.txt")
    made = fit(scenes, tmp_path / "tai", captions=captions, hierarchy="shared")
    assert (made["mllm_calls"], made["engine_starts"]) == (0, 0)
    record = load_classifier(str(tmp_path / "tai")).made
    assert record["sentences"] == len(lines)
    assert record["sentences_dropped"] == {"beyond_most": 0, "names_no_class": 1}


@pytest.mark.extended
def test_its_labels_rank_images_better_than_zero_shot(
    fits: Path, scenes: Path, tmp_path: Path
) -> None:
    learned = label(fits / "learned", scenes, tmp_path / "run")
    for baseline in ("zero_shot", "zero_shot_dense"):
        fit(scenes, tmp_path / baseline, baseline=baseline)
        plain = label(tmp_path / baseline, scenes, tmp_path / f"run-{baseline}")
        assert learned["map"] > plain["map"], baseline
    assert learned["cf1"] > 0.6
    assert (learned["images"], learned["errors"]) == (60, 0)
    table = pq.read_table(tmp_path / "run" / "labels")
    assert table.schema.equals(CLASSIFIER_MULTI_LABELS_SCHEMA)
    rows = {row["path"]: row for row in table.to_pylist()}
    assert rows["letter.jpg"]["error"] == "not_an_image"
    classifier = load_classifier(str(fits / "learned"))
    thresholds = dict(zip(classifier.labels, classifier.thresholds, strict=True))
    for path, row in rows.items():
        if path == "letter.jpg":
            assert row["labels"] == row["top_labels"] == []
            continue
        scores = dict(zip(row["top_labels"], row["top_scores"], strict=True))
        assert set(scores) == set(CATEGORIES)
        assert row["top_scores"] == sorted(row["top_scores"], reverse=True)
        mean = np.mean(row["top_scores"])
        above = [name for name, score in scores.items() if score - mean > thresholds[name]]
        assert row["labels"] == above


def test_scores_are_those_of_both_matrices(fits: Path, scenes: Path, tmp_path: Path) -> None:
    label(fits / "learned", scenes, tmp_path / "run")
    row = next(
        row for row in pq.read_table(tmp_path / "run" / "labels").to_pylist() if not row["error"]
    )
    encoder = ClipEncoder(resolve_clip("fieldguide"))
    data = (scenes / "images" / row["path"]).read_bytes()
    pixels = np.asarray(to_input_size(decode_image(data), encoder.model_info.preprocessing))[None]
    classifier = load_classifier(str(fits / "learned"))
    scores = image_scores(
        encoder.encode_pixels(pixels), encoder.encode_dense(pixels),
        classifier.matrix, classifier.local_matrix, ScoreSettings(),
    ).fused[0]  # fmt: skip
    expected = dict(zip(classifier.labels, scores, strict=True))
    for name, score in zip(row["top_labels"], row["top_scores"], strict=True):
        assert score == pytest.approx(expected[name], abs=1e-4)


@pytest.mark.extended
def test_a_second_fit_asks_nothing_and_is_the_same(fits: Path, scenes: Path) -> None:
    made = fit(scenes, fits / "again", mllm_batch=7)
    assert (made["mllm_calls"], made["engine_starts"]) == (0, 0)
    one, other = (load_classifier(str(fits / name)) for name in ("learned", "again"))
    assert np.allclose(one.matrix, other.matrix, atol=1e-5)
    assert np.allclose(one.thresholds, other.thresholds, atol=1e-3)  # type: ignore[arg-type]
    assert fit(scenes, fits / "again", mllm_batch=7)["classifier"] == str(fits / "again")


@pytest.mark.extended
def test_random_groups_are_a_control_of_the_same_sizes(fits: Path, scenes: Path) -> None:
    fit(scenes, fits / "random", groups="random", epochs=1)
    groups = [
        load_classifier(str(fits / n)).made["attribute_groups"] for n in ("learned", "random")
    ]
    sizes = [sorted(map(len, each)) for each in groups]
    assert sizes[0] == sizes[1]
    assert groups[0] != groups[1]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server that says what it is told."""
    with misbehaving_endpoint() as server:
        yield server


@pytest.mark.extended
def test_a_model_of_no_use_leaves_the_templates(
    scenes: Path, tmp_path: Path, endpoint: Endpoint
) -> None:
    prompts = {}
    holders = {
        "characteristics": "{class}", "contexts": "{class}", "cooccurrence": "{class} {others}",
        "attributes": "{class} {others}", "scenes": "{names}",
    }  # fmt: skip
    for kind, placeholders in holders.items():
        file = tmp_path / f"{kind}.txt"
        file.write_text(f"say I cannot help with {placeholders}")
        prompts[f"{kind}_prompt"] = str(file)
    made = fit(
        scenes, tmp_path / "fit", mllm=endpoint.name, epochs=1, sets_per_class=1,
        answer_retries=1, **prompts,
    )  # fmt: skip
    assert made["sentences"] == 0
    assert len(made["classes_short_of_text"]) == 16
    record = json.loads((tmp_path / "fit" / "run.json").read_text())
    assert set(record["sentences_dropped"]) == {"refusal", "beyond_most"}
    assert record["sentences_dropped"]["refusal"] == made["mllm_calls"] - 32
    with pytest.raises(Exception, match="no-use-templates"):
        fit(
            scenes, tmp_path / "nothing", mllm=endpoint.name, epochs=1, sets_per_class=1,
            use_templates=False, **prompts,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--hierarchy", "deep"], "--hierarchy"),
        (["--synonyms", "none.txt"], "--synonyms none.txt: no such file"),
        (["--max-per-class", "5", "--min-per-class", "9"], "max_per_class must not be below"),
        (["--selection", "best_held_out", "--held-out", "0"], "best_held_out needs held_out"),
        (["--scenes-prompt", "none.txt"], "--scenes-prompt none.txt"),
        (["--fusion", "2"], "--fusion"),
    ],
)
def test_wrong_use_is_a_sentence(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    where = ["--classes", str(scenes / "classes.txt"), "--out", str(tmp_path / "fit")]
    assert execute(["fit", "data_free", *where, *flags], io.StringIO()) == WRONG_USAGE
    assert message in capsys.readouterr().err


def test_synonyms_are_read_with_their_names(tmp_path: Path) -> None:
    from methods.errors import InputError
    from ray_jobs.pipelines.data_free.inputs import read_synonyms

    file = tmp_path / "words.txt"
    file.write_text("dog: hound, puppy\n\nfire_truck: fire engine, hound\n")
    words = read_synonyms(str(file), ("fire_truck", "dog", "cat"))
    assert words == (
        ("fire truck", "fire engine", "hound"),
        ("dog", "hound", "puppy"),
        ("cat",),
    )
    file.write_text("dog: hound\nwolf: hound\n")
    with pytest.raises(InputError, match="line 2 names 'wolf', which is no class"):
        read_synonyms(str(file), ("dog",))
    file.write_text("dog hound\n")
    with pytest.raises(InputError, match="line 1 has no colon"):
        read_synonyms(str(file), ("dog",))


@pytest.mark.parametrize(
    ("parts", "flags", "says"),
    [
        ({"text_cfg": {"pool_type": "last"}}, [], "its text tower is not one of CLIP's own kind"),
        (
            {"vision_cfg": TIMM},
            ["--baseline", "zero_shot_dense"],
            "leave them out with --baseline zero_shot",
        ),
    ],
    ids=["text tower", "positions"],
)
def test_a_model_that_cannot_be_used_is_told_before_anything_is_asked(
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    parts: dict[str, Any],
    flags: list[str],
    says: str,
) -> None:
    clip = tiny_folder(tmp_path / "clip", **parts)
    where = ["--classes", str(scenes / "classes.txt"), "--out", str(tmp_path / "fit")]
    with misbehaving_endpoint(["500"]) as endpoint:
        asks = ["--mllm", endpoint.name, "--clip", clip, *flags]
        assert execute(["fit", "data_free", *where, *asks], io.StringIO()) == WRONG_USAGE
        assert not endpoint.bodies
    said = capsys.readouterr().err
    assert says in said
    assert "run the same command again" not in said


def test_words_of_the_class_file_come_before_those_of_the_synonyms(tmp_path: Path) -> None:
    from ray_jobs.pipelines.data_free.inputs import read_synonyms

    file = tmp_path / "synonyms.txt"
    file.write_text("n2: mutt, dog\n")
    own = [("motor bike", "motorcycle"), ("dog", "puppy")]
    assert read_synonyms(str(file), ("n1", "n2"), own) == (
        ("motor bike", "motorcycle"),
        ("dog", "puppy", "mutt"),
    )
