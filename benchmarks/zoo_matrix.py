"""The table of docs/models.md: each architecture of the zoo asked by Onoma and by plain vLLM.

    uv run python -m benchmarks.zoo_matrix [NAME ...]

A process for each model, a start of vLLM each; a model that does not start has its last line of
error instead of figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.zoo.models import ZOO
from tests.zoo.pictures import pictures

HEAD = (
    "| model | architecture | runs here | equal to plain vLLM | tokens a picture: "
    "500x375 / 4000x3000 / the same with `--max-side 4096` | needs |\n|---|---|---|---|---|---|"
)


def measure(name: str, cache: Path) -> dict[str, Any] | str:
    """What `tests.zoo.asking` found, or how it ended."""
    command = [sys.executable, "-m", "tests.zoo.asking", str(cache), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(found[0]) if found else (done.stderr.strip().splitlines() or ["?"])[-1]


def row(name: str, found: dict[str, Any] | str) -> str:
    """A model's line of the table."""
    model, count = ZOO[name], len(pictures())
    if isinstance(found, str):
        return f"| {name} | `{model.architecture}` | no: {found[:120]} | | | {model.needs} |"
    parts = [found[key] for key in ("ids", "tensors", "answers")]
    equal = f"{count} of {count}" if parts == [count] * 3 else "prompts {}, tensors {}, answers {}"
    tokens = " / ".join(f"{each:,}" for each in found["tokens"])
    needs = "; ".join(filter(None, [model.needs, "it thinks" if model.thinks else ""]))
    shown = equal.format(*parts)
    return f"| {name} | `{model.architecture}` | yes | {shown} | {tokens} | {needs} |"


def main() -> None:
    print(HEAD)
    with tempfile.TemporaryDirectory() as cache:
        for name in sys.argv[1:] or ZOO:
            print(row(name, measure(name, Path(cache))), flush=True)


if __name__ == "__main__":
    main()
