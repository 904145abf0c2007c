"""CLIP text features of names, computed on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.clip import ClipEncoder, Precision, clip_record, cpu_threads
from actors.clip_models import ClipModel
from methods.class_matrix import class_matrix
from methods.errors import InputError
from ray_jobs.config import ClipConfig
from ray_jobs.ray_context import Capacity, plan_replicas


def encode_names(
    config: ClipConfig,
    model: ClipModel,
    names: Sequence[str],
    templates: Sequence[str],
    capacity: Capacity,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Encode names in prompt templates in one remote task, on a GPU where there is one.

    Returns:
        The class matrix, float32 (len(names), D), and what a classifier keeps of the model.

    Raises:
        InputError: the model's weights cannot be loaded.
    """
    import ray

    plan = plan_replicas(capacity, 1, config.clip_gpus)
    # one call a process: a worker that keeps torch would go on to decode with 800 MB on its back
    task = ray.remote(max_calls=1)(_encode).options(num_gpus=plan.gpus, num_cpus=0)
    work = task.remote(model, list(names), tuple(templates), config.precision, plan.device)
    try:
        return ray.get(work)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError):  # Ray makes a traceback of its sentence
            raise error.cause from None
        raise


def _encode(
    model: ClipModel,
    names: list[str],
    templates: tuple[str, ...],
    precision: Precision,
    device: str,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Load CLIP and compute the class matrix; runs as a Ray task."""
    encoder = ClipEncoder(model, precision=precision, threads=cpu_threads(), device=device)
    return class_matrix(names, templates, encoder.encode_texts), clip_record(model, encoder)
