"""The templates of pages: everything that is filled in is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2

from ray_jobs.pages import numbers

FOLDER: Final = Path(__file__).parent
"""Of the parts and the style sheet that pages share."""


def templates(folder: Path) -> jinja2.Environment:
    """Return the environment for templates in some folders, with filters for numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((folder, FOLDER)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        whole=numbers.whole,
        amount=numbers.amount,
        percent=numbers.percent,
        score=numbers.score,
        size=numbers.size,
        duration=numbers.duration,
        named=str,  # of a label; a page whose labels are ids says more
        also=str,
    )
    return environment
