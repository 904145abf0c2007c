"""``preprocess_cfg`` in the forms in which it is published, as open_clip understands them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.preprocessing import read_preprocessing
from actors.images.decode import to_input_size
from methods.errors import InputError
from tests.helpers.broken_images import picture
from tests.zoo_clip.tiny import tiny_folder

VISION = {"vision_cfg": {"image_size": 32}}


@pytest.mark.parametrize(
    "preprocess",
    [
        {},
        {"mean": 0.5, "std": 0.25, "interpolation": "bilinear", "resize_mode": "squash"},
        {"mean": [0, 0, 0], "std": [1, 1, 1], "resize_mode": "longest", "fill_color": 127},
        {"mean": None, "std": None, "interpolation": "random", "mode": "RGB"},
        {"size": 48, "fill_color": [7, 7, 7], "resize_mode": "shortest"},
        {"size": [48, 40], "mean": [0.5, 0.4, 0.3]},
    ],
)
def test_images_come_to_a_model_as_open_clip_prepares_them(
    tmp_path: Path, preprocess: dict[str, Any]
) -> None:
    """Its size is the tower's, whatever preprocess_cfg says."""
    name = tiny_folder(tmp_path / "clip", preprocess=preprocess)
    encoder = ClipEncoder(resolve_clip(name), device="cpu")
    *_, theirs = open_clip.create_model_and_transforms(f"local-dir:{name}")
    image = picture(90, 61)
    how = encoder.model_info.preprocessing
    pixels = torch.tensor(bytearray(to_input_size(image, how).tobytes()), dtype=torch.uint8)
    found = encoder.normalised(pixels.reshape(1, how.height, how.width, 3))
    assert torch.allclose(found[0], theirs(image), atol=1e-6)
    assert encoder.encode_pixels(pixels.reshape(1, 32, 32, 3).numpy()).shape == (1, 16)


def test_a_colour_of_the_padding_has_three_levels() -> None:
    how = read_preprocessing(VISION, {"fill_color": [1, 2, 3], "resize_mode": "longest"}, "x")
    assert to_input_size(Image.new("RGB", (64, 8)), how.preprocessing).getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("preprocess", "says"),
    [
        ({"interpolation": "area"}, "interpolation 'area'; open_clip knows bicubic, bilinear"),
        ({"resize_mode": "crop"}, "resize_mode 'crop'; open_clip knows shortest, longest, squash"),
        ({"mean": [0.5, 0.5]}, r"mean \[0.5, 0.5\]; give one number, or one a channel"),
        ({"std": "a"}, "std 'a'; give one number"),
        ({"std": [1, 1, -1]}, "must be above 0"),
        ({"fill_color": [1, 2]}, r"fill_color \[1, 2\]; give one level"),
        ({"mode": "L"}, "mode 'L'; open_clip knows RGB"),
    ],
)
def test_what_open_clip_would_not_take_is_told(preprocess: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"^--clip x: its preprocess_cfg has .*{says}|{says}"):
        read_preprocessing(VISION, preprocess, "--clip x")


def test_a_size_that_is_none() -> None:
    with pytest.raises(InputError, match="image_size 0; give pixels"):
        read_preprocessing({"vision_cfg": {"image_size": 0}}, {}, "--clip x")
