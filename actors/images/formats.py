"""Formats of images that Pillow alone does not read: the extra that does, or that none does."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from PIL import Image, ImageFile, features

from actors.images.errors import ImageError
from methods.errors import one_line

_HEIF_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_JXL: Final = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a")
_CAMERAS: Final = (
    (b"FUJIFILMCCD-RAW", 0, "RAF (Fujifilm)"),
    (b"FOVb", 0, "X3F (Sigma)"),
    (b"\x00MRM", 0, "MRW (Minolta)"),
    (b"IIRO", 0, "ORF (Olympus)"),
    (b"IIRS", 0, "ORF (Olympus)"),
    (b"MMOR", 0, "ORF (Olympus)"),
    (b"IIU\x00", 0, "RW2 (Panasonic)"),
    (b"HEAPCCDR", 6, "CRW (Canon)"),
    (b"CR\x02\x00", 8, "CR2 (Canon)"),
    (b"ftypcrx ", 4, "CR3 (Canon)"),
)
"""First bytes of cameras' raw files, where they stand, and what they are called."""
_TIFF: Final = {b"II*\x00": "<", b"MM\x00*": ">"}
_PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG = 262, 271, 330, 50706
_COLOUR_FILTER: Final = frozenset((32803, 34892))
_ENTRIES: Final = 512
_MAKERS: Final = (("NIKON", "NEF (Nikon)"), ("SONY", "ARW (Sony)"), ("PENTAX", "PEF (Pentax)"))
LFS_POINTER: Final = b"version https://git-lfs"
"""How a file begins that Git LFS has left a pointer in place of."""
POINTS_ELSEWHERE: Final = "a pointer of Git LFS and not the file itself: run git lfs pull there"
_PLUGINS: Final = ("pillow_heif", "pillow_jxl")


@lru_cache(maxsize=1)
def register_plugins() -> Mapping[str, str]:
    """Let Pillow read what installed packages read; an absent one is told where it is wanted.

    Returns:
        Why an installed one cannot be used, by its name.
    """
    broken: dict[str, str] = {}
    for name in _PLUGINS:
        if find_spec(name) is None:
            continue
        try:
            plugin = import_module(name)  # pillow_jxl registers itself
            if name == "pillow_heif":
                plugin.register_heif_opener()
        except Exception as error:  # built for another Pillow, or a library of the system lacks
            broken[name] = one_line(error)
    return broken


def decoder_wanted(data: bytes) -> ImageError | None:
    """What is wrong with an image that Pillow does not know, where its format is one of a plugin.

    Without the plugin, or where that cannot be loaded, the format is unsupported; with it the bytes
    are broken. None where nothing is known.
    """
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in _HEIF_BRANDS:
            return _of_plugin(f"HEIC (brand {brand.decode('ascii')})", "heif", "pillow_heif")
        if brand in _AVIF_BRANDS:
            return ImageError(*_OF_AVIF[bool(features.check("avif"))])
    if data.startswith(_JXL):
        return _of_plugin("JPEG XL", "jxl", "pillow_jxl")
    return None


_OF_AVIF: Final = {
    True: ("corrupt", "AVIF whose header cannot be read"),
    False: ("unsupported_format", "AVIF, which this build of Pillow does not read"),
}


def _of_plugin(what: str, extra: str, package: str) -> ImageError:
    if find_spec(package) is None:
        wanted = f"{what}, whose decoder is not installed: pip install 'onoma[{extra}]'"
        return ImageError("unsupported_format", wanted)
    if (why := register_plugins().get(package)) is not None:
        return ImageError("unsupported_format", f"{what}, whose decoder cannot be loaded: {why}")
    return ImageError("corrupt", f"{what} that its decoder, {package}, cannot read")


def is_pixels(image: Image.Image) -> bool:
    """Whether Pillow decodes an image by itself.

    EPS is a program that Ghostscript would run, whatever the name of the file; of WMF, GRIB and
    such ones Pillow knows the beginning only.
    """
    return image.format != "EPS" and not isinstance(image, ImageFile.StubImageFile)


