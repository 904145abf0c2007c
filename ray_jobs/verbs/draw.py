"""The verb ``fieldguide draw``: an archive to try everything on, with its truth beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from methods.errors import InputError
from ray_jobs.config import DrawConfig


def draw(config: DrawConfig) -> dict[str, Any]:
    """Draw an archive into ``config.out``.

    Raises:
        InputError: the folder holds other things or cannot be written, or a species is not known.
    """
    from fieldguide.archive import draw_archive
    from fieldguide.editions import drawn_world

    out = Path(config.out)
    if out.exists() and (not out.is_dir() or os.listdir(out)):
        raise InputError(f"--out {out} is there already; give a new or empty folder")
    if config.species and config.kind != "birds":
        raise InputError("--species chooses birds; leave it out with --kind scenes")
    try:
        world = drawn_world(config.edition)
        species = world.read_species(config.species) if config.species else None
        draw_archive(out, config.count, config.seed, config.kind, species, config.edition)
    except PermissionError as error:
        raise InputError(f"--out {out}: cannot be written (no permission)") from error
    except FileNotFoundError as error:
        raise InputError(f"--species {config.species}: no such file") from error
    except ValueError as error:
        raise InputError(str(error)) from error
    return {"images": config.count, "archive": str(out / "images"), "truth": str(out / "truth.csv")}
