"""Settings: flags over YAML over defaults, and one sentence for what is wrong."""

from __future__ import annotations

import ast
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from methods.autosep.settings import SearchSettings
from methods.data_free.settings import CorpusSettings, DataFreeTrainSettings, GroupSettings
from methods.errors import InputError
from methods.multi_label_scores import ScoreSettings
from methods.near.settings import NearTrainSettings
from ray_jobs import config as package
from ray_jobs.commands import COMMANDS
from ray_jobs.config import (
    FitAutosepConfig,
    FitDataFreeConfig,
    FitNearConfig,
    LabelSlacConfig,
    LabelZeroShotConfig,
    VerbConfig,
    parse,
    settings_from,
    yaml_method,
)
from ray_jobs.passes.mllm_settings import engine_options
from tests.helpers.own_modules import nodes_of

NEEDED = ["--images", "a", "--out", "b"]


def test_flags_win_over_yaml_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("images: a\nout: b\nclip_batch: 5\nmax-pixels: 9\nmethod: zero_shot\n")
    config = parse(LabelZeroShotConfig, ["--config", str(file), "--clip-batch", "7"], "onoma")
    assert (config.images, config.clip_batch, config.max_pixels) == ("a", 7, 9)
    assert config.precision == "auto"
    assert yaml_method(["--config", str(file)]) == "zero_shot"


def test_no_environment_variable_changes_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_BATCH", "3")
    assert parse(LabelZeroShotConfig, NEEDED, "onoma").clip_batch is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--images", "a"], "--out is needed"),
        ([*NEEDED, "--clip-batch", "0"], "--clip-batch '0': input should be greater than or equal"),
        ([*NEEDED, "--clip-batch", "two"], "--clip-batch 'two': input should be a valid integer"),
        ([*NEEDED, "--precision", "fp8"], "--precision 'fp8': input should be 'auto', 'fp32', "),
        ([*NEEDED, "--bogus", "1"], "--bogus"),
        ([*NEEDED, "--clip-gpus", "-1"], "--clip-gpus"),
    ],
)
def test_wrong_flags_are_told(arguments: list[str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(LabelZeroShotConfig, arguments, "onoma label zero_shot")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("images: a\nout: b\nbatch: 3\n", "--batch is not a setting"),
        ("images: a\nout: b\nclip_batch: []\n", "--clip-batch []"),
        ("- 1\n", "holds a list"),
        ("a: [", "--config"),
    ],
)
def test_wrong_yaml_is_told(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        parse(LabelZeroShotConfig, ["--config", str(file)], "onoma label zero_shot")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_package_offers_what_type_checkers_are_told() -> None:
    told = {
        (node.module, alias.name)
        for node in nodes_of(Path(package.__file__), ast.ImportFrom)
        if str(node.module).startswith("ray_jobs.config.")
        for alias in node.names
    }
    assert {name for _, name in told} == set(dir(package))
    for module, name in told:
        assert getattr(package, name) is getattr(import_module(str(module)), name)


def test_a_missing_yaml_is_told() -> None:
    with pytest.raises(InputError, match="No such file"):
        parse(LabelZeroShotConfig, ["--config", "/no/such.yaml"], "onoma")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_of_every_verb_is_described(name: str) -> None:
    kind = COMMANDS[name].config
    assert issubclass(kind, VerbConfig)
    assert kind.__doc__
    for field, info in kind.model_fields.items():
        assert info.description or field == "method", f"{name}: {field}"


def test_engine_arguments_from_the_command_line_are_typed() -> None:
    arguments = ["--images", "x", "--out", "y", "--mllm-engine", "max_num_batched_tokens=8192"]
    arguments += ["--mllm-engine", "quantization=fp8"]
    config = parse(LabelSlacConfig, arguments, "onoma label slac")
    assert config.mllm_engine == {"max_num_batched_tokens": 8192, "quantization": "fp8"}
    arguments[-1] = '{"enforce_eager": true, "seed": 3}'
    assert parse(LabelSlacConfig, arguments, "onoma label slac").mllm_engine["seed"] == 3


def test_what_the_chat_template_is_given_is_typed() -> None:
    arguments = [*NEEDED, "--mllm-chat", "enable_thinking=false", "--mllm-chat", "effort=low"]
    config = parse(LabelSlacConfig, arguments, "onoma label slac")
    assert config.mllm_chat == {"enable_thinking": False, "effort": "low"}
    arguments = [*NEEDED, "--mllm-chat", '{"thinking": {"budget": 3}}']
    assert parse(LabelSlacConfig, arguments, "onoma").mllm_chat == {"thinking": {"budget": 3}}


@pytest.mark.parametrize(("given", "kept"), [([], "auto"), (["auto"], "auto"), (["4096"], 4096)])
def test_the_context_is_fitted_unless_it_is_said(given: list[str], kept: str | int) -> None:
    flag = ["--mllm-max-model-len", *given] if given else []
    config = parse(LabelSlacConfig, [*NEEDED, *flag], "onoma label slac")
    assert config.mllm_max_model_len == kept
    assert engine_options(config).context == (None if kept == "auto" else kept)


def test_what_an_engine_needs_to_log_in_is_not_recorded() -> None:
    config = LabelSlacConfig(
        images="x", out="y", mllm_engine={"hf_token": "hf_abc", "max_num_batched_tokens": "4096"}
    )
    assert config.mllm_engine["hf_token"] == "hf_abc"
    assert config.public()["mllm_engine"] == {"hf_token": "***", "max_num_batched_tokens": 4096}
    assert "hf_abc" not in str(config.public())


@pytest.mark.parametrize(
    ("config", "kind", "not_set"),
    [
        (FitNearConfig, NearTrainSettings, {"first_epochs", "first_rate"}),
        (FitAutosepConfig, SearchSettings, set()),
        (FitDataFreeConfig, CorpusSettings, set()),
        (FitDataFreeConfig, GroupSettings, set()),
        (FitDataFreeConfig, DataFreeTrainSettings, {"tokens"}),
        (FitDataFreeConfig, ScoreSettings, {"scale"}),
    ],
)
def test_settings_of_a_method_are_named_as_its_flags(
    config: type[VerbConfig], kind: Any, not_set: set[str]
) -> None:
    """All but those that are derived from others or no user's to set."""
    assert {each.name for each in fields(kind)} - config.model_fields.keys() == not_set


def test_settings_are_taken_by_name_and_derived_ones_given() -> None:
    config = parse(FitNearConfig, [*NEEDED, "--trust", "0.5", "--seed", "7"], "onoma")
    settings = settings_from(config, NearTrainSettings, views=4)
    assert settings == NearTrainSettings(trust=0.5, seed=7, views=4)
