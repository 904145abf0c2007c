"""Drift of label mixes and distances: bounds, symmetry, and the reference's file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from methods.drift import BINS, EDGES, Seen, distance_drift, label_mix_drift, parse_reference
from methods.errors import InputError

MEASURES = [label_mix_drift, distance_drift]
NAMES = ["marsh quellin", "Käuzchen", "鳥", "a, b", ""]


def seen(labels: list[str], distances: list[float]) -> Seen:
    """Count once."""
    counted = Seen()
    counted.add(labels, np.array(distances, np.float32))
    return counted


def drawn(seed: int) -> Seen:
    """Any number of images, labels and distances; distances also a little beyond [0, 2]."""
    rng = np.random.default_rng(seed)
    images = int(rng.integers(1, 60))
    labels = rng.choice(NAMES, int(rng.integers(0, 90))).tolist()
    return seen(labels, rng.uniform(-1e-6, 2 + 1e-6, images).tolist())


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(8))
def test_a_measure_is_zero_for_equal_symmetric_and_within_zero_and_one(
    measure: Callable[[Seen, Seen], float], seed: int
) -> None:
    one, other = drawn(2 * seed), drawn(2 * seed + 1)
    assert measure(one, one) == 0
    assert measure(one, other) == pytest.approx(measure(other, one), abs=1e-12)
    assert 0 <= measure(one, other) <= 1 + 1e-12
    third = drawn(1000 + seed)
    assert measure(one, third) <= measure(one, other) + measure(other, third) + 1e-12


@pytest.mark.parametrize(
    ("one", "other", "mix", "distance"),
    [
        (seen(["a"] * 9, [0.1] * 9), seen(["b"], [1.9]), 1, 1),
        (seen(["a", "a", "b", "b"], [0.1] * 4), seen(["a"], [0.1]), 0.5, 0),
        # shares count, not sizes
        (seen(["a", "b"], [0.1, 0.2]), seen(["a", "b"] * 50, [0.1, 0.2] * 50), 0, 0),
        (seen(["a"], [0.1, 0.1, 0.1, 1.5]), seen(["a"], [0.1]), 0, 0.25),
        # no label at all has nothing in common with any
        (seen([], [0.1, 0.1]), seen(["a"], [0.1]), 1, 0),
        (Seen(), Seen(), 0, 0),
    ],
)
def test_known_drifts(one: Seen, other: Seen, mix: float, distance: float) -> None:
    assert label_mix_drift(one, other) == pytest.approx(mix)
    assert label_mix_drift(other, one) == pytest.approx(mix)
    assert distance_drift(one, other) == pytest.approx(distance)


def test_counting_in_parts_is_counting_at_once_and_every_image_is_in_one_bin() -> None:
    distances = [-0.001, 0.0, 0.005, 0.01, 1.0, 1.999, 2.0, 2.001]
    parts = seen(["a"], distances[:3])
    parts.add(["a", "b"], np.array(distances[3:], np.float32))
    whole = seen(["a", "b", "a"], distances)
    assert (parts.images, parts.labels) == (whole.images, whole.labels) == (8, Counter(a=2, b=1))
    np.testing.assert_array_equal(parts.distances, whole.distances)
    assert whole.distances.sum() == 8
    assert len(EDGES) == BINS + 1


@pytest.mark.parametrize("seed", range(3))
def test_a_reference_comes_back_as_it_was(seed: int) -> None:
    counted = drawn(seed)
    data = counted.dump("identity")
    again = parse_reference(data, "folder", "identity")
    assert again is not None
    assert (again.images, again.labels) == (counted.images, counted.labels)
    np.testing.assert_array_equal(again.distances, counted.distances)
    assert again.dump("identity") == data
    again.add(["new"], np.array([0.5], np.float32))  # it can be counted on
    assert parse_reference(data, "folder", "of another classifier") is None


GOOD: dict[str, Any] = json.loads(Seen().dump("identity"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"classifier": "identity"}',
        Seen().dump("identity")[:-20],
        json.dumps({**GOOD, "distances": [0] * (BINS - 1)}).encode(),
        json.dumps({**GOOD, "distances": ["a"] * BINS}).encode(),
        json.dumps({**GOOD, "distances": [2**70] * BINS}).encode(),
        json.dumps({**GOOD, "labels": ["a"]}).encode(),
        json.dumps({**GOOD, "labels": {"a": None}}).encode(),
        json.dumps({**GOOD, "images": float("inf")}).encode(),
    ],
    ids=range(12),
)
def test_a_corrupt_reference_is_told_in_a_sentence(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^some/folder/reference\.json is corrupt .*delete it$"):
        parse_reference(data, "some/folder", "identity")
