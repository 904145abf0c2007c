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
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from actors.mllm.model import FIELD_GUIDE, EngineOptions, MllmModel, resolve_mllm
from methods.errors import InputError
from ray_jobs.config import MllmConfig
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.passes.resources import check_resource, pinned_to
from ray_jobs.passes.session import Capacity, start_ray

logger = logging.getLogger(__name__)

_RESTARTS = 5
_CLOSE_S = 20.0
_CPU_SEQUENCES, _GPU_SEQUENCES = 64, 256
_HELD: dict[tuple[MllmModel, str], list[Any]] = {}


@dataclass(frozen=True)
class MllmPool:
    """How many replicas, how each runs, and how many tasks ask them.

    Attributes:
        replicas: actors; those that the cluster has no room for yet join when it has.
        options: of each one's engine.
        calls: tasks that ask at once, over all replicas, each with two batches under way
            (`actors.mllm.generate.ask`): enough that no engine waits for work.
        node: custom resource of the nodes they run on.
    """

    replicas: int
    options: EngineOptions
    calls: int
    node: str | None = None


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
    options = engine_options(config, pictures)
    if model.engine == "openai":  # one replica, so that its limits hold for the whole job
        calls = _calls(config.mllm_concurrency, config.mllm_batch)
        return MllmPool(1, options, calls, config.mllm_resource)
    gpus = config.mllm_tensor_parallel_size
    if gpus is None:
        gpus = min(1, capacity.gpus)
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
    sequences = config.mllm_max_num_seqs or (_GPU_SEQUENCES if gpus else _CPU_SEQUENCES)
    options = replace(options, gpus=gpus, threads=threads)
    calls = replicas * _calls(sequences, config.mllm_batch)
    return MllmPool(replicas, options, calls, config.mllm_resource)


def _calls(at_once: int, batch: int) -> int:
    """Tasks with a batch each that keep an engine full, and one that is at its end or beginning."""
    return -(-at_once // batch) + 1


@dataclass(frozen=True)
class Replicas:
    """Replicas that are there to be asked.

    Attributes:
        handles: of `actors.mllm.replica.MLLM` actors.
        calls: tasks that ask at once, over all of them.
        share_cores: whether they compute on CPU cores that other stages use as well.
        model, options: what each of them runs, and how.
    """

    handles: list[Any]
    calls: int
    share_cores: bool
    model: MllmModel
    options: EngineOptions

    def warm_up(self) -> None:
        """Start the engines now, without waiting for them."""
        for handle in self.handles:
            handle.start.remote()


@contextlib.contextmanager
def mllm_replicas(model: MllmModel, plan: MllmPool) -> Iterator[Replicas]:
    """Hold the replicas' actors, and end them after; an engine starts with its first request.

    Inside of another such context for the same model and plan, that one's replicas are used and
    live on: several runs in one process start each engine once.
    """
    held = (model, f"{plan.replicas} {plan.options}")
    share_cores = model.engine == "vllm" and not plan.options.gpus
    if held in _HELD:
        yield Replicas(_HELD[held], plan.calls, share_cores, model, plan.options)
        return
    _HELD[held] = _start(model, plan)
    try:
        yield Replicas(_HELD[held], plan.calls, share_cores, model, plan.options)
    finally:
        _end(_HELD.pop(held), plan.options.gpus)


@contextlib.contextmanager
def field_guide_replicas() -> Iterator[Replicas]:
    """Hold the replicas of the built-in model with the default settings, as jobs ask for them."""
    model = resolve_mllm(FIELD_GUIDE)
    with mllm_replicas(model, size_mllm_pool(MllmConfig(), model, start_ray())) as replicas:
        yield replicas


def _start(model: MllmModel, plan: MllmPool) -> list[Any]:
    import ray

    from actors.mllm.replica import MLLM

    options = plan.options
    kind = ray.remote(MLLM).options(
        # a CPU replica takes no logical CPU: it must not starve reading and writing of their slots
        num_cpus=1 if options.gpus else 0,
        num_gpus=options.gpus,
        resources=pinned_to(plan.node),
        # those on GPUs go where GPUs are; others would all fit onto one node
        scheduling_strategy="DEFAULT" if options.gpus else "SPREAD",
        max_restarts=_RESTARTS,
        max_task_retries=-1,
    )
    return [kind.remote(model, options) for _ in range(plan.replicas)]


def _end(replicas: list[Any], gpus: int) -> None:
    import ray

    if not ray.is_initialized():  # it has gone, and the replicas with it
        return
    if gpus:  # the model is in a process of its own, which would hold the GPU's memory a while
        closing = [replica.close.remote() for replica in replicas]
        ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
    for replica in replicas:
        ray.kill(replica)
