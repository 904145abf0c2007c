"""From encoded bytes to pixels at the model's input size, on the CPU, as uint8 RGB.

The EXIF turn is applied; alpha is laid on white; CMYK, palette, grey and 16-bit images become RGB;
of an animation the first frame counts. As stored, an image is what loaders of published code make
of it: Pillow's ``convert("RGB")`` and nothing else. Too many pixels are refused from the header,
before decoding. Resizing and cropping follow the open_clip transform of the model; normalisation
happens later, on the device.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from actors.compat.pillow import allow_pixels, refused_pixels
from actors.embedding_store import stored_rows
from actors.images.errors import ImageError
from actors.images.formats import (
    LFS_POINTER,
    POINTS_ELSEWHERE,
    camera_raw,
    decoder_wanted,
    is_cut,
    is_pixels,
    jpeg_scans,
    register_plugins,
)
from actors.images.limits import DEFAULT_MAX_PIXELS
from actors.stage import RowErrors, stage

_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_MOST_SCANS: Final = 256  # each takes as long as an image, and 46 bytes
_MOST_RESIZED: Final = 16_000_000  # pixels; of a longer strip only the centre is resized


HALVED_FROM: Final = 20
"""How many times a CLIP model's input size a JPEG's shorter side is at least where it is decoded at
half its scale. Noise, fine lines and checkerboards, on six architectures and the built-in model:
what is left moves features by at most 0.0006 in cosine, which is rounding to whole levels. Of
smaller images, and of scales below a half at any size, it was up to 0.04 (0.3 with twice the input
left)."""


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its pixels: open_clip's preprocess_cfg without the normalisation.

    Attributes:
        height, width: target size in pixels.
        resize_mode: ``shortest`` (resize, centre crop), ``longest`` (resize, pad) or ``squash``.
        interpolation: ``bicubic`` or ``bilinear``.
        fill_color: of the padding, 0 to 255: a grey level, or one level a channel.
    """

    height: int
    width: int
    resize_mode: str = "shortest"
    interpolation: str = "bicubic"
    fill_color: int | tuple[int, int, int] = 0

    @property
    def resample(self) -> Image.Resampling:
        """Pillow's filter of that name."""
        return Image.Resampling[self.interpolation.upper()]


