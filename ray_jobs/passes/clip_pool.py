"""Replicas of CLIP in a pass of Ray Data."""

from __future__ import annotations

from typing import Any

from actors.clip.model import ClipModel
from actors.clip.runtime import ClipRuntime
from ray_jobs.config import ClipConfig
from ray_jobs.passes.resources import ReplicaPool


def through_clip(
    rows: Any,
    stage: type,
    config: ClipConfig,
    pool: ReplicaPool,
    *,
    model: ClipModel,
    batch: int | None = None,
    **arguments: Any,
) -> Any:
    """Give a dataset in batches to replicas of a class that holds CLIP.

    Args:
        rows: a Ray Data dataset.
        stage: the class; it takes ``clip``, a `ClipRuntime`, and may say by ``in_flight`` how many
            calls may run at once on a GPU.
        config: batch size, where it is set, and precision.
        pool: how many replicas, and what each takes.
        model: the CLIP model.
        batch: rows at a time, ``--clip-batch`` by default.
        arguments: what else the class takes.

    Returns:
        The dataset of what comes out.
    """
    return rows.map_batches(
        stage,
        batch_format="pyarrow",
        batch_size=batch or pool.batch(config),
        fn_constructor_kwargs={
            **arguments,
            "clip": ClipRuntime(model, config.precision, pool.device, pool.threads),
        },
        compute=pool.pool(getattr(stage, "in_flight", 1)),
        **pool.actor_options(),
    )
