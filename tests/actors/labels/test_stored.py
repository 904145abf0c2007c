"""Labels by columns are those that images get one by one, of the same features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from actors.clip.image_scorer import Encoded, ImageScorer
from actors.labels import stored
from actors.labels.cascade_scores import SCORES_SCHEMA, score_stored, unit_lists
from actors.labels.stored import label_stored
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from methods.cascade.uncertainty import TEMPERATURES
from methods.classifier import Classifier
from tests.helpers.stores import store_table, unit


def classifier(classes: int, bias: float | None = None) -> Classifier:
    clip: dict[str, Any] = {"name": "fieldguide", "fingerprint": "clip:0", "embed_dim": 16}
    clip |= {"logit_scale": 50.0, **({} if bias is None else {"logit_bias": bias})}
    return Classifier(
        labels=tuple(f"class {number}" for number in range(classes)),
        matrix=unit(classes, 16, seed=9),
        clip=clip,
        method="zero_shot",
        logit_scale=50.0,
        made={},
    )


def take(*tensors: torch.Tensor) -> tuple[Any, ...]:
    return tuple(tensor.numpy() for tensor in tensors)


@pytest.mark.parametrize("classes", [1, 3, 40])
@pytest.mark.parametrize("cells", [1 << 24, 1000])
def test_columns_are_what_single_images_get(
    classes: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_CELLS", cells)
    made, features = classifier(classes), unit(150, 16)
    table = store_table(features, errors={4: "corrupt", 100: "missing"})
    found = label_stored(table, made.dump())
    assert found.schema == CLASSIFIER_LABELS_SCHEMA
    one_by_one = ImageScorer(made).ranked(Encoded(torch.from_numpy(features), None), 5, take)
    for number, row in enumerate(found.to_pylist()):
        assert row["path"] == f"{number}.jpg"
        if number in (4, 100):
            assert row["error"] in ("corrupt", "missing")
            assert (row["label"], row["score"], row["distance"]) == (None, None, None)
            assert (row["top_labels"], row["top_scores"]) == ([], [])
            continue
        expected = one_by_one[number]
        assert row["error"] is None
        assert row["label"] == row["top_labels"][0] == made.labels[expected.top[0]]
        assert row["top_labels"] == [made.labels[at] for at in expected.top]
        assert row["top_scores"] == pytest.approx(expected.top_scores.tolist(), abs=1e-5)
        assert row["distance"] == pytest.approx(expected.distance, abs=1e-6)
        assert row["method"] == "zero_shot"


def test_half_precision_gives_the_same_labels_and_nearly_the_same_scores() -> None:
    made, features = classifier(20), unit(2000, 16)
    exact = label_stored(store_table(features), made.dump())
    half = label_stored(store_table(features.astype(np.float16)), made.dump())
    top = np.array(exact.column("top_scores").to_pylist())
    sure = top[:, 0] > 1.02 * top[:, 1]  # two classes as close as rounding may change places
    ours, theirs = (np.array(each.column("label").to_pylist()) for each in (exact, half))
    assert sure.mean() > 0.95
    assert (ours[sure] == theirs[sure]).all()
    drift = np.abs(exact.column("score").to_numpy() - half.column("score").to_numpy())
    assert drift.max() < 5e-3
    assert np.median(drift) < 1e-3


def test_only_the_images_asked_for_are_labelled() -> None:
    made, table = classifier(3), store_table(unit(30, 16))
    ids = np.sort(table.column("image_id").to_numpy()[[2, 9, 17]])
    assert label_stored(table, made.dump(), ids).column("path").to_pylist() == [
        "2.jpg", "9.jpg", "17.jpg",
    ]  # fmt: skip
    assert label_stored(table, made.dump(), np.zeros(0, np.int64)).num_rows == 0
    assert label_stored(table.slice(0, 0), made.dump()).num_rows == 0
    assert pa.types.is_string(
        label_stored(table.slice(0, 0), made.dump()).schema.field("label").type
    )


@pytest.mark.parametrize("classes", [2, 40])
def test_a_cascade_scores_what_is_stored(classes: int) -> None:
    made, features = classifier(classes), unit(1500, 16)
    table = store_table(features, errors={4: "corrupt", 1100: "missing"})
    found = score_stored(table, made.dump(), choices=6)
    assert found.schema == SCORES_SCHEMA
    labels = label_stored(table, made.dump()).to_pylist()
    logits = torch.from_numpy(features @ made.matrix.T * made.logit_scale)
    for number, row in enumerate(found.to_pylist()):
        if number in (4, 1100):
            assert row["error"] == labels[number]["error"]
            assert (row["top"], row["log_sums"], row["distance"]) == (None, None, None)
            continue
        best, names = logits[number].topk(min(6, classes)), labels[number]["top_labels"]
        assert row["top"] == best.indices.tolist()
        assert [made.labels[at] for at in row["top"]][:5] == names
        expected = pytest.approx(labels[number]["top_scores"], abs=1e-5)
        assert row["top_scores"][: len(names)] == expected
        assert row["top_logits"] == pytest.approx(best.values.tolist(), abs=1e-4)
        sums = [torch.logsumexp(logits[number] / float(each), 0).item() for each in TEMPERATURES]
        assert row["log_sums"] == pytest.approx(sums, abs=1e-4)
        assert row["distance"] == pytest.approx(labels[number]["distance"], abs=1e-6)
    some = np.sort(table.column("image_id").to_numpy()[[3, 9]])
    few = score_stored(table, made.dump(), 6, ids=some)
    assert few.column("path").to_pylist() == ["3.jpg", "9.jpg"]
    assert score_stored(table.slice(0, 0), made.dump(), 6).schema == SCORES_SCHEMA


def test_a_cascade_keeps_features_where_a_head_is_to_learn() -> None:
    made, features = classifier(3), unit(40, 16)
    table = store_table(features, errors={4: "corrupt"})
    assert score_stored(table, made.dump(), 5).column("feature").null_count == 40
    found = score_stored(table, made.dump(), 5, keep_features=True)
    assert found.schema == SCORES_SCHEMA
    column = found.column("feature").combine_chunks()
    assert np.flatnonzero(column.is_null()).tolist() == [4]
    kept = unit_lists(column.drop_null())
    assert kept.dtype == np.float32
    assert np.linalg.norm(kept, axis=1) == pytest.approx(np.ones(39))
    assert kept == pytest.approx(np.delete(features, 4, axis=0), abs=1e-3)
