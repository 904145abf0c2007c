"""Replicas live as long as the context that started them, and are fed for what engines take."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from actors.mllm.model import EngineOptions, MllmModel, resolve_mllm
from ray_jobs.config import MllmConfig
from ray_jobs.passes.mllm_pool import MllmPool, mllm_replicas, size_mllm_pool
from ray_jobs.passes.session import Capacity

GPUS = Capacity(cores=64, gpus=8, nodes=9)
VLLM = MllmModel("m", "vllm", "/nowhere", "f")


@pytest.fixture
def dummy(tmp_path: Path) -> MllmModel:
    """A model without a model."""
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([{"answer": "a wren"}]), "utf-8")
    return resolve_mllm(f"dummy:{file}")


def test_equal_pools_of_inner_contexts_share_the_replicas_of_the_outer(
    ray_session: Capacity, dummy: MllmModel
) -> None:
    pool = size_mllm_pool(MllmConfig(), dummy, ray_session)
    other = replace(pool, options=replace(pool.options, extra={"seed": 1}))
    with mllm_replicas(dummy, pool) as outer:
        with mllm_replicas(dummy, pool) as inner, mllm_replicas(dummy, other) as apart:
            assert inner is outer
            assert apart.handles != outer.handles
        pid = ray.get(outer.handles[0].pid.remote())
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(apart.handles[0].pid.remote())
    with mllm_replicas(dummy, pool) as later:
        assert ray.get(later.handles[0].pid.remote()) != pid


def test_a_dummy_takes_no_gpu() -> None:
    pool = size_mllm_pool(MllmConfig(), replace(VLLM, engine="dummy"), GPUS)
    assert (pool.replicas, pool.options.gpus) == (1, 0)


@pytest.mark.parametrize(
    ("config", "capacity", "sequences"),
    [
        (MllmConfig(), Capacity(2, 0, 1), 64),
        (MllmConfig(), GPUS, None),
        (MllmConfig(mllm_max_num_seqs=96), GPUS, 96),
        (MllmConfig(mllm_engine={"max_num_seqs": "512"}, mllm_max_num_seqs=96), GPUS, 512),
    ],
)
def test_sequences_are_the_users_else_the_engines(
    config: MllmConfig, capacity: Capacity, sequences: int | None
) -> None:
    assert size_mllm_pool(config, VLLM, capacity).sequences == sequences


def test_where_the_engine_decides_a_replica_is_asked(
    ray_session: Capacity, dummy: MllmModel
) -> None:
    pool = MllmPool(2, EngineOptions(sequences=200), batch=64, sequences=None)
    with mllm_replicas(dummy, pool) as replicas:
        assert replicas.calls == 2 * (4 + 1)
    fixed = replace(pool, sequences=64)
    with mllm_replicas(dummy, fixed) as replicas:
        assert replicas.calls == 2 * (1 + 1)
