"""Pillow's limit of pixels: raised to ours, never lowered, and still there behind it."""

from __future__ import annotations

import pytest
from PIL import Image

from actors.compat.pillow import allow_pixels, refused_pixels
from actors.images.decode import decode_image
from actors.images.errors import ImageError
from tests.helpers.broken_images import png_header

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")


def test_the_limit_is_raised_and_never_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    allow_pixels(2000)
    assert Image.MAX_IMAGE_PIXELS == 2000
    allow_pixels(10)
    assert Image.MAX_IMAGE_PIXELS == 2000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    allow_pixels(10)
    assert Image.MAX_IMAGE_PIXELS is None, "whoever took it away wants none"


def test_what_pillow_refuses_says_how_many_pixels_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Image.DecompressionBombError) as caught:
        Image._decompression_bomb_check((30, 90))
    assert refused_pixels(caught.value) == "2700"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [12_000, 30_000])
def test_bombs_are_rows_whoever_refuses_them(side: int) -> None:
    with pytest.raises(ImageError, match="pixels; the limit is 120000000 in all") as caught:
        decode_image(png_header(side, side))
    assert caught.value.code == "too_many_pixels"
