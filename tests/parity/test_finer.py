"""FineR's cACC and sACC on fixed names and embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from methods.metrics_cluster import (
    adjusted_rand_index,
    cluster_accuracy,
    normalized_mutual_information,
)
from methods.metrics_names import semantic_accuracy
from tests.parity.tensors import NAMED, SAID_NAMES, TRUE_NAMES, TRUTH, unit

GOLDEN = json.loads((Path(__file__).parent / "golden" / "finer.json").read_text())


def test_clusters() -> None:
    assert cluster_accuracy(TRUTH, NAMED) == pytest.approx(GOLDEN["cacc"], abs=1e-12)
    assert normalized_mutual_information(TRUTH, NAMED) == pytest.approx(GOLDEN["nmi"], abs=1e-12)
    assert adjusted_rand_index(TRUTH, NAMED) == pytest.approx(GOLDEN["ari"], abs=1e-12)
    assert 0 < GOLDEN["cacc"] < 1


def test_meaning() -> None:
    names = sorted({*TRUE_NAMES, *SAID_NAMES})
    embeddings = np.stack([unit(name, 12).numpy() for name in names])
    true, said = (np.array([names.index(n) for n in each]) for each in (TRUE_NAMES, SAID_NAMES))
    found = semantic_accuracy(true, said, embeddings)
    assert found == pytest.approx(GOLDEN["sacc"], abs=1e-6)
