"""Whatever Ray runs on this machine steps back behind a model."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
import ray

from ray_jobs.machine_sharing import others_step_back

pytestmark = pytest.mark.usefixtures("ray_session")


class Process:
    """An actor that says which process it is."""

    def pid(self) -> int:
        return os.getpid()


def niceness(process: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, process)


def policy(process: int) -> int:
    return os.sched_getscheduler(process)


def test_all_but_the_replicas_step_back() -> None:
    kind: Any = ray.remote(Process).options(num_cpus=0)
    replica, other = kind.remote(), kind.remote()
    model, beside = ray.get([replica.pid.remote(), other.pid.remote()])
    before, mine = (niceness(model), policy(model)), niceness(os.getpid())
    with others_step_back([replica]):
        late = kind.remote()
        later = ray.get(late.pid.remote())
        end = time.monotonic() + 20
        while time.monotonic() < end and min(niceness(beside), niceness(later)) < 19:
            time.sleep(0.1)
        assert niceness(beside) == 19
        assert niceness(later) == 19
        assert (niceness(model), policy(model)) == before  # it decides that for its threads itself
        assert policy(beside) == policy(os.getpid()) == os.SCHED_BATCH
    assert niceness(os.getpid()) == mine  # so that what this process starts next is not behind


def test_a_replica_that_does_not_start_holds_nothing_up() -> None:
    class Broken:
        def __init__(self) -> None:
            raise RuntimeError("no")

        def pid(self) -> int:
            return 0

    with others_step_back([ray.remote(Broken).options(num_cpus=0).remote()]):
        pass
