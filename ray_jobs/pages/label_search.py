"""A search box over all labels of a page: data for the one script that pages have.

The script is part of this package and never changes with what is shown: the page's content security
policy names its hash, so that nothing else on the page can run. Labels come to it as JSON and leave
it as text nodes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from markupsafe import Markup

from ray_jobs.pages.templates import FOLDER

MOST_LABELS: Final = 20_000
"""Labels that can be searched, the most frequent: a page of a model's free names stays small."""


@dataclass(frozen=True)
class SearchedLabel:
    """A label as the search box knows it.

    Attributes:
        label: as it is shown.
        also: what else finds it.
        counts: images that have it, by column.
        right: of those, how many rightly, by column; None where nobody can tell.
        anchor: id of the part of the page about it; empty without one.
    """

    label: str
    also: str
    counts: Sequence[int]
    right: Sequence[int | None] = ()
    anchor: str = ""


def search_data(columns: Sequence[str], labels: Sequence[SearchedLabel]) -> dict[str, Any]:
    """What the script reads: ``columns``, ``labels`` (rows of five), ``left`` out for their number.

    Args:
        columns: titles of the counts.
        labels: the most frequent first.
    """
    shown = labels[:MOST_LABELS]
    return {
        "columns": list(columns),
        "left": len(labels) - len(shown),
        "labels": [
            [each.label, each.also, list(each.counts), list(each.right), each.anchor]
            for each in shown
        ],
    }


@cache
def search_script() -> Markup:
    """The script."""
    return Markup((FOLDER / "search.js").read_text(encoding="utf-8"))


def script_hash() -> str:
    """The script's hash, as a content security policy names it."""
    digest = hashlib.sha256(str(search_script()).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
