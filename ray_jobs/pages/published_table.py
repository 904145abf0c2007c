"""The tables of ``docs/methods``: what ``--as-published`` sets, as Markdown.

    uv run python -m ray_jobs.pages.published_table

writes them into the pages again, each between its two marks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from ray_jobs.commands import COMMANDS
from ray_jobs.config.names import flag_of
from ray_jobs.config.published import PUBLISHED

PAGES: Final = Path(__file__).parents[2] / "docs" / "methods"
_BEGIN, _END = "<!-- as-published -->", "<!-- /as-published -->"
_BETWEEN: Final = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)


def published_table(method: str) -> str:
    """What ``--as-published`` sets for a method, one row a setting."""
    rows = [
        "| setting | by default | as published | from | why ours differs |",
        "|---|---|---|---|---|",
    ]
    for each in PUBLISHED[method]:
        default = ", ".join(dict.fromkeys(map(_shown, _defaults(method, each.name))))
        cells = (f"`{flag_of(each.name)}`", default, _shown(each.value), each.source, each.why)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _defaults(method: str, setting: str) -> list[Any]:
    """The default of a setting in each verb of the method that has it."""
    found = []
    for verb in ("fit", "label"):
        command = COMMANDS.get(f"{verb} {method}")
        if command is not None and setting in command.config.model_fields:
            found.append(command.config.model_fields[setting].default)
    return found


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none of its own", True: "on", False: "off"}[value]
    return str(value)


def with_table(page: str, method: str) -> str:
    """A page with its table as it is today."""
    return _BETWEEN.sub(lambda _: f"{_BEGIN}\n{published_table(method)}\n{_END}", page)


def main() -> int:
    """Write the tables into the pages."""
    for path in sorted(PAGES.glob("*.md")):
        if path.stem in PUBLISHED:
            path.write_text(with_table(path.read_text("utf-8"), path.stem), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
