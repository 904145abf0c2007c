"""Cores that may be used: those of the affinity, or fewer by the quota of a control group."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from actors.cores import usable_cores

ROOT = Path(__file__).parents[2]
V1 = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n"


def write(root: Path, files: dict[str, str]) -> Path:
    """A file system with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        # version 2: the group itself, one above it, the mount of a container, no quota
        ({"cgroup": "0::/a/b\n", "a/b/cpu.max": "200000 100000\n"}, 2),
        ({"cgroup": "0::/a/b\n", "a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000"}, 3),
        ({"cgroup": "0::/\n", "cpu.max": "150000 100000\n"}, 2),
        ({"cgroup": "0::/\n", "cpu.max": "10000 100000\n"}, 1),
        ({"cgroup": "0::/\n", "cpu.max": "max 100000\n"}, 8),
        ({"cgroup": "0::/\n", "cpu.max": "6400000 100000\n"}, 8),
        ({"cgroup": "0::/../../other\n", "cpu.max": "100000 100000\n"}, 1),
        ({"cgroup": "0::/\n", "cpu.max": "nonsense\n"}, 8),
        # version 1: the path of the host may not be there inside the container
        ({"cgroup": V1, "cpu,cpuacct/cpu.cfs_quota_us": "250000\n"}, 3),
        ({"cgroup": V1, "cpu/docker/a/cpu.cfs_quota_us": "100000\n"}, 1),
        ({"cgroup": V1, "cpu/cpu.cfs_quota_us": "-1\n"}, 8),
        ({"cgroup": "4:memory:/\n", "cpu/cpu.cfs_quota_us": "100000\n"}, 8),
    ],
)
def test_the_quota_of_a_control_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    tree = {}
    for name, text in files.items():
        tree["proc/self/cgroup" if name == "cgroup" else f"sys/fs/cgroup/{name}"] = text
        if name.endswith("quota_us"):
            period = name.replace("quota", "period")
            tree[f"sys/fs/cgroup/{period}"] = "100000\n"
    assert usable_cores(write(tmp_path, tree)) == cores


def test_of_this_machine_there_is_at_least_one() -> None:
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


def test_cores_are_counted_in_one_place() -> None:
    counting = re.compile(r"sched_getaffinity|cpu_count\(")
    folders = ("actors", "ray_jobs", "serve", "methods")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [p.name for p in modules if counting.search(p.read_text())] == ["cores.py"]
