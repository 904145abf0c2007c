"""open_clip without transformers, and with it where a text tower needs it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from actors.clip.open_clip_library import import_open_clip
import_open_clip()
from open_clip import hf_model
assert hf_model.transformers is None and "transformers" not in sys.modules
import transformers
import_open_clip(hub_text=True)
assert hf_model.transformers is transformers
from open_clip.model import HFTextEncoder
assert HFTextEncoder.__init__.__globals__["AutoModel"] is transformers.AutoModel
print("fine")
"""


def test_transformers_comes_when_it_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout.strip() == "fine", done.stderr
