"""CLIP features of decoded images: in order, errors passed through, broken numbers told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from actors.clip.image_features import FEATURES_SCHEMA, ClipFeatures
from actors.clip.model import ClipModel, resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.images.decode import pixels_column

ERRORS = [None, "truncated", None, None, "missing", None]


@pytest.fixture(scope="module")
def model() -> ClipModel:
    return resolve_clip("fieldguide")


@pytest.fixture(scope="module")
def features(model: ClipModel) -> ClipFeatures:
    return ClipFeatures(ClipRuntime(model, device="cpu"))


@pytest.fixture(scope="module")
def pixels(model: ClipModel) -> NDArray[np.uint8]:
    """Noise; as the decoder leaves it, all zero where there is an error."""
    how = model.preprocessing
    shape = (len(ERRORS), how.height, how.width, 3)
    found = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found[[error is not None for error in ERRORS]] = 0
    return found


def batch_of(pixels: NDArray[np.uint8], errors: list[str | None]) -> pa.Table:
    """A batch as the decode stage gives it."""
    return pa.table(
        {
            "image_id": pa.array(range(70, 70 + len(errors)), pa.int64()),
            "path": [f"{number}.jpg" for number in range(len(errors))],
            "pixels": pixels_column(pixels),
            "error": pa.array(errors, pa.string()),
            "error_detail": pa.array([e and f"why {e}" for e in errors], pa.string()),
        }
    )


def test_rows_stay_in_order_with_the_encoder_s_features(
    features: ClipFeatures, model: ClipModel, pixels: NDArray[np.uint8]
) -> None:
    batch = batch_of(pixels, ERRORS)
    found = features(batch)
    assert found.schema == FEATURES_SCHEMA
    for column in ("image_id", "path", "error", "error_detail"):
        assert found[column].to_pylist() == batch[column].to_pylist()
    encoder = ClipEncoder(model, device="cpu")
    for row, error in enumerate(ERRORS):
        feature = found["feature"][row].as_py()
        if error:
            assert feature is None
        else:
            expected = encoder.encode_pixels(pixels[row : row + 1])[0]
            assert np.allclose(feature, expected, atol=1e-5)
            assert np.linalg.norm(feature) == pytest.approx(1, abs=1e-5)


def test_a_batch_of_errors_asks_for_no_features(
    features: ClipFeatures, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("there is nothing to encode")

    monkeypatch.setattr(ClipEncoder, "encode_pixels", never)
    found = features(batch_of(pixels[:2], ["missing", "corrupt"]))
    assert found.schema == FEATURES_SCHEMA
    assert found["feature"].null_count == 2
    assert features(batch_of(pixels, ERRORS).slice(0, 0)).num_rows == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_feature_that_is_not_finite_is_an_error(
    features: ClipFeatures,
    pixels: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
    bad: float,
) -> None:
    right = ClipEncoder.encode_pixels

    def broken(self: ClipEncoder, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = right(self, pixels).copy()
        found[1, 5] = bad
        return found

    monkeypatch.setattr(ClipEncoder, "encode_pixels", broken)
    found = features(batch_of(pixels, ERRORS)).to_pylist()
    assert [row["error"] for row in found] == [
        *(None, "truncated", "not_finite", None, "missing", None)
    ]
    assert [row["feature"] is None for row in found] == [False, True, True, False, True, False]
    assert "not finite" in found[2]["error_detail"]
    assert found[1]["error_detail"] == "why truncated"
