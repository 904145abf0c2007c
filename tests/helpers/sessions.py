"""What a command that was started in a session of its own has left behind."""

from __future__ import annotations

import os
import time

import psutil


def left_of(session: int) -> list[str]:
    """Processes of a session, given a moment to go."""
    deadline = time.time() + 20
    while True:
        left = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == session and process.status() != "zombie":
                    left.append(" ".join(process.cmdline())[:80])
            except (OSError, psutil.Error):
                continue
        if not left or time.time() > deadline:
            return left
        time.sleep(0.2)
