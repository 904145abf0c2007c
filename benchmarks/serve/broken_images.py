"""Broken images: those of the tests, and as many more as a seed can make.

Each is a name, its bytes and what the endpoint may answer: 200 where the file is an image after
all, 422 where it is none. Damage at random (flips, cuts, splices) may leave an image readable, so
either will do; an announced size that nobody should decode must be refused.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image
from tests.actors.broken_images import FILES, JPEG, PNG, encoded, picture, png_header

READ, REFUSED, EITHER = (200,), (422,), (200, 422)
_HUGE = (20_000, 30_000, 65_500)


class ImageFile(NamedTuple):
    """One file to send.

    Attributes:
        name: for the multipart body.
        data: the file.
        statuses: what the endpoint may answer.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]


def _good_files() -> list[bytes]:
    kinds = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "ICO", "AVIF", "JPEG2000", "TGA")
    files = []
    for kind in kinds:
        files += [encoded(picture(48, 48), kind), encoded(picture(160, 90), kind)]
    progressive = encoded(picture(), "JPEG", progressive=True)
    return [*files, progressive, encoded(picture(mode="CMYK"), "JPEG"), JPEG, PNG]


GOOD = _good_files()


def known(rng: random.Random) -> ImageFile:
    """One of the tests' files."""
    name, (data, error) = rng.choice(list(FILES.items()))
    return ImageFile(name.replace("\n", " ").replace('"', "'"), data, REFUSED if error else READ)


def truncated(rng: random.Random) -> ImageFile:
    """The beginning of an image."""
    data = rng.choice(GOOD)
    return ImageFile("cut.jpg", data[: rng.randrange(len(data))], EITHER)


def flipped(rng: random.Random) -> ImageFile:
    """An image with some bits flipped, often in its header."""
    data = bytearray(rng.choice(GOOD))
    end = min(len(data), rng.choice((32, 200, len(data))))
    for _ in range(rng.choice((1, 3, 20))):
        data[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return ImageFile("flipped.jpg", bytes(data), EITHER)


def spliced(rng: random.Random) -> ImageFile:
    """The beginning of one image and the end of another."""
    first, second = rng.sample(GOOD, 2)
    middle = rng.randrange(len(second))
    return ImageFile("spliced.png", first[: rng.randrange(len(first))] + second[middle:], EITHER)


def noise(rng: random.Random) -> ImageFile:
    """Random bytes, sometimes after the signature of an image format."""
    start = rng.choice(
        (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP")
    )
    return ImageFile("noise", start + rng.randbytes(rng.choice((0, 1, 7, 500, 50_000))), REFUSED)


def zeros(rng: random.Random) -> ImageFile:
    """Nothing, or zero bytes."""
    return ImageFile("zeros.jpg", bytes(rng.choice((0, 1, 16, 100_000))), REFUSED)


def huge_header(rng: random.Random) -> ImageFile:
    """A header that announces a size nobody should decode."""
    side = rng.choice(_HUGE)
    jpeg = bytearray(JPEG)
    frame = jpeg.find(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    bmp = bytearray(encoded(picture(), "BMP"))
    bmp[18:26] = struct.pack("<ii", side, side)
    canvas = (
        struct.pack("<I", 0)[:4] + struct.pack("<I", 16_383)[:3] + struct.pack("<I", 16_383)[:3]
    )
    webp = b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    gif = bytearray(encoded(picture(), "GIF"))
    gif[6:10] = struct.pack("<HH", side, side)
    data = rng.choice((png_header(side, side), bytes(jpeg), bytes(bmp), webp, bytes(gif)))
    return ImageFile("huge.jpg", data, REFUSED)


def _bomb(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG", optimize=True)
    return out.getvalue()


BOMB = _bomb(16_000)


def bomb(_: random.Random) -> ImageFile:
    """A whole PNG of 256 million pixels in a few kilobytes."""
    return ImageFile("bomb.png", BOMB, REFUSED)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


_PACKED = zlib.compress(bytes(50_000_000), 9)


def metadata_bomb(rng: random.Random) -> ImageFile:
    """A PNG whose text or profile unpacks to 50 MB, or one of thousands of chunks."""
    extra = rng.choice(
        (
            _chunk(b"zTXt", b"Comment\0\0" + _PACKED),
            _chunk(b"iCCP", b"icc\0\0" + _PACKED),
            _chunk(b"tEXt", b"k\0v") * 20_000,
        )
    )
    return ImageFile("metadata.png", PNG[:33] + extra + PNG[33:], EITHER)


def polyglot(rng: random.Random) -> ImageFile:
    """An image that is something else as well, and something else that says it is an image."""
    page = b"<html><script>alert(1)</script></html>"
    archive = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) (r) file run\n"
    choices = [
        ImageFile("image.jpg", JPEG + page, READ),
        ImageFile("image.png", PNG + archive, READ),
        ImageFile("page.html", JPEG, READ),
        ImageFile("evil.jpg", page, REFUSED),
        ImageFile("evil.jpg", svg, REFUSED),
        ImageFile("evil.jpg", script, REFUSED),
        ImageFile("evil.jpg", b"%PDF-1.7\n" + JPEG, EITHER),
        ImageFile("evil.jpg", archive + JPEG, EITHER),
    ]
    return rng.choice(choices)


def odd_shape(rng: random.Random) -> ImageFile:
    """A good image of an extreme shape or mode."""
    size = rng.choice(((1, 1), (1, 4000), (4000, 1), (2, 2), (223, 225)))
    mode = rng.choice(("RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F"))
    image = Image.new("L", size, 128).convert("L" if mode == "I;16" else mode)
    kind = {"CMYK": "JPEG", "F": "TIFF"}.get(mode, "PNG")
    return ImageFile("odd.png", encoded(image, kind), READ)


MAKERS: tuple[Callable[[random.Random], ImageFile], ...] = (
    *(known, truncated, truncated, flipped, flipped, flipped, spliced, noise, zeros),
    *(huge_header, huge_header, polyglot, odd_shape),
)
"""Kinds of files, as often as they are sent; `bomb` and `metadata_bomb` are costlier."""
COSTLY = (bomb, metadata_bomb)


def broken_image(rng: random.Random) -> ImageFile:
    """Make one."""
    makers = COSTLY if rng.random() < 0.01 else MAKERS
    return rng.choice(makers)(rng)
