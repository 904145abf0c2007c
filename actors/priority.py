"""Processes that share a machine's cores with a model step back behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

BESIDE_A_MODEL: Final = 15
"""Niceness of stages that read and decode while a model runs on the same cores: they fill the gaps
and do not stall its threads, which wait for each other."""

BEHIND_HTTP: Final = 5
"""Niceness of a model on the cores that requests are read on: who is refused hears it soon."""


def step_back(niceness: int | None) -> None:
    """Lower this process's priority to ``niceness``, if it is higher; None leaves it as it is."""
    if niceness is not None and os.getpriority(os.PRIO_PROCESS, 0) < niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


def threads_of(process: int) -> set[int]:
    """Ids of a process's threads; none if it has ended, or where the system does not say."""
    with suppress(OSError):
        return {int(name) for name in os.listdir(Path("/proc", str(process), "task"))}
    return set()


def push_back(threads: Iterable[int], niceness: int) -> None:
    """Lower the priority of threads of ours; what they start later takes after them."""
    for thread in threads:
        with suppress(OSError):  # it has ended
            if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
                os.setpriority(os.PRIO_PROCESS, thread, niceness)


def interrupt_nobody(threads: Iterable[int]) -> None:
    """Let threads of ours run when a core is free or their turn comes, not as soon as they wake.

    Linux calls it the batch policy: their share of the cores stays, and what they start takes after
    them. A thread that looks around a hundred times a second otherwise stops a computation each
    time, and with it all threads that wait for that one.
    """
    _schedule(threads, "SCHED_BATCH", "SCHED_OTHER")


def interrupt_others() -> None:
    """Take back `interrupt_nobody` for this thread, and what it starts from now on."""
    _schedule([0], "SCHED_OTHER", "SCHED_BATCH")


def only_when_idle(threads: Iterable[int]) -> None:
    """Let threads of ours, which do nothing of use, run when nothing else wants their core."""
    _schedule(threads, "SCHED_IDLE")


def _schedule(threads: Iterable[int], policy: str, instead_of: str | None = None) -> None:
    """Give threads a scheduling policy, or those that have a certain other one; on Linux."""
    wanted = getattr(os, policy, None)
    if wanted is None:
        return
    for thread in threads:
        with suppress(OSError):  # it has ended, or must not
            if instead_of is None or os.sched_getscheduler(thread) == getattr(os, instead_of):
                os.sched_setscheduler(thread, wanted, os.sched_param(0))
