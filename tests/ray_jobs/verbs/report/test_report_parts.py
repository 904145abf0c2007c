"""The report's parts without a run: sampling, certainty, the histogram's geometry, durations."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ray_jobs.pages.numbers import duration
from ray_jobs.runs.reservoir import KeyedReservoir, random_keys
from ray_jobs.verbs.report.charts import draw_histogram
from ray_jobs.verbs.report.choosing import Histogram
from ray_jobs.verbs.report.counting import certainties


def test_keep_first_keeps_the_smallest_keys_of_each_group() -> None:
    rng = np.random.default_rng(5)
    ids, groups, keys = np.arange(500), rng.integers(-1, 4, 500), rng.random(500).round(1)
    keep = KeyedReservoir(6)
    for part in np.array_split(rng.permutation(500), 7):
        keep.add(pa.table({"image_id": ids[part]}), groups[part], keys[part])
    found = {group: [row["image_id"] for row in rows] for group, rows in keep.rows().items()}
    for group in range(4):
        mine = [i for i in ids if groups[i] == group]
        assert found[group] == sorted(mine, key=lambda i: (keys[i], i))[:6]
    assert sorted(found) == [0, 1, 2, 3]


def test_random_keys_are_even_and_fixed() -> None:
    keys = random_keys(np.arange(-2000, 2000, dtype=np.int64))
    assert keys.min() >= 0
    assert keys.max() < 1
    assert keys.mean() == pytest.approx(0.5, abs=0.02)
    assert random_keys(np.array([42], dtype=np.int64))[0] == keys[2042]


def test_certainty_is_the_margin_or_the_best_score() -> None:
    lists = pa.list_(pa.float32())
    batch = pa.table(
        {
            "scores": pa.array([[0.9], [0.5], [0.25], None], lists),
            "top_scores": pa.array([[0.75, 0.25], [0.5], None, None], lists),
        }
    )
    assert certainties(batch, margin=True)[:3].tolist() == [0.5, 0.5, 0.25]
    assert certainties(batch, margin=False)[:3].tolist() == [0.75, 0.5, 0.25]
    assert np.isnan(certainties(batch, margin=True)[3])


def test_histogram_bars_stack_and_stay_inside() -> None:
    histogram = Histogram(0.0, 1.0)
    histogram.right[3], histogram.wrong[3], histogram.unjudged[19] = 40, 60, 137
    chart = draw_histogram(histogram)
    right, wrong, plain = chart.blocks
    assert (right.kind, wrong.kind, plain.kind) == ("right", "wrong", "plain")
    assert wrong.y + wrong.height == pytest.approx(right.y)
    assert right.y + right.height == chart.base
    assert plain.y >= 0
    assert plain.title == "0.95 to 1.00: 137 labels"
    assert chart.y_ticks[-1].text == "140"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.25, "4.2 s"), (75, "1 min 15 s"), (3599.7, "1 h 0 min"), (8123, "2 h 15 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
