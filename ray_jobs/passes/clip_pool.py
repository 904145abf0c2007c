"""Replicas of CLIP in a pass of Ray Data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from actors.clip.model import ClipModel
from actors.clip.remote_texts import ClipTexts, RemoteTexts
from actors.priority import BESIDE_A_MODEL
from ray_jobs.config import ClipConfig
from ray_jobs.passes.resources import ReplicaPool, on_nodes

_RESTARTS = 5


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


@contextlib.contextmanager
def early_texts(
    model: ClipModel, config: ClipConfig, plan: ReplicaPool
) -> Iterator[RemoteTexts | None]:
    """Hold CLIP for the texts of a later pass, loaded from now on.

    Only where one replica on a CPU is wanted: on a GPU it would take the memory of what runs before
    it, and several encode side by side in the pass itself; None then.
    """
    import ray

    if plan.gpus or plan.replicas > 1 or plan.most:
        yield None
        return
    kind: Any = ray.remote(ClipTexts).options(
        num_cpus=0,
        resources=on_nodes(plan.node),
        max_restarts=_RESTARTS,
        max_task_retries=-1,
    )
    actor = kind.remote(
        model, config.precision, plan.threads, device=plan.device, niceness=BESIDE_A_MODEL
    )
    try:
        yield RemoteTexts(actor)
    finally:
        if ray.is_initialized():
            ray.kill(actor)
