"""How a replica reads images: the settings of reading reach the decoder."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from actors.clip.model import resolve_clip
from actors.images.decode import input_pixels
from serve.classifiers import Classifiers
from serve.settings import EndpointSettings


def turned() -> bytes:
    """A photograph that lies on its side, and whose EXIF says so."""
    picture = Image.fromarray(np.tile(np.linspace(0, 255, 900, dtype=np.uint8), (600, 1)))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("as_stored", [False, True])
def test_images_are_turned_unless_they_are_taken_as_stored(as_stored: bool) -> None:
    how = resolve_clip("fieldguide").preprocessing
    replica: Any = Classifiers(EndpointSettings(as_stored=as_stored))
    replica._encoder = SimpleNamespace(model_info=SimpleNamespace(preprocessing=how))
    pixels = replica._pixels(turned())
    assert (pixels == input_pixels(turned(), how, as_stored=as_stored)).all()
    along, across = (pixels[..., 0].astype(float).std(axis=axis).mean() for axis in (1, 0))
    assert (along > across) == as_stored, "the gradient runs along rows as it is stored"
