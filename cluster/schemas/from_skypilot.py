"""Make ``skypilot.json``: what SkyPilot takes as a task.

    uv run --no-project --with pyyaml --with skypilot==0.14.1 \\
        python cluster/schemas/from_skypilot.py

SkyPilot has its schema as Python, strict already but for names whose case it ignores.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from from_crds import Schema, text_of


def main() -> int:
    """Write ``skypilot.json`` beside this file."""
    os.environ.setdefault("SKYPILOT_DISABLE_USAGE_COLLECTION", "1")
    from sky.utils.schemas import get_resources_schema, get_task_schema

    schema: Schema = get_task_schema()
    schema["properties"]["resources"] = get_resources_schema()  # which SkyPilot checks by itself
    out = Path(__file__).with_name("skypilot.json")
    out.write_text(text_of({"Task": schema}), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
