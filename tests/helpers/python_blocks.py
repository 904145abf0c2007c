"""Python in Markdown pages and notebooks, run as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page: Path) -> list[str]:
    """The Python blocks of a Markdown page, or the code cells of a notebook, in order."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        return ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
    return _BLOCK.findall(text)


def run_block(
    block: str, where: str, names: dict[str, Any], instead: Mapping[str, str] | None = None
) -> None:
    """Run a block.

    Args:
        block: its source.
        where: that it is from, for tracebacks.
        names: that it begins with; what it defines is added.
        instead: what stands in this place of words of the block, such as an address.
    """
    for word, other in (instead or {}).items():
        block = block.replace(word, other)
    exec(compile(block, where, "exec"), names)
