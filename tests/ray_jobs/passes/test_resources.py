"""What stages take of a cluster, and where they may run."""

from __future__ import annotations

import pytest

from actors.mllm.model import FIELD_GUIDE, resolve_mllm
from methods.errors import InputError
from ray_jobs.config import AskingImagesConfig, ClipConfig, MllmConfig
from ray_jobs.passes.mllm_pool import size_mllm_pool
from ray_jobs.passes.resources import check_resource, pinned_to, size_clip_pool, task_options
from ray_jobs.passes.session import Capacity

CPUS = Capacity(cores=32, gpus=0, nodes=4, node_cores=8)
GPUS = Capacity(cores=64, gpus=8, nodes=9, node_cores=16, custom={"clip": 1000, "mllm": 1000})


def test_replicas_on_cpus_fit_onto_nodes() -> None:
    plan = size_clip_pool(CPUS, ClipConfig())
    assert (plan.replicas, plan.threads, plan.device) == (4, 8, "cpu")
    assert plan.actor_options() == {"num_cpus": 0}
    assert size_clip_pool(CPUS, ClipConfig(clip_replicas=1)).threads == 8  # of one node


def test_replicas_on_gpus_run_on_the_nodes_named() -> None:
    plan = size_clip_pool(GPUS, ClipConfig(clip_gpus=0.5, clip_resource="clip"))
    assert (plan.replicas, plan.device) == (16, "cuda")
    assert plan.actor_options() == {"num_gpus": 0.5, "num_cpus": 1, "resources": {"clip": 0.001}}


def test_a_pool_may_grow() -> None:
    plan = size_clip_pool(GPUS, ClipConfig(clip_replicas=2, clip_replicas_max=6))
    pool = plan.pool()
    assert (pool.min_size, pool.max_size) == (2, 6)
    fixed = size_clip_pool(GPUS, ClipConfig(clip_replicas=2)).pool()
    assert (fixed.min_size, fixed.max_size) == (2, 2)
    from_one = size_clip_pool(GPUS, ClipConfig(clip_replicas_max=6)).pool()
    assert (from_one.min_size, from_one.max_size) == (1, 6)
    with pytest.raises(InputError, match="--clip-replicas-max 2 is less than --clip-replicas 4"):
        size_clip_pool(GPUS, ClipConfig(clip_replicas=4, clip_replicas_max=2))


def test_replicas_on_gpus_have_larger_batches_and_two_of_them_under_way() -> None:
    config = ClipConfig()
    gpus, cpus = size_clip_pool(GPUS, config), size_clip_pool(CPUS, config)
    assert (gpus.batch(config), cpus.batch(config)) == (256, 64)
    assert gpus.batch(ClipConfig(clip_batch=7)) == cpus.batch(ClipConfig(clip_batch=7)) == 7
    pool = gpus.pool(2)
    assert (pool.max_concurrent_calls_per_actor, pool.enable_true_multi_threading) == (2, True)
    for one in (gpus.pool(), cpus.pool(2)):
        assert one.max_concurrent_calls_per_actor is None
        assert not one.enable_true_multi_threading


def test_int8_is_refused_on_gpus() -> None:
    with pytest.raises(InputError, match="--precision int8 is for CPUs"):
        size_clip_pool(GPUS, ClipConfig(precision="int8"))
    assert size_clip_pool(GPUS, ClipConfig(precision="int8", clip_gpus=0)).device == "cpu"


def test_nodes_that_are_not_there_are_told_before_ray_waits_for_them() -> None:
    with pytest.raises(InputError, match=r"--clip-resource mllms: no node .* there are clip, mllm"):
        size_clip_pool(GPUS, ClipConfig(clip_resource="mllms"))
    with pytest.raises(InputError, match=r"--decode-resource decode: .* there are none"):
        check_resource(CPUS, "decode-resource", "decode")
    with pytest.raises(InputError, match="--clip-gpus 9"):
        size_clip_pool(GPUS, ClipConfig(clip_gpus=9))


def test_the_mllm_has_replicas_to_join_later() -> None:
    model = resolve_mllm(FIELD_GUIDE)
    config = MllmConfig(
        mllm_replicas=2, mllm_replicas_max=5, mllm_tensor_parallel_size=1, mllm_resource="mllm"
    )
    plan = size_mllm_pool(config, model, GPUS)
    assert (plan.replicas, plan.resource, plan.options.gpus) == (5, "mllm", 1)
    with pytest.raises(InputError, match="--mllm-resource clips"):
        size_mllm_pool(MllmConfig(mllm_resource="clips"), model, GPUS)
    with pytest.raises(InputError, match="--mllm-replicas-max 1 is less than --mllm-replicas 2"):
        size_mllm_pool(MllmConfig(mllm_replicas=2, mllm_replicas_max=1), model, GPUS)


def test_tasks_take_what_is_set() -> None:
    config = AskingImagesConfig(images="x", out="y", decode_cpus=2, decode_resource="decode")
    assert task_options(config) == {"num_cpus": 2, "resources": {"decode": 0.001}}
    assert task_options(AskingImagesConfig(images="x", out="y")) == {}
    assert pinned_to(None) == {}
