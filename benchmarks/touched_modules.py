"""Which modules of ours a command runs: the driver's, and those of every process of Ray.

    uv run python -m benchmarks.touched_modules -- label slac --images DIR --classes FILE --out RUN

A module counts if one of its functions is called; that it is imported does not. Printed in the
order of the first call in any process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("actors", "methods", "ray_jobs", "serve", "fieldguide")
HOOK = """
import os, sys, threading

root, out = os.environ["TOUCHED_ROOT"], open(os.environ["TOUCHED_OUT"], "a", buffering=1)
seen = set()

def note(frame, event, argument):
    code = frame.f_code
    if event != "call" or code.co_filename in seen:
        return
    seen.add(code.co_filename)
    if code.co_filename.startswith(root) and code.co_name != "<module>":
        out.write(code.co_filename[len(root) + 1 :] + "\\n")
    elif code.co_name == "<module>":
        seen.discard(code.co_filename)

sys.setprofile(note)
threading.setprofile(note)
"""


def touched(arguments: list[str]) -> tuple[int, list[str]]:
    """Run a command; returns its exit code and the modules, in the order of their first call."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(HOOK)
        out = Path(folder) / "modules.txt"
        out.touch()
        environment = {
            **os.environ,
            "TOUCHED_ROOT": str(ROOT),
            "TOUCHED_OUT": str(out),
            "PYTHONPATH": os.pathsep.join([folder, str(ROOT)]),
        }
        done = subprocess.run([sys.executable, "-m", "ray_jobs", *arguments], env=environment)
        lines = out.read_text().splitlines()
    ours = (line for line in lines if line.split("/")[0] in PACKAGES)
    return done.returncode, list(dict.fromkeys(ours))


def main() -> int:
    """Print the modules and how many they are."""
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if not arguments:
        print(__doc__)
        return 2
    code, modules = touched(arguments)
    print("\n".join(modules))
    print(f"{len(modules)} modules")
    return code


if __name__ == "__main__":
    sys.exit(main())
