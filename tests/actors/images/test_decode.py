"""Decoding: open_clip's pixels for good images, a code for bad ones."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image, ImageDraw

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.images.decode import (
    Preprocessing,
    decode,
    decode_image,
    input_pixels,
    pixels_array,
    pixels_column,
    to_input_size,
)
from actors.images.errors import ImageError
from tests.helpers.broken_images import FILES, JPEG, encoded, picture

HOW = Preprocessing(32, 32)


def test_every_broken_file_has_its_code_and_every_good_one_pixels() -> None:
    files = {name: case for name, case in FILES.items() if case[1] != "empty_file"}
    batch = pa.table(
        {
            "image_id": list(range(len(files))),
            "path": list(files),
            "uri": list(files),
            "bytes": pa.array([data for data, _ in files.values()], pa.large_binary()),
            "error": pa.array([None] * len(files), pa.string()),
            "error_detail": pa.array([None] * len(files), pa.string()),
        }
    )
    result = decode(batch, HOW)
    paths, found = result.column("path").to_pylist(), result.column("error").to_pylist()
    codes = dict(zip(paths, found, strict=True))
    assert codes == {name: code for name, (_, code) in files.items()}
    details = result.column("error_detail").to_pylist()
    assert all(
        (code is None) == (detail is None) for code, detail in zip(found, details, strict=True)
    )
    pixels = pixels_array(result.column("pixels"), HOW)
    assert pixels.shape == (len(files), 32, 32, 3)
    dark = [bool(p.any()) for p in pixels]
    assert dark == [code is None for code in codes.values()]


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("target", [(48, 48), (37, 37), (48, 33), (20, 64)])
def test_pixels_equal_open_clip_s(mode: str, target: tuple[int, int]) -> None:
    """Of every size, strips of 1 : 20 and inputs that are not square among them."""
    rng = np.random.default_rng(target[1])
    sizes = [(500, 375), (64, 64), (201, 67), (170, 160), (100, 2000), (90, 5)]
    sizes += [tuple(rng.integers(5, 300, 2).tolist()) for _ in range(12)]
    for size in sizes:
        image = picture(*size)
        for interpolation, fill in (("bicubic", 0), ("bilinear", 127)):
            config = PreprocessCfg(target, "RGB", (0.0,) * 3, (1.0,) * 3, interpolation, mode, fill)
            theirs = image_transform_v2(config, is_train=False)(image).permute(1, 2, 0).numpy()
            how = Preprocessing(*target, mode, interpolation, fill)
            ours = np.asarray(to_input_size(image, how))
            assert np.array_equal(ours, np.round(theirs * 255)), (size, interpolation)


def test_the_longer_side_is_torchvision_s() -> None:
    """Also where a scale in floating point falls short of a whole pixel."""
    for target in (224, 336, 378):
        how = Preprocessing(target, target, "shortest", "bilinear")
        config = PreprocessCfg(target, "RGB", (0.0,) * 3, (1.0,) * 3, "bilinear")
        transform = image_transform_v2(config, is_train=False)
        for size in [(170, 160), (35, 33), (81, 70), (54, 63), (49, 41)]:
            theirs = transform(picture(*size)).permute(1, 2, 0).numpy() * 255
            assert np.array_equal(np.asarray(to_input_size(picture(*size), how)), theirs.round())


def test_padding_has_the_colour_asked_for() -> None:
    how = Preprocessing(8, 8, "longest", fill_color=(1, 2, 3))
    assert to_input_size(picture(16, 4), how).getpixel((0, 0)) == (1, 2, 3)


def test_draft_mode_changes_pixels_little() -> None:
    data = encoded(picture(2000, 1500), "JPEG", quality=90)
    full = np.asarray(to_input_size(decode_image(data), HOW)).astype(int)
    quick = decode_image(data, shrink_to=32)
    assert min(quick.size) >= 64
    assert quick.size < (2000, 1500)
    assert np.abs(full - np.asarray(to_input_size(quick, HOW))).max() <= 4


def test_only_very_large_jpegs_are_decoded_at_half_their_scale() -> None:
    data = encoded(picture(2000, 1500), "JPEG", quality=90)
    whole = decode_image(data)
    assert decode_image(data, halve_from=1500).size == (1000, 750)
    assert decode_image(data, halve_from=1501).size == (2000, 1500)
    assert decode_image(encoded(picture(601, 401), "JPEG"), halve_from=64).size == (301, 201)
    for side, equal in ((75, False), (76, True)):
        how = Preprocessing(side, side)
        exact = np.asarray(to_input_size(whole, how))
        assert np.array_equal(input_pixels(data, how), exact) == equal
        assert np.abs(input_pixels(data, how).astype(int) - exact).max() <= 2
        assert np.array_equal(input_pixels(data, how, exact=True), exact)
    how = Preprocessing(75, 75)
    nothing = pa.nulls(1, pa.string())
    batch = pa.table({"bytes": [data], "error": nothing, "error_detail": nothing})
    [pixels] = pixels_array(decode(batch, how, exact=True).column("pixels"), how)
    assert np.array_equal(pixels, np.asarray(to_input_size(whole, how)))


def drawn(kind: str, rng: np.random.Generator, side: int) -> Image.Image:
    """A picture of what a reduced scale gets wrong."""
    height = int(side * rng.uniform(0.7, 1))
    coarse = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, height), Image.Resampling.BICUBIC)
    if kind == "lines":
        pen = ImageDraw.Draw(image)
        for _ in range(300):
            ends = rng.integers(0, side, 4).tolist()
            colour = tuple(rng.integers(0, 256, 3).tolist())
            pen.line(ends, fill=colour, width=int(rng.integers(1, 5)))
        return image
    noise = rng.normal(0, rng.uniform(20, 60), (height, side, 3 if kind == "noise" else 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["noise", "grain", "lines"])
def test_features_of_large_noisy_and_sharp_images_stay(kind: str) -> None:
    rng = np.random.default_rng([3, *kind.encode()])
    encoder = ClipEncoder(resolve_clip("fieldguide"), device="cpu")
    how = encoder.model_info.preprocessing
    for side in rng.integers(500, 3000, 5).tolist():
        data = encoded(drawn(kind, rng, side), "JPEG", quality=int(rng.integers(75, 97)))
        both = np.stack([input_pixels(data, how), input_pixels(data, how, exact=True)])
        one, other = encoder.encode_pixels(both)
        assert one @ other > 0.999, side


def test_what_colours_and_turns_come_out() -> None:
    red_first = decode_image(FILES["animated.gif"][0])
    assert red_first.getpixel((5, 5)) == (255, 0, 0)
    assert decode_image(FILES["alpha.png"][0]).getpixel((0, 0)) == (255, 255, 255)
    assert decode_image(FILES["deep.png"][0]).getpixel((0, 0)) == (128, 128, 128)
    assert decode_image(FILES["turned.jpg"][0]).size == (40, 60)
    upright, cmyk = decode_image(JPEG), decode_image(FILES["cmyk.jpg"][0])
    assert np.abs(np.asarray(upright).astype(int) - np.asarray(cmyk)).mean() < 12


def test_as_stored_is_pillow_s_own_conversion_without_the_turn() -> None:
    turned = Image.new("RGB", (40, 20), "red")
    turned.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6
    sink = io.BytesIO()
    turned.save(sink, "PNG", exif=exif)
    assert decode_image(sink.getvalue()).size == (20, 40)
    assert decode_image(sink.getvalue(), as_stored=True).tobytes() == turned.tobytes()
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    sink = io.BytesIO()
    clear.save(sink, "PNG")
    assert decode_image(sink.getvalue()).getpixel((0, 0)) == (255, 255, 255)
    assert decode_image(sink.getvalue(), as_stored=True).getpixel((0, 0)) == (10, 20, 30)


def test_a_very_long_image_stays_small() -> None:
    image = Image.new("RGB", (1, 60_000))
    assert to_input_size(image, Preprocessing(336, 336)).size == (336, 336)


def test_pixel_limit_is_checked_before_decoding() -> None:
    data = encoded(picture(100, 50), "PNG")
    assert decode_image(data, max_pixels=5000).size == (100, 50)
    with pytest.raises(ImageError, match="100 x 50 pixels; the limit is 4999") as caught:
        decode_image(data, max_pixels=4999)
    assert caught.value.code == "too_many_pixels"


def test_no_bytes_crash_the_decoder() -> None:
    rng = np.random.default_rng(0)
    modes: list[str] = []
    details: list[str] = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        good = bytearray(encoded(picture(), kind))
        for _ in range(60):
            bad = bytearray(good)
            for position in rng.integers(0, len(bad), 4):
                bad[position] = int(rng.integers(256))
            try:
                modes.append(decode_image(bytes(bad)).mode)
            except ImageError as error:
                details.append(error.detail)
    assert set(modes) == {"RGB"}
    assert all(details)
    assert len(modes) + len(details) == 240
    assert details


def test_an_empty_batch_is_an_empty_column() -> None:
    none = pixels_column(np.zeros((0, 32, 32, 3), np.uint8))
    assert (len(none), none.type) == (0, pa.binary(32 * 32 * 3))
    assert pixels_array(pa.chunked_array([none]), HOW).shape == (0, 32, 32, 3)
    columns = {name: pa.array([], pa.string()) for name in ("path", "error", "error_detail")}
    decoded = decode(pa.table({**columns, "bytes": pa.array([], pa.large_binary())}), HOW)
    assert decoded.num_rows == 0
    assert decoded.schema.field("pixels").type == none.type


def test_pixels_of_a_sliced_column() -> None:
    out = io.BytesIO()
    picture(32, 32).save(out, "PNG")
    column = pa.chunked_array([pa.array([b"\x01" * 12, b"\x02" * 12, b"\x03" * 12], pa.binary(12))])
    pixels = pixels_array(column.slice(1, 2), Preprocessing(2, 2))
    assert pixels[:, 0, 0, 0].tolist() == [2, 3]
