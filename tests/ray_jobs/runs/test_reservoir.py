"""Drawing stretches of neighbours."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ray_jobs.runs.reservoir import draw_stretches


def drawn(cuts: list[int], size: int, stretch: int, seed: int = 0) -> list[int]:
    """The rows drawn of 1,000 that come in tables cut at some places."""
    ids = np.random.default_rng(1).permutation(1000)
    tables = [pa.table({"image_id": part}) for part in np.split(ids, cuts)]
    place = {int(image): row for row, image in enumerate(ids)}
    found = [t for table in draw_stretches(tables, size, stretch, seed) for t in table.to_pylist()]
    assert all(list(row) == ["image_id"] for row in found)
    return [place[row["image_id"]] for row in found]


@pytest.mark.parametrize("seed", [0, 7])
def test_neighbours_are_drawn_together_in_their_order(seed: int) -> None:
    rows = drawn([], 64, 16, seed)
    assert rows == sorted(rows)
    assert len({row // 16 for row in rows}) == 4
    assert len(set(rows)) == 64


def test_how_the_rows_come_does_not_matter_and_the_seed_does() -> None:
    assert drawn([], 64, 16) == drawn([5, 300, 301, 990], 64, 16)
    assert drawn([], 64, 16) != drawn([], 64, 16, seed=1)


def test_the_size_is_kept_where_it_is_no_multiple_and_where_there_are_fewer() -> None:
    assert len(drawn([400], 50, 16)) == 50
    assert drawn([400], 2000, 16) == list(range(1000))
