"""What can be known to be wrong with a fit before any image is asked about."""

from __future__ import annotations

from methods.errors import InputError
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.resources import ReplicaPool, size_clip_pool
from ray_jobs.passes.session import Capacity


def check_workers(config: FitNearConfig, capacity: Capacity) -> ReplicaPool:
    """Plan the workers of training.

    Raises:
        InputError: there is no room for so many; Ray would wait for it for ever.
    """
    workers = size_clip_pool(capacity, config, config.train_workers)
    room = int(capacity.gpus / workers.gpus) if workers.gpus else capacity.cores
    if workers.replicas > room:
        what = f"{capacity.gpus} GPUs" if workers.gpus else f"{capacity.cores} CPU cores"
        raise InputError(
            f"--train-workers {config.train_workers}: the cluster has {what}, room for {room}"
        )
    return workers
