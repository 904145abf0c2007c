"""How close CLIP in int8 is to CLIP in float32, said by the job that uses it."""

from __future__ import annotations

import logging
from typing import Any

from actors.clip.model import ClipModel
from ray_jobs.config import ClipConfig
from ray_jobs.passes.remote_tasks import start_task
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.folder import RunFolder

logger = logging.getLogger(f"onoma.{__name__}")


def say_int8(run: RunFolder, config: Any, clip: ClipModel | None, capacity: Capacity) -> None:
    """Measure on eight images of no archive, log it, keep it in ``run.json``; once a run.

    Raises:
        InputError: CLIP would run on GPUs, or the model is not one for int8.
    """
    if clip is None or not isinstance(config, ClipConfig) or config.precision != "int8":
        return
    from actors.clip.int8 import int8_cosine

    size_clip_pool(capacity, config)
    if "int8_cosine" in run.record:
        return
    cosine = start_task(int8_cosine, clip, capacity.cores)()
    run.save(int8_cosine=round(cosine, 6))
    logger.info(
        "CLIP %s in int8: features have a cosine of at least %.4f to those in fp32, on eight "
        "images of grey, noise and soft colours",
        clip.name,
        cosine,
    )
