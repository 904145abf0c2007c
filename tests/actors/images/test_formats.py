"""As many kinds of broken and odd image files as can be drawn: each gets its row."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from actors.images.decode import Preprocessing, decode, decode_image
from actors.images.errors import ImageError
from actors.images.fetch import fetch
from actors.images.formats import (
    camera_raw,
    decoder_wanted,
    is_cut,
    jpeg_scans,
    register_plugins,
)
from methods.errors import ROW_CODES
from ray_jobs.runs.manifest import read_manifest, write_manifest
from tests.helpers.broken_images import FILES, animated, encoded, picture, png_header, turned

HOW = Preprocessing(16, 16)
SIDES = (0.02, 0.2, 0.5, 0.8, 0.97)


def tiff_of(order: str, *entries: tuple[int, int, int, int], text: bytes = b"") -> bytes:
    """A TIFF of one directory, with a text behind it at byte 200."""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    body = struct.pack(f"{order}H", len(entries))
    for tag, kind, many, value in entries:
        cell = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        body += struct.pack(f"{order}HHI", tag, kind, many) + cell
    data = mark + struct.pack(f"{order}I", 8) + body + b"\0" * 4
    return data.ljust(200, b"\0") + text.ljust(400, b"\0")


def bayer(order: str, make: bytes) -> bytes:
    """A raw file as cameras write them: a directory with a colour filter array."""
    return tiff_of(order, (262, 3, 1, 32803), (271, 2, len(make), 200), text=make)


NEF = ((271, 2, 17, 200), (330, 4, 1, 5000))
"""Entries of a Nikon's first directory: its maker, and where the raw image's own is."""
RAW: dict[str, tuple[bytes, str]] = {
    "a.nef": (bayer(">", b"NIKON CORPORATION\0"), "NEF"),
    "a.arw": (bayer("<", b"SONY\0"), "ARW"),
    "a.pef": (bayer(">", b"PENTAX\0"), "PEF"),
    "a.erf": (bayer("<", b"SEIKO EPSON\0"), "TIFF"),
    "a.dng": (tiff_of("<", (50706, 1, 4, 0x0401)), "DNG"),
    "a.cr2": (b"II*\x00\x10\0\0\0CR\x02\x00" + b"\0" * 200, "CR2"),
    "a.cr3": (b"\0\0\0\x18ftypcrx " + b"\0" * 200, "CR3"),
    "a.raf": (b"FUJIFILMCCD-RAW 0201" + b"\0" * 200, "RAF"),
    "a.orf": (b"IIRO\x08\0\0\0" + b"\0" * 200, "ORF"),
    "a.rw2": (b"IIU\x00\x18\0\0\0" + b"\0" * 200, "RW2"),
    "a.x3f": (b"FOVb" + b"\0" * 200, "X3F"),
    "a.crw": (b"II\x1a\0\0\0HEAPCCDR" + b"\0" * 200, "CRW"),
    "a.mrw": (b"\x00MRM" + b"\0" * 200, "MRW"),
}


def wrong_crc(data: bytes, chunk: bytes) -> bytes:
    """A PNG with a chunk that has another checksum."""
    at = data.index(chunk)
    length = struct.unpack(">I", data[at - 4 : at])[0]
    end = at + 4 + length
    return data[:end] + b"\0\1\2\3" + data[end + 4 :]


def bomb() -> bytes:
    """A PNG of few bytes and 400 million pixels, all of them there."""
    side = 20_000
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(b"\0" * (1 + side // 8)) for _ in range(side)) + rows.flush()

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def good_files() -> dict[str, bytes]:
    rgba = Image.merge("RGBA", [*picture().split(), Image.linear_gradient("L").resize((60, 40))])
    palette = rgba.quantize(16)
    palette.info["transparency"] = 3
    noise = np.random.default_rng(5).integers(0, 65536, (20, 30), dtype=np.uint16)
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    found = {
        **{
            f"kind.{kind}": encoded(picture(), kind.upper())
            for kind in ("bmp", "ppm", "tga", "ico")
        },
        **{f"mode-{m}.png": encoded(picture(mode=m), "PNG") for m in ("1", "L", "LA", "P", "RGBA")},
        **{
            f"mode-{m}.tif": encoded(picture(mode=m), "TIFF") for m in ("CMYK", "YCbCr", "LAB", "F")
        },
        **{
            f"turned-{turn}.jpg": encoded(picture(), "JPEG", exif=exif_of(turn))
            for turn in (*range(1, 9), 99)
        },
        "palette-transparent.png": encoded(palette, "PNG", transparency=3),
        "palette-transparent.gif": encoded(palette, "GIF"),
        "deep-noise.png": encoded(Image.fromarray(noise), "PNG"),
        "deep-noise.tif": encoded(Image.fromarray(noise), "TIFF"),
        "animated.png": encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "animated.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "pages.tif": encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
        "really-a-png.jpg": encoded(picture(), "PNG"),
        "really-a-jpg.png": encoded(picture(), "JPEG"),
        "really-a-gif.webp": animated(),
        "really-turned.png": turned(),
        "progressive.jpg": encoded(picture(), "JPEG", progressive=True),
        "text-behind.jpg": encoded(picture(), "JPEG") + b"<html>" * 50,
        "code.j2k": encoded(picture(), "JPEG2000", no_jp2=True),
        **{f"box.{end}": encoded(picture(), "JPEG2000") for end in ("jp2", "jpx", "jpf")},
        # the pixels are whole, and Pillow does not compare
        "crc-of-pixels.png": wrong_crc(encoded(picture(), "PNG"), b"IDAT"),
        "one-by-one.gif": encoded(picture(1, 1), "GIF"),
    }
    return found


def exif_of(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def bad_files() -> dict[str, tuple[bytes, set[str]]]:
    """Name -> (bytes, codes that are right)."""
    ends = {"truncated", "corrupt", "not_an_image"}
    photo = Image.fromarray(np.random.default_rng(2).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    cut: dict[str, tuple[bytes, set[str]]] = {}
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "JPEG2000", "AVIF")
    for kind in kinds:
        data = encoded(photo, kind)
        for share in SIDES:
            cut[f"cut-{share}.{kind.lower()[:4]}.png"] = (data[: int(len(data) * share)], ends)
    return {
        **cut,
        **{name: (data, {"unsupported_format"}) for name, (data, _) in RAW.items()},
        "crc.png": (wrong_crc(encoded(photo, "PNG"), b"IHDR"), {"corrupt"}),
        "huge.png": (png_header(2**31 - 1, 2**31 - 1), {"too_many_pixels", "corrupt"}),
        "wide.png": (png_header(200_000_000, 1), {"too_many_pixels"}),
        "none.png": (png_header(0, 0), ends),
        "bomb.png": (bomb(), {"too_many_pixels"}),
        "pointer.jpg": (b"version https://git-lfs.github.com/spec/v1\n", {"not_an_image"}),
        "cut.nef": (tiff_of(">", *NEF, text=b"NIKON CORPORATION")[:300], {"unsupported_format"}),
        "page.jpg": (b"<!DOCTYPE html><html>404</html>", {"not_an_image"}),
        "words.jpg": ("Bilder, schöne\n".encode(), {"not_an_image"}),
        "json.webp": (b'{"error": "gone"}', {"not_an_image"}),
        "zeros.jpg": (bytes(5000), {"not_an_image"}),
        "pdf.jpg": (b"%PDF-1.4\n%%EOF", {"not_an_image"}),
        "zip.png": (b"PK\x03\x04" + bytes(200), {"not_an_image"}),
        "riff.webp": (b"RIFF\x10\0\0\0WAVEfmt " + bytes(50), {"corrupt", "not_an_image"}),
        "film.jpg": (b"\0\0\0\x18ftypmp42" + bytes(64), {"not_an_image", "unsupported_format"}),
        "empty.jpg": (b"", {"empty_file"}),
        "one.jpg": (b"\xff", {"not_an_image"}),
        "mark.jpg": (b"\xff\xd8\xff", ends),
        "photo.jxl": (b"\xff\x0a" + bytes(50), {"unsupported_format"}),
        "photo.heic": (b"\0\0\0\x18ftypheix" + bytes(64), {"unsupported_format"}),
    }


def test_an_archive_of_all_of_them_adds_up(tmp_path: Path) -> None:
    good = {**good_files(), **{f"old-{n}": d for n, (d, code) in FILES.items() if code is None}}
    good = {name: data for name, data in good.items() if len(name) < 250}
    bad = bad_files()
    bad.update((f"old-{n}", (d, {code})) for n, (d, code) in FILES.items() if code is not None)
    root = tmp_path / "archive"
    root.mkdir()
    for name, data in [*good.items(), *((name, data) for name, (data, _) in bad.items())]:
        (root / name).write_bytes(data)
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")
    manifest = write_manifest(str(root), str(tmp_path / "m.parquet"))
    assert manifest.images == len(good) + len(bad) + 2
    assert manifest.skipped == ""
    [rows] = read_manifest(str(tmp_path / "m.parquet"), None)
    table = decode(fetch(rows), HOW)
    found = dict(
        zip(table.column("path").to_pylist(), table.column("error").to_pylist(), strict=True)
    )
    assert {name: found[name] for name in good} == dict.fromkeys(good)
    wrong = {name: found[name] for name, (_, codes) in bad.items() if found[name] not in codes}
    assert wrong == {}
    assert {found["loop.jpg"], found["gone.jpg"]} <= {"missing", "storage_error"}
    counted = Counter(found.values())
    assert counted.pop(None) == len(good)
    assert counted.total() == len(bad) + 2
    assert set(counted) <= set(ROW_CODES)
    details = table.column("error_detail").to_pylist()
    assert all((d is None) == (c is None) for d, c in zip(details, found.values(), strict=True))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "JPEG2000"])
def test_what_is_shorter_than_it_says_is_truncated(kind: str) -> None:
    noise = np.random.default_rng(4).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert not is_cut(data)
    assert not is_cut(data + b"behind")
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ImageError) as caught:
            decode_image(data[: int(len(data) * share)])
        assert caught.value.code == "truncated"


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    """Each scan of these 46 bytes takes as long as the image; of 100,000 hours."""
    data = encoded(picture(mode="L"), "JPEG", progressive=True)
    last, end = data.rfind(b"\xff\xc4", 0, data.rfind(b"\xff\xda")), data.rfind(b"\xff\xd9")
    assert 1 < jpeg_scans(data) < 20
    assert jpeg_scans(data + b"\xff\xda" * 1000) == jpeg_scans(data), "what lies behind is none"
    with pytest.raises(ImageError, match="scans") as caught:
        decode_image(data[:end] + data[last:end] * 1000 + data[end:])
    assert caught.value.code == "corrupt"
    assert decode_image(data[:end] + data[last:end] * 20 + data[end:]).size == (60, 40)


def test_programs_are_not_run() -> None:
    with pytest.raises(ImageError, match="EPS, which is not pixels") as caught:
        decode_image(encoded(picture(), "EPS"))
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("name", RAW)
def test_camera_raw_is_refused_by_name(name: str) -> None:
    data, kind = RAW[name]
    with pytest.raises(ImageError, match=rf"{kind}.*developed first") as caught:
        decode_image(data)
    assert caught.value.code == "unsupported_format"


def test_plain_tiffs_are_no_raw_files() -> None:
    for data in (
        encoded(picture(), "TIFF"),
        encoded(picture(mode="CMYK"), "TIFF"),
        b"II*\x00",
        b"MM\x00*\xff\xff\xff\xff",
        tiff_of("<", (330, 4, 1, 8)),  # a directory below itself
        encoded(picture(), "JPEG"),
        b"",
    ):
        assert camera_raw(data) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(9), r"HEIC.*onoma\[heif\]"),
        (b"\0\0\0\x18ftypmif1" + bytes(9), r"HEIC.*onoma\[heif\]"),
        (b"\xff\x0a" + bytes(9), r"JPEG XL.*onoma\[jxl\]"),
        (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", r"JPEG XL.*onoma\[jxl\]"),
    ],
)
def test_what_an_extra_reads_names_it(
    data: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.images.formats.find_spec", lambda name: None)
    assert decoder_wanted(data) is not None
    with pytest.raises(ImageError, match=says) as caught:
        decode_image(data)
    assert caught.value.code == "unsupported_format"


def test_a_plugin_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError(f"{name}: libheif.so.1 is not there")

    monkeypatch.setattr("actors.images.formats.find_spec", lambda name: object())
    monkeypatch.setattr("actors.images.formats.import_module", broken)
    register_plugins.cache_clear()
    try:
        assert decode_image(encoded(picture(), "PNG")).size == (60, 40)
        with pytest.raises(ImageError, match=r"cannot be loaded.*libheif") as caught:
            decode_image(b"\0\0\0\x18ftypheic" + bytes(64))
        assert caught.value.code == "unsupported_format"
        monkeypatch.setattr("actors.images.formats.import_module", lambda name: mock.Mock())
        register_plugins.cache_clear()
        with pytest.raises(ImageError, match="JPEG XL that its decoder") as caught:
            decode_image(b"\xff\x0a" + bytes(64))
        assert caught.value.code == "corrupt"
    finally:
        register_plugins.cache_clear()


def test_a_plugin_that_is_installed_reads(tmp_path: Path) -> None:
    plugin = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    plugin.from_pillow(picture()).save(out)
    assert decode_image(out.getvalue()).size == (60, 40)
