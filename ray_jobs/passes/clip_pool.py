"""Replicas of CLIP in a pass of Ray Data."""

from __future__ import annotations

from typing import Any

from ray_jobs.config import ClipConfig
from ray_jobs.passes.resources import ReplicaPool


def through_clip(
    rows: Any,
    stage: type,
    config: ClipConfig,
    plan: ReplicaPool,
    *,
    batch: int | None = None,
    **arguments: Any,
) -> Any:
    """Give a dataset in batches to replicas of a class that holds CLIP.

    Args:
        rows: a Ray Data dataset.
        stage: the class; it takes ``precision``, ``threads`` and ``device``.
        config: the verb's settings.
        plan: how many replicas, and what each takes.
        batch: rows at a time, ``--clip-batch`` by default.
        arguments: what else the class takes.

    Returns:
        The dataset of what comes out.
    """
    return rows.map_batches(
        stage,
        batch_format="pyarrow",
        batch_size=batch or config.clip_batch,
        fn_constructor_kwargs={
            **arguments,
            "precision": config.precision,
            "threads": plan.threads,
            "device": plan.device,
        },
        compute=plan.pool(),
        **plan.actor_options(),
    )
