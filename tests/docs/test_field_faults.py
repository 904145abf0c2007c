"""The page on faults of the field names tests that are there, for every fault."""

from __future__ import annotations

import re

from tests.helpers.markdown_pages import ROOT

PAGE = (ROOT / "docs" / "field_faults.md").read_text(encoding="utf-8")


def test_every_fault_has_a_row_with_a_test() -> None:
    rows = re.findall(r"^\| F(\d+) \|.*`tests/.*\|$", PAGE, re.MULTILINE)
    assert sorted(map(int, rows)) == list(range(1, 20))


def test_tests_that_are_named_are_there() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    missing = [
        f"{file}::{name}"
        for file, name in named
        if f"\ndef {name}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not missing
