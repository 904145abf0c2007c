"""Models small enough for the tests of names and files: one layer a tower."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.zoo_clip.folders import save_model


def tiny_config(**changes: Any) -> dict[str, Any]:
    """A ``model_cfg``; ``vision_cfg`` and ``text_cfg`` are added to what is there."""
    config: dict[str, Any] = {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16,
        },
        "text_cfg": {"context_length": 24, "width": 32, "heads": 2, "layers": 1},
    }  # fmt: skip
    for part in ("vision_cfg", "text_cfg"):
        config[part].update(changes.pop(part, {}))
    return {**config, **changes}


def tiny_folder(
    folder: Path, seed: int = 0, preprocess: dict[str, Any] | None = None, **changes: Any
) -> str:
    """Save a random model of such a configuration; returns its name."""
    folder.mkdir(parents=True)
    return save_model(tiny_config(**changes), preprocess or {}, folder, seed=seed)


def rewrite_config(folder: str, **changes: Any) -> None:
    """Change parts of a folder's ``open_clip_config.json``, and how it is written."""
    path = Path(folder) / "open_clip_config.json"
    whole = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(whole, indent=7, sort_keys=True))
