"""Eighteen pictures as archives have them: photographs, and all that is odd about files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def _encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _samples() -> tuple[Image.Image, Image.Image]:
    """The two photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    temple, flower = load_sample_images().images
    return Image.fromarray(temple), Image.fromarray(flower)


def drawn(width: int, height: int, seed: int) -> Image.Image:
    """A smooth scene: sky over land, soft hills, a sun, a little grain."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    sky, land = random.uniform(60, 255, (2, 3))
    hills = 0.55 + sum(
        random.uniform(0.02, 0.08) * np.sin(6.28 * (k * x + random.uniform())) for k in (1, 2, 5)
    )
    over = 1 / (1 + np.exp(-80 * (y - hills)))[..., None]
    scene = sky * (1 - over) * (1 - 0.4 * y[..., None]) + land * over * (0.4 + 0.6 * y[..., None])
    place = random.uniform(0.1, 0.4, 2)
    sun = np.exp(-((x - 2 * place[0]) ** 2 + (y - place[1]) ** 2) / 0.004)[..., None]
    scene = scene + 160 * sun + random.normal(0, 3, (height, width, 1))
    return Image.fromarray(scene.clip(0, 255).astype(np.uint8))


def pictures() -> dict[str, bytes]:
    """File name to bytes; the same every time."""
    temple, flower = _samples()
    alpha = drawn(320, 240, 11).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    grey = np.asarray(drawn(300, 200, 12).convert("L"), np.uint16) * 257
    return {
        "temple.jpg": _encoded(temple),
        "flower.jpg": _encoded(flower),
        "temple-500.jpg": _encoded(temple.resize((500, 375))),
        "flower-portrait.jpg": _encoded(flower.crop((150, 0, 450, 400))),
        "temple-roof.png": _encoded(temple.crop((200, 40, 424, 264)), "PNG"),
        "flower-icon.png": _encoded(flower.resize((135, 97)), "PNG"),
        "valley.jpg": _encoded(drawn(800, 600, 3)),
        "coast.jpg": _encoded(drawn(375, 500, 4)),
        "desert.webp": _encoded(drawn(640, 360, 5), "WEBP"),
        "evening.jpg": _encoded(drawn(448, 448, 6)),
        "camera.jpg": _encoded(drawn(4000, 3000, 7), quality=85),
        "strip.png": _encoded(drawn(20, 3000, 8), "PNG"),
        "one-pixel.png": _encoded(Image.new("RGB", (1, 1), (200, 30, 60)), "PNG"),
        "grey.jpg": _encoded(flower.convert("L")),
        "cmyk.jpg": _encoded(temple.resize((400, 267)).convert("CMYK")),
        "alpha.png": _encoded(alpha, "PNG"),
        "palette.png": _encoded(flower.resize((320, 213)).convert("P"), "PNG"),
        "deep-grey.png": _encoded(Image.fromarray(grey), "PNG"),
    }


def write_pictures(folder: Path) -> Path:
    """An archive of these pictures and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in pictures().items():
        (folder / name).write_bytes(data)
    return folder
