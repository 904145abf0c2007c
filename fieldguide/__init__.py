"""The field guide: a small world drawn offline, and the tiny models that know it and nothing else.

`world` and `scenes` hold the facts, `archive` writes images with their truth. `clip/` is an
open_clip model folder and `mllm/` a LLaVA model folder, both trained from scratch on other images
of the same world.
"""

from pathlib import Path
from typing import Final

CLIP_FOLDER: Final = Path(__file__).parent / "clip"
MLLM_FOLDER: Final = Path(__file__).parent / "mllm"

__all__ = ["CLIP_FOLDER", "MLLM_FOLDER"]
