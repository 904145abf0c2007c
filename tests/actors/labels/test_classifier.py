"""Labels from a classifier: rows in order, whatever runs beside them, broken numbers told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder, clip_record
from actors.clip.lane import Lane
from actors.clip.model import FIELD_GUIDE, ClipModel, resolve_clip
from actors.clip.runtime import ClipRuntime
from actors.images.decode import pixels_column
from actors.labels.classifier import ClassifierLabels
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from methods.class_matrix import class_matrix, softmax_scores, top_k
from methods.classifier import Classifier, zero_shot_classifier

NAMES = tuple(f"{colour} {kind}" for colour in ("red", "black", "grey") for kind in ("gull", "owl"))
IMAGES = 60


@pytest.fixture(scope="module")
def model() -> ClipModel:
    return resolve_clip(FIELD_GUIDE)


@pytest.fixture(scope="module")
def encoder(model: ClipModel) -> ClipEncoder:
    return ClipEncoder(model, device="cpu", threads=1)


@pytest.fixture(scope="module")
def classifier(model: ClipModel, encoder: ClipEncoder) -> Classifier:
    matrix = class_matrix(NAMES, ["a photo of a {}."], encoder.encode_texts)
    return zero_shot_classifier(NAMES, matrix, clip_record(model, encoder), {})


@pytest.fixture(scope="module")
def stage(model: ClipModel, classifier: Classifier) -> ClassifierLabels:
    return ClassifierLabels(ClipRuntime(model, device="cpu", threads=1), classifier.dump())


@pytest.fixture(scope="module")
def pixels(model: ClipModel) -> NDArray[np.uint8]:
    how = model.preprocessing
    shape = (IMAGES, how.height, how.width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def batch_of(pixels: NDArray[np.uint8]) -> pa.Table:
    """A batch as the decode stage gives it; each seventh image cannot be read."""
    count = len(pixels)
    errors = [None if row % 7 else "truncated" for row in range(count)]
    return pa.table(
        {
            "image_id": pa.array(range(count), pa.int64()),
            "path": [f"{row}.jpg" for row in range(count)],
            "uri": [f"/{row}.jpg" for row in range(count)],
            "pixels": pixels_column(pixels),
            "error": pa.array(errors, pa.string()),
            "error_detail": pa.array(errors, pa.string()),
        }
    )


def test_labels_and_scores_are_those_of_the_formula(
    stage: ClassifierLabels,
    encoder: ClipEncoder,
    classifier: Classifier,
    pixels: NDArray[np.uint8],
) -> None:
    found = stage(batch_of(pixels))
    assert found.schema == CLASSIFIER_LABELS_SCHEMA
    fine = [row for row in range(IMAGES) if row % 7]
    features = encoder.encode_pixels(pixels[fine])
    scores = softmax_scores(features, classifier.matrix, classifier.logit_scale)
    order = top_k(scores, 5)
    distances = 1 - (features @ classifier.matrix.T).max(axis=1)
    for row, own, best, far in zip(fine, scores, order, distances, strict=True):
        labels = found.slice(row, 1).to_pylist()[0]
        assert labels["label"] == labels["top_labels"][0]
        assert labels["top_labels"] == [NAMES[at] for at in best]
        np.testing.assert_allclose(labels["top_scores"], own[best], atol=1e-6)
        assert labels["distance"] == pytest.approx(far, abs=1e-6)
    bad = found.take([0, 7, 14]).to_pylist()
    assert {row["error"] for row in bad} == {"truncated"}
    assert all(row["label"] is None and row["top_labels"] == [] for row in bad)


def test_calls_in_two_threads_label_as_calls_one_after_another(
    stage: ClassifierLabels, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_of(pixels)
    pieces = [batch.slice(start, 6) for start in range(0, IMAGES, 6)]
    alone = [stage(piece) for piece in pieces]
    monkeypatch.setattr(stage._encoder, "lane", Lane(torch.device("cpu"), slots=2))
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(stage, pieces))
    for one, other in zip(alone, together, strict=True):
        assert one.drop_columns(["top_scores", "score", "distance"]) == other.drop_columns(
            ["top_scores", "score", "distance"]
        )
        np.testing.assert_allclose(
            one["distance"].drop_null().to_numpy(), other["distance"].drop_null().to_numpy()
        )
    assert stage(batch.slice(0, 0)).num_rows == stage(batch.slice(0, 1)).num_rows - 1 == 0


def test_a_feature_that_is_not_finite_is_an_error(
    stage: ClassifierLabels, pixels: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = ClipEncoder.whole

    def broken(self: ClipEncoder, images: torch.Tensor, *, positions: bool = True) -> torch.Tensor:
        found = right(self, images, positions=positions).clone()
        found[1, 5] = float("nan")
        return found

    monkeypatch.setattr(ClipEncoder, "whole", broken)
    found = stage(batch_of(pixels[:5])).to_pylist()
    assert [row["error"] for row in found] == ["truncated", None, "not_finite", None, None]
    assert [row["label"] is None for row in found] == [True, False, True, False, False]
    assert "not finite" in found[2]["error_detail"]


def test_what_else_a_batch_brings_is_not_taken(
    stage: ClassifierLabels, pixels: NDArray[np.uint8]
) -> None:
    batch = batch_of(pixels)
    brought = batch
    for field in CLASSIFIER_LABELS_SCHEMA:
        if field.name not in batch.column_names:
            brought = brought.append_column(field.name, pa.nulls(IMAGES, field.type))
    assert stage(brought).equals(stage(batch))


def test_below_its_threshold_a_label_is_abstained(
    model: ClipModel, classifier: Classifier, pixels: NDArray[np.uint8]
) -> None:
    """The same rows and rankings; no label where the score is too low, and why."""
    runtime = ClipRuntime(model, device="cpu", threads=1)
    batch = batch_of(pixels)
    plain = ClassifierLabels(runtime, classifier.dump())(batch).to_pylist()
    middle = float(np.median([row["score"] for row in plain if row["score"] is not None]))
    unsure = replace(classifier, abstain_below=(middle,) * len(NAMES))
    assert unsure.identity != classifier.identity
    found = ClassifierLabels(runtime, unsure.dump())(batch).to_pylist()
    abstained = 0
    for before, after in zip(plain, found, strict=True):
        if before["score"] is None or before["score"] >= middle:
            assert after == before
            continue
        abstained += 1
        assert (after["label"], after["score"], after["error"]) == (None, None, "abstained")
        assert after["top_labels"] == before["top_labels"]
        assert before["label"] in after["error_detail"]
    assert 0 < abstained < len(plain)
