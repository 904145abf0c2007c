"""Replicas of the multimodal LLM that outlive a pass.

A run asks in several passes, a search in hundreds; loading a model takes seconds to minutes. So the
replicas are plain Ray actors that the driver holds, and the stages of Ray Data are tasks that get
their handles. Ray restarts a replica that dies and makes its calls again. An actor pool of Ray Data
ends with its pass. A Serve deployment behind a handle would live on as well; tried side by side
(``python -m benchmarks.replica_calls``), it needed 8 more seconds to start and one more process,
and a call from a task took 4 times as long, since each task makes itself a router: for routing and
scaling that a fixed set of replicas has no use for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from actors.mllm.engines.vllm_settings import CPU_SEQUENCES
from actors.mllm.model import FIELD_GUIDE, EngineOptions, MllmModel, resolve_mllm
from methods.errors import InputError
from ray_jobs.config import MllmConfig
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.passes.resources import check_resource, pinned_to
from ray_jobs.passes.session import Capacity, start_ray

_RESTARTS: Final = 5
_CLOSE_S: Final = 20.0
_GPU_SEQUENCES: Final = 256  # where a replica cannot say how many its engine takes


@dataclass(frozen=True)
class MllmPool:
    """How many replicas, how each runs, and how they are fed.

    Attributes:
        replicas: actors; those that the cluster has no room for yet join when it has.
        options: of each one's engine.
        batch: requests of a call.
        sequences: requests that each engine works on at once; None for what it chooses itself.
        resource: custom resource of the nodes they run on.
    """

    replicas: int
    options: EngineOptions
    batch: int
    sequences: int | None
    resource: str | None = None

    def calls(self, sequences: int) -> int:
        """Tasks that ask at once, over all replicas, so that no engine waits for work.

        Each has two batches under way (`actors.mllm.generate.generate`); for an engine they are so
        many as fill its ``sequences``, and one that is at its end or beginning.
        """
        return self.replicas * (-(-sequences // self.batch) + 1)


def size_mllm_pool(
    config: MllmConfig, model: MllmModel, capacity: Capacity, pictures: int = 1
) -> MllmPool:
    """Choose replicas and engine options from what is there and what the user set.

    Args:
        config: the verb's settings.
        model: which.
        capacity: of the cluster.
        pictures: most pictures in one request.

    Raises:
        InputError: more GPUs, or other nodes, are asked for than the cluster has.
    """
    check_resource(capacity, "mllm-resource", config.mllm_resource)
    options = engine_options(config, pictures, model)
    if model.engine == "openai":  # one replica, so that its limits hold for the whole job
        return MllmPool(
            1, options, config.mllm_batch, config.mllm_concurrency, config.mllm_resource
        )
    gpus = config.mllm_tensor_parallel_size
    if gpus is None:
        gpus = min(1, capacity.gpus)
    if model.engine == "dummy":
        gpus = 0
    replicas = config.mllm_replicas or (max(1, capacity.gpus // gpus) if gpus else 1)
    if gpus * replicas > capacity.gpus:
        raise InputError(
            f"--mllm-tensor-parallel-size {gpus} for {replicas} replicas: the cluster has "
            f"{capacity.gpus} GPUs"
        )
    most = config.mllm_replicas_max or replicas
    if most < (config.mllm_replicas or 1):
        raise InputError(
            f"--mllm-replicas-max {most} is less than --mllm-replicas {config.mllm_replicas}"
        )
    replicas = most
    share = max(1, capacity.cores // replicas)
    threads = None if gpus else min(share, capacity.node_cores or share)
    sequences = config.mllm_engine.get("max_num_seqs") or config.mllm_max_num_seqs
    if not gpus:
        sequences = sequences or CPU_SEQUENCES
    options = replace(options, gpus=gpus, threads=threads)
    return MllmPool(replicas, options, config.mllm_batch, sequences, config.mllm_resource)


@dataclass(frozen=True)
class Replicas:
    """Replicas that are there to be asked; they end with the context that started them.

    Attributes:
        handles: of `actors.mllm.replica.MLLM` actors.
        model: what each of them runs.
        pool: how many they are, and how each runs.
    """

    handles: list[Any]
    model: MllmModel
    pool: MllmPool

    @property
    def options(self) -> EngineOptions:
        """Of each one's engine."""
        return self.pool.options

    @property
    def share_cores(self) -> bool:
        """Whether they compute on CPU cores that other stages use as well."""
        return self.model.engine == "vllm" and not self.options.gpus

    @cached_property
    def calls(self) -> int:
        """Tasks that ask at once, over all of them.

        Where the user has left the number of sequences to the engine, the first replica that the
        cluster has room for says what vLLM will choose: that loads no model.
        """
        return self.pool.calls(self.pool.sequences or self._sequences())

    def _sequences(self) -> int:
        import ray

        first, _ = ray.wait([handle.sequences.remote() for handle in self.handles], num_returns=1)
        try:
            return int(ray.get(first[0]))
        except ray.exceptions.RayError:  # a pass that asks fails as well, and says why
            return _GPU_SEQUENCES

    def warm_up(self) -> None:
        """Start the engines now, without waiting for them."""
        for handle in self.handles:
            handle.start.remote()


_HELD: ContextVar[tuple[Replicas, ...]] = ContextVar("replicas of the contexts around", default=())


@contextlib.contextmanager
def mllm_replicas(model: MllmModel, pool: MllmPool) -> Iterator[Replicas]:
    """Hold the replicas' actors, and end them after; an engine starts with its first request.

    Inside of another such context for the same model and pool, that one's replicas are used and
    live on: several runs in one process start each engine once.
    """
    around = _HELD.get()
    for held in around:
        if (held.model, held.pool) == (model, pool):
            yield held
            return
    replicas = Replicas(_start(model, pool), model, pool)
    _HELD.set((*around, replicas))
    try:
        yield replicas
    finally:
        _HELD.set(tuple(held for held in _HELD.get() if held is not replicas))
        _end(replicas.handles, pool.options.gpus)


@contextlib.contextmanager
def field_guide_replicas(name: str = FIELD_GUIDE) -> Iterator[Replicas]:
    """Hold the replicas of a small model with the default settings, as jobs ask for them.

    Args:
        name: of a built-in model, or the folder of one like it.
    """
    model = resolve_mllm(name)
    with mllm_replicas(model, size_mllm_pool(MllmConfig(), model, start_ray())) as replicas:
        yield replicas


def _start(model: MllmModel, pool: MllmPool) -> list[Any]:
    import ray

    from actors.mllm.replica import MLLM

    options = pool.options
    kind = ray.remote(MLLM).options(
        # a CPU replica takes no logical CPU: it must not starve reading and writing of their slots
        num_cpus=1 if options.gpus else 0,
        num_gpus=options.gpus,
        resources=pinned_to(pool.resource),
        # those on GPUs go where GPUs are; others would all fit onto one node
        scheduling_strategy="DEFAULT" if options.gpus else "SPREAD",
        max_restarts=_RESTARTS,
        max_task_retries=-1,
    )
    return [kind.remote(model, options) for _ in range(pool.replicas)]


def _end(replicas: list[Any], gpus: int) -> None:
    import ray

    if not ray.is_initialized():  # it has gone, and the replicas with it
        return
    if gpus:  # the model is in a process of its own, which would hold the GPU's memory a while
        closing = [replica.close.remote() for replica in replicas]
        ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
    for replica in replicas:
        ray.kill(replica)
