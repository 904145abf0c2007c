"""The README says what is there and is short, and `.ci/run` runs the test command it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ray_jobs.commands import COMMANDS
from ray_jobs.pipelines.registry import METHODS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
OF_SCRIPTS = {"scale.md", "second_edition.md"}
"""Pages that tell of flags of scripts; their commands of ours are parsed in tests/docs."""
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "methods").glob("*.md"),
]
VERBS = (ROOT / "docs" / "verbs.md").read_text("utf-8")


def test_the_two_commands_come_first() -> None:
    first_screen = README[:1200]
    assert "pip install uv && uv run onoma demo" in first_screen
    assert "uv run pytest" in first_screen
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("uv run pytest")


LISTED = [n for n in COMMANDS if n != "label classifier" and not n.startswith("plan ")]


@pytest.mark.parametrize("name", [*LISTED, "plan METHOD"])
def test_every_verb_is_listed(name: str) -> None:
    verb, _, method = name.partition(" ")
    assert re.search(rf"^onoma {verb} +{method}", VERBS, re.MULTILINE)


ELSEWHERE = {"--help", "--help-all", "--version"} | set(
    "--cpus --shm-size --no-deps --python --group --extra".split()  # of docker and uv
)


def test_flags_in_the_pages_exist() -> None:
    fields = [
        (field, info)
        for command in COMMANDS.values()
        for field, info in command.config.model_fields.items()
    ]
    settings = {"--" + (info.alias or field).replace("_", "-") for field, info in fields}
    switches = [field for field, i in fields if i.default is True or i.annotation == bool | None]
    settings |= {"--no-" + field.replace("_", "-") for field in switches}
    wrong = {}
    for page in (each for each in PAGES if each.name not in OF_SCRIPTS):
        # flags of a benchmark stand behind its name, or behind dots that stand for it
        text = re.sub(
            r"(python -m (benchmarks|fieldguide)|`\.\.\. )[^`]*", "", page.read_text("utf-8")
        )
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))
        if strange := named - settings - ELSEWHERE:
            wrong[page.name] = sorted(strange)
    assert wrong == {}


def test_it_is_read_in_a_minute_or_two() -> None:
    assert len(README.splitlines()) <= 130


def test_the_table_of_methods_is_the_registry_s() -> None:
    rows = [f"| `{m.name}` | {m.does} | {m.per_image} |" for m in METHODS if m.name != "classifier"]
    assert "\n".join(rows) in README
