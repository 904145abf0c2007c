"""open_clip, imported without transformers where no model needs it.

When open_clip is imported it tries to import transformers too, for text towers that come from there
and for CoCa's beam search, and does without where that is not installed. The attempt takes longer
than everything else that a replica of CLIP imports after torch, so it is told that there is none;
tokenizers that need transformers import it when they are made.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from actors.loading import without_collection


def import_open_clip(hub_text: bool = False) -> Any:
    """Import open_clip; with ``hub_text`` also what text towers of transformers need."""
    if "open_clip" not in sys.modules:
        with (
            without_collection(),
            nullcontext() if hub_text else _told_not_installed("transformers"),
        ):
            import open_clip
    import open_clip
    from open_clip import hf_model

    if hub_text and hf_model.transformers is None:
        importlib.reload(hf_model)
    return open_clip


@contextmanager
def _told_not_installed(package: str) -> Iterator[None]:
    """Let imports of a package fail, unless it is there already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
