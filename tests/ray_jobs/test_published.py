"""`--as-published`: what it sets, what wins over it, and that the pages say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from methods.errors import InputError
from ray_jobs.commands import COMMANDS
from ray_jobs.config import FitAutosepConfig, LabelTlacConfig, LabelWhatDoYouSeeConfig, parse
from ray_jobs.config.published import PUBLISHED, PublishedConfig
from ray_jobs.pages.published_table import PAGES, with_table
from ray_jobs.pipelines.registry import METHODS
from ray_jobs.runs.prompts import read_prompt

TLAC = ["--images", "a", "--out", "b", "--classes", "c"]


def configs(method: str) -> list[type[Any]]:
    """The settings of the verbs of a method."""
    return [
        COMMANDS[f"{v} {method}"].config for v in ("fit", "label") if f"{v} {method}" in COMMANDS
    ]


def test_flags_and_yaml_win_over_what_is_published(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("as-published: true\ntop-p: 0.5\n")
    words = [*TLAC, "--config", str(file), "--choices", "json"]
    config = parse(LabelTlacConfig, words, "onoma label tlac")
    assert (config.top_p, config.choices) == (0.5, "json")
    assert (config.temperature, config.matching, config.shortlist) == (1.0, "clip", 0)
    assert {"top_p", "choices"}.isdisjoint(config.set_as_published)
    shown = config.public()["as_published"]
    assert shown["mllm_image_position"] == "last"
    assert shown == config.set_as_published


def test_without_the_flag_nothing_is_set() -> None:
    config = parse(LabelTlacConfig, TLAC, "onoma label tlac")
    assert config.set_as_published == {}
    assert config.public()["as_published"] is False
    assert config.matching == "names"


def test_a_plan_takes_it_and_a_copy_keeps_what_it_set() -> None:
    kind = COMMANDS["plan tlac"].config
    config = kind(images="a", out="b", classes="c", as_published=True)
    assert isinstance(config, PublishedConfig)
    copy = config.model_copy(update={"images": "d"})
    assert copy.set_as_published["class_list"] == "python"


def test_a_value_that_is_no_switch_is_told() -> None:
    with pytest.raises(ValueError, match="as_published"):
        LabelWhatDoYouSeeConfig(images="a", out="b", classes="c", as_published="perhaps")


@pytest.mark.parametrize("method", [each.name for each in METHODS])
def test_every_row_changes_a_setting_of_the_method(method: str) -> None:
    assert method in PUBLISHED, "each method says what is published, if only in a few settings"
    rows = PUBLISHED[method]
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        fields = [
            each.model_fields[row.name] for each in configs(method) if row.name in each.model_fields
        ]
        assert fields, f"{method} has no setting {row.name}"
        assert any(field.default != row.value for field in fields), row.name
        assert row.why, row.name


@pytest.mark.parametrize("method", list(PUBLISHED))
def test_the_page_of_a_method_holds_its_table(method: str) -> None:
    page = (PAGES / f"{method}.md").read_text("utf-8")
    assert "<!-- as-published -->" in page
    assert page == with_table(page, method), "run python -m ray_jobs.pages.published_table"


def test_published_prompts_are_there_and_a_file_of_that_name_is_not_needed() -> None:
    config = FitAutosepConfig(images="a", out="b", classes="c", as_published=True)
    holds = ("first", "second")
    asked = read_prompt("autosep", "compare", config.compare_prompt, holds)
    assert "attribute by attribute" not in asked.text
    letters = read_prompt(
        "autosep", "classify", "published", ("classes", "description"), ("category",)
    )
    assert "letter" in letters.text
    with pytest.raises(InputError, match="--recognise-prompt published"):
        read_prompt("tlac", "recognise", "published")
