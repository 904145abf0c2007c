"""docs/reference is what the code makes of itself, now."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from methods.errors import ROW_CODES
from ray_jobs.commands import COMMANDS
from ray_jobs.pipelines.registry import METHODS, load

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    """The script as a module."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        import reference as module

        yield module
    finally:
        sys.path[:] = [each for each in sys.path if each != str(ROOT / ".ci")]


@pytest.mark.slow
def test_the_pages_are_what_the_code_makes(reference: ModuleType) -> None:
    for name, make in reference.PAGES.items():
        assert (PAGES / name).read_text("utf-8") == make(), f"run .ci/reference.py: {name} is old"
    assert {path.name for path in PAGES.iterdir()} == set(reference.PAGES)


def test_every_flag_of_every_verb_is_there() -> None:
    text = (PAGES / "flags.md").read_text("utf-8")
    for command in COMMANDS.values():
        for name, info in command.config.model_fields.items():
            if name == command.positional or (name == "method" and " " in command.name):
                continue
            no = "no-" if info.default is True else ""
            assert f"`--{no}{(info.alias or name).replace('_', '-')}" in text, (command.name, name)


def test_every_code_and_every_metric_of_the_dashboards_is_there() -> None:
    codes, metrics = ((PAGES / f"{n}.md").read_text("utf-8") for n in ("error_codes", "metrics"))
    assert [code for code in ROW_CODES if f"| `{code}` |" not in codes] == []
    shown = "".join(p.read_text("utf-8") for p in (ROOT / "cluster").rglob("*.json"))
    named = set(re.findall(r"ray_onoma_[a-z_]+", shown))
    assert len(named) > 8
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
    assert {name for name in whole if f"| `{name}` |" not in metrics} == set()


def test_the_tables_are_those_of_the_methods(reference: ModuleType) -> None:
    by_method = {m: name for _, name, _, methods in reference.TABLES for m in methods}
    assert by_method.keys() == {m.name for m in METHODS if m.label}
    for method in METHODS:
        if method.label:
            table = getattr(reference.label_tables, by_method[method.name])
            assert load(method.label).columns == table, method.name


def test_the_files_are_made_by_the_code(reference: ModuleType) -> None:
    sources = "\n".join(
        path.read_text("utf-8")
        for folder in ("ray_jobs", "actors", "methods")
        for path in (ROOT / folder).rglob("*.py")
    )
    for _, files in reference.FILES:
        for name, _ in files:
            word = name.partition("/")[0]
            assert f'"{word}"' in sources or f'"{word}.json"' in sources, name
    for key, _ in reference.RECORD:
        assert f'"{key}"' in sources or f"{key}=" in sources or f"{key}:" in sources, key


def test_a_new_column_needs_words(reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {name: text for name, text in reference.COLUMNS.items() if name != "decided_by"}
    monkeypatch.setattr(reference, "COLUMNS", fewer)
    with pytest.raises(KeyError, match="decided_by"):
        reference.columns_page()
    monkeypatch.setattr(reference, "COLUMNS", {**fewer, "decided_by": "x", "gone": "x"})
    with pytest.raises(KeyError, match="gone"):
        reference.columns_page()
