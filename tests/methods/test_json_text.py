"""JSON with any path in it."""

from __future__ import annotations

import json
import os

import pytest

from methods.json_text import json_text


@pytest.mark.parametrize("indent", [None, 1])
def test_any_path_is_read_back(indent: int | None) -> None:
    odd = {"images": os.fsdecode(b"/caf\xe9/\xff"), "out": "ü日"}
    text = json_text(odd, indent)
    assert json.loads(text.encode()) == odd
    assert "ü日" in json_text({"out": "ü日"}, indent)
