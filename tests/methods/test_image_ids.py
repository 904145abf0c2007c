"""Image ids are frozen, signed 64-bit; fingerprints tell multisets apart in any order."""

from __future__ import annotations

import numpy as np

from methods.image_ids import IdFingerprint, image_id


def test_ids_never_change() -> None:
    assert image_id("") == 3244421341483603138
    assert image_id("a/b.jpg") == image_id("a/b.jpg") != image_id("a/b.jpeg")
    ids = [image_id(f"{i}.jpg") for i in range(2000)]
    assert len(set(ids)) == 2000
    assert min(ids) < 0 < max(ids)
    assert all(-(1 << 63) <= i < 1 << 63 for i in ids)


def test_any_text_has_an_id() -> None:
    for path in ("ä 😀\n'\"", "\udcff.jpg", "x" * 10_000):
        assert isinstance(image_id(path), int)


def test_fingerprint_ignores_order_and_batches() -> None:
    ids = np.random.default_rng(0).integers(-(1 << 63), 1 << 63, 1000, dtype=np.int64)
    whole = IdFingerprint().add(ids)
    parts = IdFingerprint().add(ids[::-1][:300]).add(ids[::-1][300:])
    assert whole == parts
    assert whole.count == 1000


def test_fingerprint_sees_a_lost_and_a_doubled_row() -> None:
    ids = np.arange(100, dtype=np.int64)
    swapped = ids.copy()
    swapped[3] = swapped[4]  # one lost, one doubled: the count is right, the rows are not
    compensated = ids.copy()
    compensated[3], compensated[5] = 4, 4  # the plain sum is right as well
    assert IdFingerprint().add(ids) != IdFingerprint().add(swapped)
    assert IdFingerprint().add(ids).total == IdFingerprint().add(compensated).total
    assert IdFingerprint().add(ids) != IdFingerprint().add(compensated)