def decode_image(
    data: bytes,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    shrink_to: int | None = None,
    halve_from: int | None = None,
    as_stored: bool = False,
) -> Image.Image:
    """Decode one image to RGB, turned upright.

    Args:
        data: encoded bytes.
        max_pixels: refuse images whose header announces more pixels than this.
        shrink_to: the shorter side in pixels that the caller needs; a JPEG may then come back
            smaller than it is, but not with a shorter side below twice this.
        halve_from: a JPEG whose shorter side has so many pixels comes back half as large.
        as_stored: leave the EXIF turn out, and let Pillow alone convert: alpha is dropped.

    Raises:
        ImageError: with code not_an_image, unsupported_format, truncated, corrupt or
            too_many_pixels.
    """
    allow_pixels(max_pixels)
    register_plugins()
    if (camera := camera_raw(data)) is not None:  # of which Pillow would read a thumbnail, or none
        raise ImageError("unsupported_format", camera)
    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        if not is_pixels(image):
            raise ImageError("unsupported_format", f"{image.format}, which is not pixels")
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError(
                "too_many_pixels", f"{width} x {height} pixels; the limit is {max_pixels} in all"
            )
        if image.info.get("progressive") and (scans := jpeg_scans(data)) > _MOST_SCANS:
            raise ImageError("corrupt", f"{scans} scans of the whole image; a dozen are usual")
        if shrink_to and image.format == "JPEG":
            scale = 2 * shrink_to / min(width, height)
            image.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))
        elif halve_from and image.format == "JPEG" and min(width, height) >= halve_from:
            image.draft(None, (width // 2, height // 2))
        image.load()
        if as_stored:
            return image.convert("RGB")
        ImageOps.exif_transpose(image, in_place=True)  # else one that is upright is copied
        return _to_rgb(image)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = refused_pixels(error)
        raise ImageError(
            "too_many_pixels", f"{count} pixels; the limit is {max_pixels} in all"
        ) from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError as error:
        raise ImageError("too_many_pixels", "not enough memory to decode it") from error
    except Exception as error:  # decoders raise nearly anything on hostile bytes
        text = " ".join(str(error).split()) or type(error).__name__
        early = isinstance(error, EOFError) or "truncated" in text.lower() or is_cut(data)
        raise ImageError("truncated" if early else "corrupt", text) from error


def input_pixels(
    data: bytes,
    how: Preprocessing,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    exact: bool = False,
    as_stored: bool = False,
) -> NDArray[np.uint8]:
    """Decode one image to a CLIP model's input: uint8 (height, width, 3).

    Args:
        data: encoded bytes.
        how: size and resizing.
        max_pixels: refuse images whose header announces more pixels than this.
        exact: decode all of every JPEG; by default one of `HALVED_FROM` times the input size is
            decoded at half its scale.
        as_stored: as `decode_image` has it.

    Raises:
        ImageError: as `decode_image`.
    """
    halve_from = None if exact else HALVED_FROM * max(how.height, how.width)
    image = decode_image(data, max_pixels=max_pixels, halve_from=halve_from, as_stored=as_stored)
    return np.asarray(to_input_size(image, how))


def upright_rgb(image: Image.Image) -> Image.Image:
    """What `decode_image` makes of an image that Pillow has opened already; it stays as it is.

    Raises:
        ImageError: as `decode_image`.
    """
    try:
        return _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # an image is read when its pixels are asked for
        raise ImageError("corrupt", " ".join(str(error).split()) or type(error).__name__) from error


def _unidentified(data: bytes) -> ImageError:
    of_format = decoder_wanted(data)
    if of_format is not None and of_format.code == "unsupported_format":
        return of_format
    if data.startswith(LFS_POINTER):
        return ImageError("not_an_image", POINTS_ELSEWHERE)
    if is_cut(data):
        return ImageError("truncated", "the file is shorter than it says itself")
    if data.startswith(_MAGIC):
        return ImageError("corrupt", "starts like an image, but its header cannot be read")
    begins = repr(data[:12])[1:]  # without the b that Python writes before bytes
    return of_format or ImageError("not_an_image", f"no image format known begins with {begins}")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(canvas, rgba).convert("RGB")
    return image.convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Scale 16- and 32-bit grey to 8 bits; Pillow's own conversion clips it to white."""
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values)
    if image.mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
        values = (values - low) / (high - low or 1.0) * 255
    elif values.max(initial=0) > 255 or image.mode.startswith("I;16"):
        values = values / 257
    return Image.fromarray(np.round(values).astype(np.uint8), "L").convert("RGB")


def to_input_size(image: Image.Image, how: Preprocessing) -> Image.Image:
    """Resize and crop (or pad) an RGB image to the model's input size."""
    width, height = image.size
    if how.resize_mode == "squash":
        return image.resize((how.width, how.height), how.resample)
    if how.resize_mode == "longest":
        ratio = max(width / how.width, height / how.height)
        size = (_side(width / ratio, how.width), _side(height / ratio, how.height))
        fill = how.fill_color
        colour = (fill,) * 3 if isinstance(fill, int) else fill
        canvas = Image.new("RGB", (how.width, how.height), colour)
        offset = ((how.width - size[0]) // 2, (how.height - size[1]) // 2)
        canvas.paste(image.resize(size, how.resample), offset)
        return canvas
    size, resample = _covering(width, height, how)
    left, top = round((size[0] - how.width) / 2), round((size[1] - how.height) / 2)
    box = (left, top, left + how.width, top + how.height)
    if size[0] * size[1] <= _MOST_RESIZED:
        return image.resize(size, resample).crop(box)
    # the same part, but for rounding, without the rest of the strip
    across, down = width / size[0], height / size[1]
    right, bottom = min(width, box[2] * across), min(height, box[3] * down)
    within = (box[0] * across, box[1] * down, right, bottom)
    return image.resize((how.width, how.height), resample, box=within)


def _side(length: float, limit: int) -> int:
    return max(1, min(limit, round(length)))


def _covering(
    width: int, height: int, how: Preprocessing
) -> tuple[tuple[int, int], Image.Resampling]:
    """The size in which an image covers the input, and the filter that makes it so."""
    if how.height == how.width:
        # as torchvision's Resize: the longer side is cut to whole pixels
        longer = how.width * max(width, height) // min(width, height)
        return ((longer, how.height) if width > height else (how.width, longer)), how.resample
    # open_clip's own for inputs that are not square: it rounds, and is always bicubic
    ratio = min(width / how.width, height / how.height)
    size = (max(how.width, round(width / ratio)), max(how.height, round(height / ratio)))
    return size, Image.Resampling.BICUBIC


def pixels_column(pixels: NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Wrap uint8 pixels of shape (n, height, width, 3) as a binary column without copying."""
    kind = pa.binary(math.prod(pixels.shape[1:]))
    data = pa.py_buffer(np.ascontiguousarray(pixels))
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(pixels), [None, data])


def pixels_array(column: pa.ChunkedArray, how: Preprocessing) -> NDArray[np.uint8]:
    """Read a column made by `pixels_column` back as (n, height, width, 3) uint8, read-only."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], column.type)
    size = how.height * how.width * 3
    data = whole.buffers()[1] if len(whole) else b""
    start = whole.offset * size
    flat = np.frombuffer(data, np.uint8, len(whole) * size, start if len(whole) else 0)
    return flat.reshape(len(whole), how.height, how.width, 3)


def usable_pixels(
    batch: pa.Table, how: Preprocessing
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Take the images of a batch of `decode` that have no error and no stored feature.

    Returns:
        Their rows (n,), ascending, and their pixels, uint8 (n, height, width, 3).
    """
    rows = np.flatnonzero(RowErrors.of(batch).fine & ~stored_rows(batch))
    return rows, pixels_array(batch.column("pixels"), how)[rows]


@stage("decode", ("pixels",))
def decode(
    batch: pa.Table,
    how: Preprocessing,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    exact: bool = False,
    as_stored: bool = False,
) -> pa.Table:
    """Map an image table batch to pixels: ``bytes`` is replaced by ``pixels``, rows stay in order.

    ``pixels`` is fixed-size binary of height x width x 3 bytes (all zero with an error). Rows that
    come with an error keep it; those that bring a stored feature are left as they are. ``exact``
    and ``as_stored`` are those of `input_pixels`.
    """
    pixels = np.zeros((batch.num_rows, how.height, how.width, 3), np.uint8)
    errors, cells = RowErrors.of(batch), batch.column("bytes")
    for index in np.flatnonzero(errors.fine & ~stored_rows(batch)).tolist():
        try:
            data = bytes(cells[index].as_buffer())
            pixels[index] = input_pixels(
                data, how, max_pixels=max_pixels, exact=exact, as_stored=as_stored
            )
        except ImageError as error:
            errors.fail(index, error)
    batch = batch.drop_columns(["bytes"]).append_column("pixels", pixels_column(pixels))
    return errors.onto(batch)
