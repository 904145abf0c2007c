"""The README says what is there, and `.ci/run` runs the test command it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ray_jobs.commands import COMMANDS
from ray_jobs.pipelines.registry import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_two_commands_come_first() -> None:
    first_screen = README[:1200]
    assert "pip install uv && uv run onoma demo" in first_screen
    assert "uv run pytest" in first_screen
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("uv run pytest")


LISTED = [n for n in COMMANDS if n != "label classifier" and not n.startswith("plan ")]


@pytest.mark.parametrize("name", [*LISTED, "plan METHOD"])
def test_every_verb_is_listed(name: str) -> None:
    verb, _, method = name.partition(" ")
    assert re.search(rf"^onoma {verb} +{method}", README, re.MULTILINE)


def test_flags_in_the_readme_exist() -> None:
    settings = {
        "--" + (info.alias or field).replace("_", "-")
        for command in COMMANDS.values()
        for field, info in command.config.model_fields.items()
    }
    settings |= {
        "--no-" + field.replace("_", "-")
        for command in COMMANDS.values()
        for field, info in command.config.model_fields.items()
        if info.default is True
    }
    elsewhere = {"--help", "--help-all", "--extra", "--group", "--no-dev", "--repeats"}
    elsewhere |= {"--seeds", "--kill-at", "--overload", "--passes", "--engines"}  # of benchmarks
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README))
    assert named - elsewhere <= settings
    assert len(named & settings) > 8


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_table_of_methods_is_the_registry_s() -> None:
    rows = [f"| `{m.name}` | {m.does} | {m.per_image} |" for m in METHODS if m.name != "classifier"]
    assert "\n".join(rows) in README


def test_the_architecture_page_links_to_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page) if "://" not in link]
    assert len(links) > 5
    for link in links:
        assert (ROOT / "docs" / link).exists(), link