def is_cut(data: bytes) -> bool:
    """Whether a file says of itself that it is longer: RIFF (WebP), and boxes (AVIF, HEIC, JP2)."""
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b""):
        return len(data) < 8 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data)
    of_images = data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS | _AVIF_BRANDS
    if not of_images and data[4:8] != b"jP  ":
        return False
    at = 0
    while at + 8 <= len(data):
        size = int(struct.unpack_from(">I", data, at)[0])
        if size == 0:  # up to the end
            return False
        if size == 1:
            size = int(struct.unpack_from(">Q", data, at + 8)[0]) if at + 16 <= len(data) else 16
        at += max(size, 8)
    return at > len(data)


def jpeg_scans(data: bytes) -> int:
    """How many scans a JPEG has; each is decoded over the whole image, however few bytes it has."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda" and at + 4 <= len(data):
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])  # a thumbnail has scans of its own
    end = data.find(b"\xff\xd9", at)
    return data.count(b"\xff\xda", at, end if end >= 0 else len(data))


def camera_raw(data: bytes) -> str | None:
    """A sentence on a camera's raw file, by its bytes; None for anything else.

    Most are TIFF files: those with a colour filter array in a directory, or with a DNG version.
    """
    for begins, at, name in _CAMERAS:
        if data[at : at + len(begins)] == begins:
            return _of_camera(name)
    order = _TIFF.get(data[:4])
    if order is None:
        return None
    try:
        kind = _raw_tiff(data, order)
    except (struct.error, IndexError, ValueError):  # its decoder says what is wrong
        return None
    return None if kind is None else _of_camera(kind)


def _of_camera(name: str) -> str:
    return (
        f"a camera's raw file, {name}: it has to be developed first; give JPEG, PNG or TIFF files "
        "made of it"
    )


def _raw_tiff(data: bytes, order: str) -> str | None:
    """The name of a raw file that is a TIFF, None for a plain one."""
    waiting, seen = [struct.unpack_from(f"{order}I", data, 4)[0]], set[int]()
    found = _Directories()
    while waiting and len(seen) < 16:
        at = waiting.pop(0)
        if at in seen or not at:
            continue
        seen.add(at)
        try:
            waiting += _one_directory(data, order, at, found)
        except struct.error:  # it is cut off: what is left would be shown as the image
            found.cut = True
        if found.is_dng:
            return "DNG"
    maker = next((name for maker, name in _MAKERS if found.make.startswith(maker)), None)
    if found.is_raw:
        return maker or "of TIFF's kind"
    return maker if found.cut and len(seen) > 1 else None


@dataclass
class _Directories:
    """What the directories of a TIFF say."""

    make: str = ""
    is_raw: bool = False
    is_dng: bool = False
    cut: bool = False


def _one_directory(data: bytes, order: str, at: int, found: _Directories) -> list[int]:
    """Look at a directory; returns where those below it are."""
    below: list[int] = []
    count = min(struct.unpack_from(f"{order}H", data, at)[0], _ENTRIES)
    for entry in range(count):
        place = at + 2 + 12 * entry
        tag, kind, many, value = struct.unpack_from(f"{order}HHII", data, place)
        short = struct.unpack_from(f"{order}H", data, place + 8)[0] if kind == 3 else value
        if tag == _DNG:
            found.is_dng = True
        elif tag == _PHOTOMETRIC and short in _COLOUR_FILTER:
            found.is_raw = True
        elif tag == _MAKE and kind == 2 and many < 100:
            found.make = data[value : value + many].decode("latin-1").upper()
        elif tag == _SUB_IFDS and kind in (4, 13):
            below += [value] if many == 1 else _offsets(data, order, value, many)
    return below


def _offsets(data: bytes, order: str, at: int, many: int) -> list[int]:
    return list(struct.unpack_from(f"{order}{min(many, 16)}I", data, at))
