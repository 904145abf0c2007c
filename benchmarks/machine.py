"""The machine and the versions a measurement was taken on."""

from __future__ import annotations

import platform
from importlib.metadata import version

from actors.cores import usable_cores


def describe() -> str:
    """One line for the head of a benchmark's table."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.partition(":")[2].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        pass
    cores = usable_cores()
    packages = ", ".join(f"{name} {version(name)}" for name in ("ray", "torch", "open_clip_torch"))
    return f"{cores} cores ({model}), Python {platform.python_version()}, {packages}"
