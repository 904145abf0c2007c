"""How many cores this process may use, the one place that counts them, and how they are shared."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SHORT_SPIN: Final = {"GOMP_SPINCOUNT": "10000"}
"""Environment in which an idle thread of OpenMP (GNU's, which torch brings) sleeps after a tenth of
a millisecond. By default it spins for several, in the hope of work: as long as the system lets a
process run at all, so on cores that several models share each keeps the others from the work that
it waits for. Never to spin costs small models a fifth of their speed and more. Measured:
``python -m benchmarks.waiting_threads``."""
SPIN_VARIABLES: Final = frozenset({"OMP_WAIT_POLICY", *SHORT_SPIN})
"""By which a user says how idle threads wait."""


def spin_environment() -> dict[str, str]:
    """What to set so that threads spin briefly: nothing where the user says how they wait."""
    return {} if SPIN_VARIABLES & set(os.environ) else dict(SHORT_SPIN)


@contextmanager
def short_spin() -> Iterator[None]:
    """Have idle threads spin briefly in the processes that start meanwhile."""
    mine = spin_environment()
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            del os.environ[name]


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may keep busy: those it may run on, or fewer by a container's quota.

    A container with ``--cpus 2`` on a machine with 64 cores may run on all of them, for two cores'
    time: with a thread for each it would be stopped most of the time.

    Args:
        root: of the file system that holds ``proc`` and ``sys``.

    Returns:
        At least 1; a part of a core counts as one.
    """
    most = len(os.sched_getaffinity(0))
    return max(1, min([most, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Cores of time that each control group above this process allows."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            mounts, read = [root / "sys/fs/cgroup"], _quota_of_v2
        elif "cpu" in controllers.split(","):
            mounts = [root / "sys/fs/cgroup" / name for name in (controllers, "cpu")]
            read = _quota_of_v1
        else:
            continue
        for mount in mounts:
            # inside a container the path may be the host's, and its own group is the mount itself
            for folder in _upwards(path):
                if (quota := read(mount / folder)) is not None:
                    yield quota


def _upwards(path: str) -> Iterator[str]:
    """A group and those above it, relative to the mount; never outside of it."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for count in range(len(parts), -1, -1):
        yield "/".join(parts[:count])


def _quota_of_v2(folder: Path) -> float | None:
    """Of ``cpu.max``: ``max 100000`` is none, ``150000 100000`` is 1.5."""
    words = _text(folder / "cpu.max").split()
    return _cores(words[0], words[1]) if len(words) == 2 else None


def _quota_of_v1(folder: Path) -> float | None:
    """Of ``cpu.cfs_quota_us``, -1 for none, and ``cpu.cfs_period_us``."""
    return _cores(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _cores(quota: str, period: str) -> float | None:
    try:
        allowed, of = int(quota), int(period)
    except ValueError:  # max, or no such file
        return None
    return allowed / of if allowed > 0 and of > 0 else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
