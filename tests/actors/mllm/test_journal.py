"""Calls written down before they are made, and those whose answers were lost."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from actors.mllm.journal import note_calls, read_calls
from actors.mllm.response_cache import RESPONSES_SCHEMA, append, key_of


def test_calls_are_counted_by_image_with_those_that_were_answered(tmp_path: Path) -> None:
    journal, cache = tmp_path / "calls", tmp_path / "cache"
    keys = [key_of(str(number).encode()) for number in range(4)]
    note_calls(str(journal), [(7, "describe", keys[0]), (-2, "describe", keys[1])])
    note_calls(str(journal), [(7, "choose", keys[2])])
    note_calls(str(journal), [(7, "choose", keys[2]), (9, "choose", keys[3])])  # a second attempt
    for query, answered in (("describe", keys[:2]), ("choose", keys[2:3])):
        rows = [{"key": key, "answer": "wren", "finish_reason": "stop"} for key in answered]
        append(str(cache / query), pa.Table.from_pylist(rows, schema=RESPONSES_SCHEMA))
    found = read_calls(str(journal), {name: str(cache / name) for name in ("describe", "choose")})
    assert found.ids.tolist() == [-2, 7, 9]
    assert found.made.tolist() == [1, 3, 1]
    assert found.answered.tolist() == [1, 2, 0]


def test_no_journal_holds_no_calls(tmp_path: Path) -> None:
    found = read_calls(str(tmp_path / "none"), {"choose": str(tmp_path / "cache")})
    assert (len(found.ids), len(found.made), len(found.answered)) == (0, 0, 0)
