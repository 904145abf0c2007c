"""The parts of a fit that need no cluster: drawing, spreading, names that are kept, tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from methods.class_matrix import unit_rows
from methods.discovered_names import build_vocabulary
from methods.image_ids import image_id
from ray_jobs.config import FitNearConfig
from ray_jobs.pipelines.near.features import Features
from ray_jobs.pipelines.near.sample import nearest_to_centres
from ray_jobs.pipelines.near.sample_names import SampleName, samplings
from ray_jobs.pipelines.near.training import epoch_line
from ray_jobs.pipelines.near.vocabulary import Labelled, keep_names, sample_table
from ray_jobs.runs.reservoir import draw, random_keys

IDS = np.array([image_id(f"{number}.jpg") for number in range(5_000)], np.int64)


def tables(ids: NDArray[np.int64], at_once: int) -> Iterator[pa.Table]:
    """A listing in pieces."""
    for start in range(0, len(ids), at_once):
        yield pa.table({"image_id": ids[start : start + at_once]})


def drawn(ids: NDArray[np.int64], size: int, seed: int = 0, at_once: int = 700) -> list[int]:
    """The ids drawn, as they come."""
    found = [table["image_id"].to_pylist() for table in draw(tables(ids, at_once), size, seed)]
    return [each for piece in found for each in piece]


def test_a_draw_depends_on_seed_and_ids_alone() -> None:
    expected = drawn(IDS, 300)
    assert len(set(expected)) == 300
    shuffled = np.random.default_rng(0).permutation(IDS)
    for at_once in (1, 299, 5_000):
        assert drawn(IDS[:900], 300, at_once=at_once) == drawn(IDS[:900], 300)
        assert drawn(shuffled, 300, at_once=max(at_once, 100)) == expected
    assert drawn(IDS, 300, seed=1) != expected
    common = set(expected) & set(drawn(IDS, 300, seed=1))
    assert len(common) < 50, "another seed draws other images; 18 in common are expected"


@pytest.mark.parametrize("seed", [0, 5])
def test_a_larger_draw_contains_the_smaller(seed: int) -> None:
    assert set(drawn(IDS, 100, seed)) < set(drawn(IDS, 101, seed)) < set(drawn(IDS, 2_000, seed))


def test_fewer_images_than_wanted_are_all_drawn() -> None:
    assert sorted(drawn(IDS[:40], 41)) == sorted(IDS[:40].tolist())
    assert sorted(drawn(IDS[:40], 40)) == sorted(IDS[:40].tolist())
    assert drawn(IDS[:0], 5) == []


def test_every_part_of_an_archive_is_drawn_equally() -> None:
    """Also of ids that follow each other."""
    for ids in (IDS, np.arange(5_000, dtype=np.int64), np.arange(-2_500, 2_500, dtype=np.int64)):
        place = {int(each): number for number, each in enumerate(ids)}
        counts = np.zeros(10)
        for seed in range(20):
            of_seed = np.array([place[each] for each in drawn(ids, 500, seed)])
            counts += np.bincount(of_seed // 500, minlength=10)
        # 1,000 in each tenth; five standard deviations of a draw without replacement are 145
        assert np.abs(counts - 1_000).max() < 145


def test_keys_of_seed_0_stay_what_they_were() -> None:
    """Reports and finished draws depend on them."""
    ids = np.array([0, 1, -1, 2**62], np.int64)
    expected = [0.8833108082136426, 0.5665615751722809, 0.8939429202831845, 0.002598817123781516]
    assert random_keys(ids).tolist() == random_keys(ids, 0).tolist() == expected
    assert not set(random_keys(IDS, 1)) & set(random_keys(IDS, 0))
    assert 0 <= random_keys(IDS, 9).min() < random_keys(IDS, 9).max() < 1


def kinds(sizes: Sequence[int], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Images of kinds that lie well apart, shuffled: the kind and the feature of each."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    noise = 0.02 * rng.standard_normal((len(kind), 64)).astype(np.float32)
    return kind, unit_rows(np.eye(64, dtype=np.float32)[kind] + noise)


def test_one_image_of_every_cluster_is_chosen_near_its_middle() -> None:
    kind, features = kinds([100] * 4, seed=0)
    chosen = nearest_to_centres(features, 4, seed=0)
    assert sorted(kind[chosen]) == [0, 1, 2, 3]
    for image in chosen:
        own = features[kind == kind[image]]
        distances = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert np.linalg.norm(features[image] - own.mean(axis=0)) <= np.quantile(distances, 0.1)
    assert nearest_to_centres(features, 4, seed=0).tolist() == chosen.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_rare_kinds_are_found_far_more_often_than_by_chance(seed: int) -> None:
    """Of 40 kinds, 8 are there once and 8 twice; a random draw of 40 images misses 15 kinds."""
    kind, features = kinds([1, 2, 3, 4, 8] * 8, seed)
    chosen = nearest_to_centres(features, 40, seed)
    assert len(set(kind[chosen])) > 32


@pytest.mark.parametrize("k", [1, 7, 39, 40])
def test_as_many_images_as_wanted_are_chosen_each_once(k: int) -> None:
    features = unit_rows(np.random.default_rng(k).standard_normal((40, 8)).astype(np.float32))
    chosen = nearest_to_centres(features, k, seed=3)
    assert len(chosen) == len(set(chosen.tolist())) == k
    assert set(chosen.tolist()) <= set(range(40))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_more_clusters_than_different_images() -> None:
    """Copies of three images: eight are chosen, and all three are among them."""
    features = np.eye(3, dtype=np.float32)[np.arange(20) % 3]
    chosen = nearest_to_centres(features, 8, seed=0)
    assert len(set(chosen.tolist())) == 8
    assert set(chosen % 3) == {0, 1, 2}


NAMES = ["wren", "Barn Owl", None, "barn owl", "emu", "wren", "Barn Owl"]


def labelled(names: Sequence[str | None] = NAMES, merges: dict[str, str] | None = None) -> Labelled:
    """A sample with ids 10, 11, ..., each image's feature along an axis of its own name."""
    vocabulary, labels = build_vocabulary(names, merges)
    return Labelled(
        ids=np.arange(10, 10 + len(names), dtype=np.int64),
        names=list(names),
        merges=merges or {},
        vocabulary=vocabulary,
        labels=labels,
        features=np.eye(8, dtype=np.float32)[labels],
    )


