"""The field guide: a small world drawn offline, and the tiny models that know it and nothing else.

`world` and `scenes` hold the facts, `archive` writes images with their truth. `clip/` is an
open_clip model folder and `mllm/` a LLaVA model folder, both trained from scratch on other images
of the same world. `second` is its second edition, larger and harder, with models of its own.
"""

from pathlib import Path
from typing import Final, NamedTuple

CLIP_FOLDER: Final = Path(__file__).parent / "clip"
MLLM_FOLDER: Final = Path(__file__).parent / "mllm"


class EditionModels(NamedTuple):
    """The folders of an edition's two models."""

    clip: Path
    mllm: Path


_SECOND: Final = Path(__file__).parent / "second"
EDITIONS: Final = {
    "fieldguide": EditionModels(CLIP_FOLDER, MLLM_FOLDER),
    "fieldguide-2": EditionModels(_SECOND / "clip", _SECOND / "mllm"),
}
"""Models by the name that ``--clip`` and ``--mllm`` know them by."""

__all__ = ["CLIP_FOLDER", "EDITIONS", "MLLM_FOLDER", "EditionModels"]
