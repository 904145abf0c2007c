"""Keyword arguments: names, types and checks of the flags, and sentences in Python's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import onoma
from onoma.keywords import keyword_settings
from ray_jobs.commands import COMMANDS
from ray_jobs.config import LabelZeroShotConfig
from ray_jobs.runs.class_names import read_classes

ARCHIVE = {"images": "photos", "out": "run"}


def made(**given: Any) -> LabelZeroShotConfig:
    with keyword_settings(LabelZeroShotConfig, "label zero_shot", {**ARCHIVE, **given}) as config:
        return config


def test_settings_are_those_of_the_command_line() -> None:
    config = made(clip_batch=8, exact_decode=True, classes=Path("names.txt"))
    assert (config.clip_batch, config.exact_decode, config.classes) == (8, True, "names.txt")
    assert made(clip_batch=None).clip_batch is None
    assert config.public() == made(clip_batch=8, exact_decode=True, classes="names.txt").public()


def test_a_list_of_names_is_a_class_file_while_the_job_runs() -> None:
    given = {**ARCHIVE, "classes": ["black stork", "crane"]}
    with keyword_settings(LabelZeroShotConfig, "label zero_shot", given) as config:
        file = Path(str(config.classes))
        assert file.read_text("utf-8") == "black stork\ncrane\n"
    assert not file.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clip_bach": 8}, r"clip_bach is not a setting of label zero_shot \(did you mean clip_ba"),
        ({"clip_node": "a"}, "clip_node is not a setting of .*; it is clip_resource now"),
        ({"mllm": "m"}, "onoma.settings_of\\('label', 'zero_shot'\\) lists them"),
        ({"verbose": True}, "verbose is not a setting"),
        ({"config": "a.yaml"}, "config is not a setting"),
    ],
)
def test_unknown_names_are_type_errors(given: dict[str, Any], said: str) -> None:
    with pytest.raises(onoma.UnknownSettingError, match=said) as caught:
        made(**given)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, onoma.InputError)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clip_batch": 0}, "^clip_batch=0: input should be greater than or equal to 1$"),
        ({"images": None}, "^images is needed$"),
        ({"precision": "fp8"}, "^precision='fp8': "),
        ({"classes": 3}, "classes is a list of names, or a file"),
        ({"classes": ["a", 3]}, "classes is a list of names, or a file"),
        ({"classes": ["a", "b\n"]}, r"classes: 'b\\n' is no name"),
        ({"classes": ["a", " "]}, "classes: ' ' is no name"),
    ],
)
def test_wrong_values_are_value_errors(given: dict[str, Any], said: str) -> None:
    with pytest.raises(onoma.WrongSettingError, match=said) as caught:
        made(**given)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "names", [["0 cats", "1 dog"], ["# 1", "- x"], ['"a"', "a  b"], ["{a: 1}"]]
)
def test_names_of_a_list_are_names_whatever_they_look_like(names: list[str]) -> None:
    given = {**ARCHIVE, "classes": names}
    with keyword_settings(LabelZeroShotConfig, "label zero_shot", given) as config:
        assert list(read_classes(config.classes, "zero_shot").names) == names


def test_methods_are_those_of_the_command_line() -> None:
    labels = [name.partition(" ")[2] for name in COMMANDS if name.startswith("label ")]
    assert onoma.methods() == labels
    assert "near" in onoma.methods("fit")
    assert "number" not in onoma.settings_of("label", "tlac")
    assert "choices" in onoma.settings_of("label", "tlac")
    assert set(onoma.settings_of("evaluate")) >= {"labels", "truth"}


def test_a_method_that_there_is_not_is_told() -> None:
    with pytest.raises(onoma.InputError, match=r"no method 'tlca' \(did you mean tlac\?\)"):
        onoma.label("photos", out="run", method="tlca")
    with pytest.raises(onoma.InputError, match="say which method; there are zero_shot"):
        onoma.label("photos", out="run")
    with pytest.raises(onoma.InputError, match="fit: no method 'slac'"):
        onoma.fit("slac", out="fit")


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(onoma.InputError, match="holds no run: no run"):
        onoma.Run(tmp_path)