def test_names_that_are_dropped_leave_their_images_nameless() -> None:
    sample = labelled()
    assert sample.vocabulary.keys == ("barn owl", "emu", "wren")
    kept = keep_names(sample, np.array([0, 2]))
    assert kept.vocabulary.keys == ("barn owl", "wren")
    assert kept.vocabulary.forms == ("Barn Owl", "wren")
    assert kept.vocabulary.votes == (3, 2)
    assert kept.labels.tolist() == [1, 0, -1, 0, -1, 1, 0]
    assert sample.labels.tolist() == [2, 0, -1, 0, 1, 2, 0], "what was given is left alone"
    for everything in (np.array([0, 1, 2]), np.array([], np.int64)):
        assert keep_names(sample, everything) is sample


def test_the_table_of_the_sample_has_a_row_for_every_image_drawn() -> None:
    sample = labelled(merges={"emu": "", "wren": "Troglodytes"})
    paths = {10 + number: f"{9 - number}, a.jpg" for number in range(7)}
    paths |= {30: "new\nline.jpg", 31: "broken.jpg"}
    said = {
        image: SampleName(name, None if name else "refusal")
        for image, name in zip(sample.ids.tolist(), NAMES, strict=True)
    }
    said[30] = SampleName(None, "truncated", asked=False)
    no_features = np.zeros((0, 8), np.float32)
    errors = {30: "truncated", 31: "not_finite"}
    features = Features(np.zeros(0, np.int64), paths, no_features, errors)
    table = list(csv.DictReader(io.StringIO(sample_table(sample, said, features))))
    assert [row["path"] for row in table] == sorted(paths.values())
    found = {row["path"]: (row["answer"], row["name"], row["problem"]) for row in table}
    assert found == {
        "9, a.jpg": ("wren", "Troglodytes", ""),
        "8, a.jpg": ("Barn Owl", "Barn Owl", ""),
        "7, a.jpg": ("", "", "refusal"),
        "6, a.jpg": ("barn owl", "Barn Owl", ""),
        "5, a.jpg": ("emu", "", ""),
        "4, a.jpg": ("wren", "Troglodytes", ""),
        "3, a.jpg": ("Barn Owl", "Barn Owl", ""),
        "new\nline.jpg": ("", "", "truncated"),
        "broken.jpg": ("", "", "not_finite"),
    }


def test_an_epoch_in_a_line() -> None:
    figures: dict[str, Any] = {
        "epoch": 4,
        "loss": 1.23456,
        "learning_rate": 0.002,
        "images": 30,
        "clean": None,
        "threshold": None,
        "names": 24,
        "top_share": 0.1,
        "note": None,
    }
    assert epoch_line(figures, 50) == "epoch 4 of 50: loss 1.235, 24 names"
    figures |= {"clean": 0.754, "threshold": 0.3456}
    line = "epoch 4 of 50: loss 1.235, 24 names, 75% of the names clean (scaled loss up to 0.35)"
    assert epoch_line(figures, 50) == line
    figures |= {"clean": 1.0, "threshold": None, "note": "all losses are equal"}
    line = "epoch 4 of 50: loss 1.235, 24 names, 100% of the names clean; all losses are equal"
    assert epoch_line(figures, 50) == line


def test_every_retry_is_sampled_in_a_way_of_its_own() -> None:
    config = FitNearConfig(images="-", out="-", max_tokens=40, top_p=0.9, seed=7)
    first, *again = samplings(config)
    assert first.temperature == 0
    assert [each.temperature for each in again] == [0.7, 0.7]
    assert all(each.max_tokens == 40 for each in [first, *again])
    kinds = [str(each.identity()) for each in [first, *again]]
    assert len(set(kinds)) == 3, "an answer without a name is never found again as a retry's"
    assert len(samplings(config.model_copy(update={"name_retries": 0}))) == 1
    warm = samplings(config.model_copy(update={"temperature": 0.7}))
    assert len({str(each.identity()) for each in warm}) == 3
