"""The templates of pages: everything that is filled in is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jinja2

from ray_jobs.report import figures

FOLDER: Final = Path(__file__).parent
"""Of the report's templates and its style sheet."""


def templates(folders: Sequence[Path] = (FOLDER,)) -> jinja2.Environment:
    """Return the environment for templates in some folders, with filters for figures."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        whole=figures.whole,
        amount=figures.amount,
        percent=figures.percent,
        score=figures.score,
        size=figures.size,
        duration=figures.duration,
    )
    return environment
