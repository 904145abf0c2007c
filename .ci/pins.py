#!/usr/bin/env python3
"""Write the versions of uv.lock into pyproject.toml, as what uv and the image's build are held to.

    .ci/pins.py             the versions that uv.lock has now
    .ci/pins.py --upgrade   the newest ones that fit together; run all tests before committing them

uv.lock itself is not committed: it says where packages were taken from, which differs from place
to place. Packages that it has in several versions, because the builds of vLLM or versions of Python
want different ones, are left to the resolver.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = re.compile(r"(?ms)^constraint-dependencies = \[\n.*?^\]\n")


def pins(lock: str) -> list[str]:
    """`name==version` of every package of a lock file that comes from a registry in one version."""
    versions = defaultdict(set)
    for package in tomllib.loads(lock)["package"]:
        if "registry" in package["source"]:
            versions[package["name"]].add(package["version"])
    # vLLM's version is said once, in the extra and in engine/build.py
    versions.pop("vllm", None)
    return [f"{name}=={min(found)}" for name, found in sorted(versions.items()) if len(found) == 1]


def main() -> None:
    project = ROOT / "pyproject.toml"
    before = project.read_text("utf-8")
    try:
        if "--upgrade" in sys.argv[1:]:
            project.write_text(LIST.sub("constraint-dependencies = [\n]\n", before), "utf-8")
        command = ["uv", "lock", *sys.argv[1:]]
        subprocess.run(command, cwd=ROOT, check=True)
        lines = [f'    "{pin}",\n' for pin in pins((ROOT / "uv.lock").read_text("utf-8"))]
        listed = f"constraint-dependencies = [\n{''.join(lines)}]\n"
        project.write_text(LIST.sub(lambda _: listed, before), "utf-8")
        subprocess.run(["uv", "lock"], cwd=ROOT, check=True)
    except BaseException:
        project.write_text(before, "utf-8")
        raise


if __name__ == "__main__":
    main()
