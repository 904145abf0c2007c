"""CLIP text features of names, computed on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder, Precision, clip_record
from actors.clip.model import ClipModel
from actors.cores import usable_cores
from methods.class_matrix import class_matrix, matrix_of_texts
from ray_jobs.config import ClipConfig
from ray_jobs.passes.remote_tasks import start_task
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity


def encode_names(
    config: ClipConfig,
    model: ClipModel,
    names: Sequence[str],
    templates: Sequence[str],
    capacity: Capacity,
    texts: Sequence[Sequence[str]] = (),
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Encode names in prompt templates in one remote task, on a GPU where there is one.

    Args:
        config: how CLIP runs.
        model: encodes.
        names, templates: of the prompts.
        capacity: of the cluster.
        texts: that stand for each name in place of the templates; none for these.

    Returns:
        The class matrix, float32 (len(names), D), and what a classifier keeps of the model.

    Raises:
        InputError: the model's weights cannot be loaded.
    """
    plan = size_clip_pool(capacity, config, 1)
    prompts = list(names), tuple(templates), texts
    arguments = model, *prompts, config.precision, plan.device
    return start_task(_encode, *arguments, gpus=plan.gpus, resource=plan.resource)()


def _encode(
    model: ClipModel,
    names: list[str],
    templates: tuple[str, ...],
    texts: Sequence[Sequence[str]],
    precision: Precision,
    device: str,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Load CLIP and compute the class matrix; runs as a Ray task."""
    encoder = ClipEncoder(model, precision=precision, threads=usable_cores(), device=device)
    if texts:
        return matrix_of_texts(texts, encoder.encode_texts), clip_record(model, encoder)
    return class_matrix(names, templates, encoder.encode_texts), clip_record(model, encoder)
