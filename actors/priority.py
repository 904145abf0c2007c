"""Processes that share a machine's cores with a model step back behind it."""

from __future__ import annotations

import os
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


def push_back(process: int, niceness: int, main_thread: bool = True) -> None:
    """Lower the priority of the threads of a process of ours; one that has ended is left alone.

    Processes that it starts later take after the thread that starts them: without its
    ``main_thread``, a process keeps its place for what comes next.
    """
    with suppress(OSError):
        threads = {int(name) for name in os.listdir(Path("/proc", str(process), "task"))}
        for thread in threads if main_thread else threads - {process}:
            if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
                os.setpriority(os.PRIO_PROCESS, thread, niceness)
