"""What the stages of a pass take of the cluster, and on which nodes they run.

A stage is bound to nodes by a custom Ray resource that those nodes offer (``ray start --resources
'{"clip": 1000}'``, or a worker group of a manifest): its tasks and actors take a trace of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from actors.clip.precision import INT8_ON_GPU
from methods.errors import InputError
from ray_jobs.config import ArchiveConfig, ClipConfig
from ray_jobs.passes.session import Capacity

_CORES_PER_REPLICA: Final = 8
_CPU_BATCH: Final = 64
_GPU_BATCH: Final = 256  # 64 leave a GPU waiting for the launches of a ViT-B's kernels
_TRACE: Final = 0.001  # of a custom resource: a node with 1 of it has room for a thousand


def pinned_to(resource: str | None) -> dict[str, float]:
    """Custom resources of a task or actor that may run only on nodes that offer ``resource``."""
    return {resource: _TRACE} if resource else {}


def check_resource(capacity: Capacity, setting: str, resource: str | None) -> None:
    """Refuse a custom resource that no node has: Ray would wait for one for ever.

    Raises:
        InputError: with the custom resources there are.
    """
    if resource and not capacity.custom.get(resource):
        there = ", ".join(sorted(capacity.custom)) or "none"
        raise InputError(
            f"--{setting} {resource}: no node of the cluster has this custom resource; there are "
            f"{there} (ray start --resources '{{\"{resource}\": 1000}}')"
        )


@dataclass(frozen=True)
class ReplicaPool:
    """How many replicas of a model, what each takes, and where they run.

    Attributes:
        replicas: actors in the pool.
        gpus: GPUs of each, fractions allowed; 0 on a CPU.
        threads: CPU threads of each, None on a GPU.
        most: replicas that the pool may grow to while there is work for more.
        resource: custom resource of the nodes they run on.
    """

    replicas: int
    gpus: float
    threads: int | None
    most: int | None = None
    resource: str | None = None

    @property
    def device(self) -> str:
        """The torch device a replica works on; Ray may leave GPUs visible that are not its own."""
        return "cuda" if self.gpus else "cpu"

    def actor_options(self) -> dict[str, Any]:
        """Resources for ``map_batches``.

        CPU replicas take no logical CPU: they must not starve reading and writing of their slots,
        and a shape of their own keeps Ray from fusing decoding into them.
        """
        takes = {"num_gpus": self.gpus, "num_cpus": 1} if self.gpus else {"num_cpus": 0}
        where = {"resources": pinned_to(self.resource)} if self.resource else {}
        return {**takes, **where}

    def pool(self, in_flight: int = 1) -> Any:
        """The actor pool for ``map_batches``.

        Args:
            in_flight: batches that a replica on a GPU may have at once, each in a thread: while one
                computes, the next is put together and the last is written. Ray keeps each with its
                own task, so rows, errors and checkpoints stay where they belong.
        """
        from ray.data import ActorPoolStrategy

        at_once: dict[str, Any] = {}
        if self.gpus and in_flight > 1:
            at_once = {
                "max_concurrent_calls_per_actor": in_flight,
                "enable_true_multi_threading": True,
            }
        if self.most is None or self.most <= self.replicas:
            return ActorPoolStrategy(size=self.replicas, **at_once)
        return ActorPoolStrategy(min_size=self.replicas, max_size=self.most, **at_once)

    def batch(self, config: ClipConfig) -> int:
        """Images of a forward pass."""
        return config.clip_batch or (_GPU_BATCH if self.gpus else _CPU_BATCH)


def size_clip_pool(
    capacity: Capacity, config: ClipConfig, replicas: int | None = None
) -> ReplicaPool:
    """Choose replicas of CLIP, their GPUs and threads, from what is there and what the user set.

    Args:
        capacity: of the cluster.
        config: the verb's settings.
        replicas: a fixed number of them, in place of ``--clip-replicas``.

    Raises:
        InputError: GPUs or nodes are asked for that the cluster does not have.
    """
    check_resource(capacity, "clip-resource", config.clip_resource)
    gpus, most = config.clip_gpus, config.clip_replicas_max if replicas is None else None
    replicas = replicas or config.clip_replicas
    if gpus is None:
        gpus = 1.0 if capacity.gpus else 0.0
    if gpus > capacity.gpus:
        raise InputError(f"--clip-gpus {gpus}: the cluster has {capacity.gpus} GPUs")
    if gpus and config.precision == "int8":
        raise InputError(INT8_ON_GPU)
    if most is not None and most < (replicas or 1):
        raise InputError(f"--clip-replicas-max {most} is less than --clip-replicas {replicas}")
    if gpus:
        fit = max(1, int(capacity.gpus / gpus))
        return ReplicaPool(replicas or (1 if most else fit), gpus, None, most, config.clip_resource)
    replicas = replicas or max(1, capacity.cores // _CORES_PER_REPLICA)
    share = max(1, capacity.cores // max(replicas, most or 0))
    threads = min(share, capacity.node_cores or share)
    return ReplicaPool(replicas, 0.0, threads, most, config.clip_resource)


def task_options(config: ArchiveConfig) -> dict[str, Any]:
    """What a task takes that reads and decodes images; equal ones let Ray run stages as one."""
    takes = {} if config.decode_cpus is None else {"num_cpus": config.decode_cpus}
    where = {"resources": pinned_to(config.decode_resource)} if config.decode_resource else {}
    return {**takes, **where}
