"""Files as real archives have them, good and bad."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A smooth picture: red grows to the right, green downwards."""
    x = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], -1)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode a picture."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and has no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


def deep_grey() -> bytes:
    """A 16-bit grey PNG of medium brightness."""
    return encoded(Image.fromarray(np.full((30, 30), 32896, np.uint16)), "PNG")


def turned() -> bytes:
    """A JPEG whose EXIF says: turn me by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(picture(), "JPEG", exif=exif)


def animated() -> bytes:
    """A GIF whose first frame is red and whose second is blue."""
    red, blue = (Image.new("RGB", (40, 40), c) for c in ("red", "blue"))
    return encoded(red, "GIF", save_all=True, append_images=[blue])


JPEG = encoded(picture(), "JPEG")
PNG = encoded(picture(), "PNG")
TRANSPARENT = encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG")

FILES: dict[str, tuple[bytes, str | None]] = {
    "empty.jpg": (b"", "empty_file"),
    "text.jpg": (b"this is no image, whatever its name says\n", "not_an_image"),
    "truncated.jpg": (JPEG[: len(JPEG) // 2], "truncated"),
    "truncated.png": (PNG[: len(PNG) // 2], "truncated"),
    "corrupt-header.jpg": (JPEG[:20] + b"\x00" * 500, "corrupt"),
    "corrupt-header.png": (PNG[:8] + b"\x07" * 200, "corrupt"),
    "huge.png": (png_header(30_000, 30_000), "too_many_pixels"),
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64, "unsupported_format"),
    "one-pixel.png": (encoded(picture(1, 1), "PNG"), None),
    "thin.png": (encoded(picture(3, 3000), "PNG"), None),
    "animated.gif": (animated(), None),
    "cmyk.jpg": (encoded(picture(mode="CMYK"), "JPEG"), None),
    "grey.jpg": (encoded(picture(mode="L"), "JPEG"), None),
    "deep.png": (deep_grey(), None),
    "palette.png": (encoded(picture(mode="P"), "PNG"), None),
    "alpha.png": (TRANSPARENT, None),
    "turned.jpg": (turned(), None),
    "image.webp": (encoded(picture(), "WEBP"), None),
    "image.avif": (encoded(picture(), "AVIF"), None),
    "image.tif": (encoded(picture(), "TIFF"), None),
    "two  spaces 'and' \"quotes\".jpg": (JPEG, None),
    "new\nline.jpg": (JPEG, None),
    "emoji-\U0001f99c.jpg": (JPEG, None),
    "x" * 251 + ".jpg": (JPEG, None),
    "same-content.jpg": (JPEG, None),
}
"""Name -> (bytes, expected error or None)."""


def archive_of_files(folder: Path) -> Path:
    """Make a folder that holds all of them and nothing else."""
    folder.mkdir()
    for name, (data, _) in FILES.items():
        (folder / name).write_bytes(data)
    return folder
