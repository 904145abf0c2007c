"""A classifier and its CLIP model: found again, by whichever version it was made, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fieldguide
from actors.classifier_store import clip_of
from actors.clip.model import resolve_clip
from methods.classifier import Classifier
from methods.errors import InputError
from tests.zoo_clip.tiny import rewrite_config

FIELD_GUIDE_OF_0_2 = "files:0df2e68b506dcfcdbe52365e7898ab25"
"""What versions 0.1 and 0.2 wrote into every classifier of the built-in model."""


def made_for(name: str, fingerprint: str, width: int = 512) -> Classifier:
    clip: dict[str, Any] = {"name": name, "fingerprint": fingerprint, "embed_dim": width}
    matrix = np.eye(2, width, dtype=np.float32)
    return Classifier(("a", "b"), matrix, clip, "zero_shot", 1.0)


def test_a_field_guide_classifier_of_an_earlier_version_is_taken(tmp_path: Path) -> None:
    old = made_for("fieldguide", FIELD_GUIDE_OF_0_2)
    assert clip_of(old, None, "dir") == resolve_clip("fieldguide")
    shutil.copytree(fieldguide.CLIP_FOLDER, tmp_path / "copy")
    copy = str(tmp_path / "copy")
    assert clip_of(old, copy, "dir").fingerprint == resolve_clip("fieldguide").fingerprint
    assert clip_of(made_for("fieldguide", resolve_clip("fieldguide").fingerprint), copy, "dir")


def test_what_cannot_be_decided_is_refused(tmp_path: Path) -> None:
    shutil.copytree(fieldguide.CLIP_FOLDER, tmp_path / "copy")
    copy = str(tmp_path / "copy")
    rewrite_config(copy)
    assert clip_of(made_for("x", resolve_clip("fieldguide").fingerprint), copy, "dir")
    with pytest.raises(InputError, match=r"made by an earlier version.*fit it again"):
        clip_of(made_for("x", FIELD_GUIDE_OF_0_2), copy, "dir")
    with pytest.raises(InputError, match=r"made for the CLIP model x \(512 wide\).*other weights"):
        clip_of(made_for("x", "files:0df2e68b506dcfcd0123456789abcdef"), copy, "dir")
    rewrite_config(copy, preprocess_cfg={"resize_mode": "squash"})
    new = made_for("x", resolve_clip("fieldguide").fingerprint)
    with pytest.raises(InputError, match="has other preprocessing or architecture; leave --clip"):
        clip_of(new, copy, "dir")
