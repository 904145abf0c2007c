"""Strata cut an archive once, without loss."""

import numpy as np

from methods.review_strata import BANDS, BINS, GROUPS, ScoreCounts, make_strata


def counted(**scores: np.ndarray) -> ScoreCounts:
    found = ScoreCounts()
    for label, own in scores.items():
        found.add(label, own)
    return found


def test_every_image_is_in_one_stratum() -> None:
    random = np.random.default_rng(1)
    own = {f"c{at}": random.beta(8, 1 + at % 3, 500 + at) for at in range(11)}
    found = counted(**own)
    strata = make_strata(found)
    assert strata.sizes.sum() == sum(map(len, own.values()))
    assert len(strata.sizes) <= GROUPS * BANDS
    for label, scores in own.items():
        at = strata.of(label, found.bins(scores))
        low, high = np.array(strata.ranges)[at].T
        assert ((scores >= low - 1e-9) & (scores <= high + 1e-9)).all()


def test_classes_that_score_alike_are_together() -> None:
    strata = make_strata(counted(**{f"c{at}": np.full(100, 0.3 + at / 20) for at in range(12)}))
    groups = [strata.groups[f"c{at}"] for at in range(12)]
    assert groups == sorted(groups)
    assert set(groups) == set(range(GROUPS))


def test_images_without_a_score_are_a_stratum() -> None:
    found = counted(wren=np.array([np.nan] * 5 + [0.5] * 5), tern=np.full(4, np.nan))
    strata = make_strata(found)
    assert strata.sizes.sum() == 14
    at = strata.of("wren", np.array([BINS]))[0]
    assert strata.sizes[at] == 5
    assert np.isnan(strata.scores[at])


def test_scores_beyond_one_order_images() -> None:
    found = ScoreCounts(-2.0, 30.0)
    found.add("wren", np.linspace(-2, 30, 1000))
    strata = make_strata(found)
    assert len(strata.sizes) == BANDS
    assert (np.diff(strata.scores) > 0).all()
