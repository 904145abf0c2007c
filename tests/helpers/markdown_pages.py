"""Links, commands and tables of Markdown pages, as readers meet them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")})
"""Every page that users read."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`onoma ([^`]+)`")
_ENDS = {">", ">>", "|", "#", "&", "&&", "2>&1"}


def name_of(page: Path) -> str:
    """How a page is called in a test's name."""
    return page.relative_to(ROOT).as_posix()


def links_of(page: Path) -> list[str]:
    """What a page links to, code left out."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text("utf-8")))
    return [link for link in _LINK.findall(text) if "://" not in link]


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        made = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        found.add(made if made not in found else f"{made}-1")
    return found


def commands_of(page: Path) -> Iterator[list[str]]:
    """Words behind ``onoma`` of each command line in a page's blocks of code."""
    for _, language, block in _FENCE.findall(page.read_text("utf-8")):
        if language not in ("", "bash", "sh"):
            continue
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if found := re.search(r"(?:^|uv run |^\s+)onoma (\S.*)$", line):
                yield words_of(found[1])


def words_of(line: str) -> list[str]:
    """A command line as a shell splits it, up to what is not the command's."""
    words = []
    for word in shlex.split(line, comments=True):
        if word in _ENDS:
            break
        words.append(word)
    return words


def mentioned_in(page: Path) -> list[str]:
    """Commands in running text: what stands behind ``onoma`` between backticks."""
    return _INLINE.findall(_FENCE.sub("", page.read_text("utf-8")))


def tables_of(page: Path) -> Iterator[list[list[str]]]:
    """The tables of a page, rows of cells, heads first."""
    rows: list[list[str]] = []
    for line in [*_FENCE.sub("", page.read_text("utf-8")).splitlines(), ""]:
        if line.startswith("|"):
            rows.append([each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            yield [rows[0], *rows[2:]]
            rows = []
