"""What tests of jobs share: an archive that says nothing of what its images show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def blind(birds: Path, tmp_path: Path) -> Path:
    """A copy of the drawn archive that has its ``images`` and no other file: no truth, no names."""
    folder = tmp_path / "blind"
    shutil.copytree(birds / "images", folder / "images")
    return folder
