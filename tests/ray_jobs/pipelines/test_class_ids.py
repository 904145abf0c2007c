"""Class files with ids, in every method that takes one: ids for labels, names for models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.labels.autosep import label_by_choice
from actors.labels.slac_tlac import ClassChoicePrompt
from actors.mllm.request import Sampling
from actors.mllm.responses import RESPONSE_TYPE
from methods.class_names import ClassNames, classes_of_identity
from methods.prompt import Prompt
from ray_jobs.config import (
    FitDataFreeConfig,
    FitWhatDoYouSeeConfig,
    LabelAutosepConfig,
    LabelSlacConfig,
    LabelTlacConfig,
    LabelWhatDoYouSeeConfig,
    LabelZeroShotConfig,
)
from ray_jobs.pipelines import slac_tlac, zero_shot
from ray_jobs.pipelines.autosep import labelling as autosep
from ray_jobs.pipelines.data_free import inputs as data_free
from ray_jobs.pipelines.what_do_you_see import fitting, inputs

FILE = "n1\tamber tern\ttern|sea bird\nn2\tmissile\nn3\tmissile\trocket\n"
CLASSES = ClassNames(
    ("n1", "n2", "n3"),
    ("amber tern", "missile", "missile"),
    (("tern", "sea bird"), (), ("rocket",)),
)
PLAIN = "amber tern\nmissile\n"

METHODS = [
    (LabelZeroShotConfig, zero_shot.resolve_inputs),
    (LabelSlacConfig, slac_tlac.resolve_inputs),
    (LabelTlacConfig, slac_tlac.resolve_inputs),
    (LabelAutosepConfig, autosep.resolve_inputs),
    (LabelWhatDoYouSeeConfig, inputs.resolve_inputs),
    (FitWhatDoYouSeeConfig, fitting.resolve_inputs),
    (FitDataFreeConfig, data_free.resolve_inputs),
]


@pytest.mark.parametrize(("kind", "resolve"), METHODS, ids=[k.__name__ for k, _ in METHODS])
def test_models_get_names_and_runs_keep_ids(kind: Any, resolve: Any, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(FILE)
    (tmp_path / "plain.txt").write_text(PLAIN)
    found = {}
    for name in ("ids", "plain"):
        archive = {} if kind.__name__.startswith("Fit") else {"images": str(tmp_path)}
        config = kind(classes=str(tmp_path / f"{name}.txt"), out=str(tmp_path / "out"), **archive)
        resolved = resolve(config)
        found[name] = resolved.identity(config)
        assert list(resolved.names) == list(CLASSES.names)[: len(resolved.names)]
    assert classes_of_identity(found["ids"]) == CLASSES
    assert "class_names" not in found["plain"], "runs of plain class files go on"
    if kind is not FitWhatDoYouSeeConfig:  # whose texts hold the names
        assert found["plain"]["classes"] == ["amber tern", "missile"]


def test_words_of_the_class_file_are_data_frees_synonyms(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(FILE)
    config = FitDataFreeConfig(classes=str(tmp_path / "ids.txt"), out=str(tmp_path / "out"))
    resolved = data_free.resolve_inputs(config)
    assert resolved.labels == CLASSES.ids
    assert resolved.questions.classes == CLASSES.names
    assert resolved.questions.synonyms == (
        ("amber tern", "tern", "sea bird"),
        ("missile",),
        ("missile", "rocket"),
    )


def test_two_classes_of_one_name_are_one_choice() -> None:
    builder = ClassChoicePrompt(Prompt("{classes}: {answer}"), CLASSES.names, "guided")
    request = builder.build({"description": "a rocket"}, None, Sampling(8))
    assert request.choices == ("amber tern", "missile")
    assert request.text == "- amber tern\n- missile: a rocket"


def test_answers_by_letter_name_and_other_name_become_ids() -> None:
    answers = ["C", "missile", "a sea bird", "rocket"]
    said = [{"answer": answer, "finish_reason": "stop"} for answer in answers]
    fields = [field.name for field in RESPONSE_TYPE]
    rows = [{name: own.get(name) for name in fields} for own in said]
    batch = pa.table(
        {
            "image_id": pa.array(range(4), pa.int64()),
            "path": [f"{n}.jpg" for n in range(4)],
            "uri": [f"{n}.jpg" for n in range(4)],
            "classify": pa.array(rows, RESPONSE_TYPE),
            "error": pa.nulls(4, pa.string()),
            "error_detail": pa.nulls(4, pa.string()),
        }
    )
    labelled = label_by_choice(
        batch, names=CLASSES.names, asks=["classify"], method="autosep", reading="strict",
        ids=CLASSES.ids, others=CLASSES.others,
    )  # fmt: skip
    assert labelled.column("label").to_pylist() == ["n3", "n2", "n1", "n3"]
