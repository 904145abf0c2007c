"""The sample of an archive that a fit learns from, drawn from the listing alone."""

from __future__ import annotations

import logging
from functools import partial

from actors import storage
from ray_jobs.config import ArchiveConfig
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.reservoir import draw

logger = logging.getLogger(f"onoma.{__name__}")


def draw_sample(run: RunFolder, config: ArchiveConfig, size: int) -> None:
    """List an archive and write the manifest of the images drawn, once; no image is read.

    Raises:
        InputError: the archive is not there or is empty.
    """
    if "images" in run.record:
        return
    storage.delete_folder(run.manifest)  # an attempt that died while listing
    chosen = partial(draw, size=size, seed=config.seed)
    drawn = write_manifest(config.images, run.manifest, chosen, config.table_columns())
    if drawn.images < size:
        logger.info("the archive has %d images; all of them are taken", drawn.images)
    run.save(images=drawn.images)
