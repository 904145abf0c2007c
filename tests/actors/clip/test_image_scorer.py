"""One classifier's scores: those of the methods, whoever asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from actors.clip.image_scorer import Encoded, Encoding, ImageScorer, Ranking
from actors.clip.lane import Lane
from actors.clip.model import FIELD_GUIDE, resolve_clip
from actors.images.decode import to_input_size
from fieldguide.scene_drawing import render_scene
from fieldguide.scenes import CATEGORIES, scene
from methods.class_matrix import sigmoid_scores, softmax_scores, top_k, unit_rows
from methods.classifier import Classifier
from methods.multi_label_scores import ScoreSettings, image_scores

N, C, D, P = 7, 6, 16, 9
SCORING = {"scale": 3.0, "kappa_image": 20.0, "fusion": 0.25}


def units(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit rows."""
    found = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return unit_rows(found.reshape(-1, shape[-1])).reshape(shape)


CLASSIFIER = Classifier(
    labels=tuple("abcdef"),
    matrix=units(C, D, seed=1),
    clip={"name": "none", "fingerprint": "f", "embed_dim": D},
    method="zero_shot",
    logit_scale=30.0,
)
SEVERAL = replace(
    CLASSIFIER, multi_label=True, local_matrix=units(C, D, seed=2), scoring=dict(SCORING)
)
WHOLE, DENSE = units(N, D, seed=3), units(N, P, D, seed=4)
CPU = Lane(torch.device("cpu"))


def ranked(
    classifier: Classifier,
    whole: NDArray[np.float32] = WHOLE,
    dense: NDArray[np.float32] | None = None,
    k: int = C,
    threshold: float | None = None,
) -> list[Ranking]:
    """What a classifier says of features."""
    with CPU.slot() as slot:
        encoded = Encoded(slot.put(whole), None if dense is None else slot.put(dense))
        return ImageScorer(classifier).ranked(encoded, k, slot.take, threshold)


def table(rankings: list[Ranking]) -> NDArray[np.float32]:
    """Scores of all classes, in the order of the columns."""
    scores = np.full((len(rankings), C), np.nan, np.float32)
    for row, each in zip(scores, rankings, strict=True):
        row[each.top] = each.top_scores
    return scores


def test_one_label_is_the_best_of_the_softmax() -> None:
    wanted = softmax_scores(WHOLE, CLASSIFIER.matrix, 30.0)
    found = ranked(CLASSIFIER)
    np.testing.assert_allclose(table(found), wanted, atol=1e-6)
    np.testing.assert_allclose(table(found).sum(axis=1), 1, rtol=1e-5)
    few = ranked(CLASSIFIER, k=3)
    np.testing.assert_array_equal([each.top for each in few], top_k(wanted, 3))
    for each, other in zip(few, ranked(CLASSIFIER, k=3, threshold=1000.0), strict=True):
        assert each.given.tolist() == other.given.tolist() == each.top[:1].tolist()
        assert each.given_scores.tolist() == each.top_scores[:1].tolist()
        assert each.cut(2).top.tolist() == each.top[:2].tolist()


def test_a_bias_makes_of_each_score_the_probability_of_that_class_alone() -> None:
    classifier = replace(CLASSIFIER, logit_scale=110.0, logit_bias=-12.5)
    wanted = sigmoid_scores(WHOLE, CLASSIFIER.matrix, 110.0, -12.5)
    found = ranked(classifier)
    np.testing.assert_allclose(table(found), wanted, rtol=1e-4)
    logits = torch.tensor(WHOLE @ CLASSIFIER.matrix.T) * 110.0 - 12.5
    np.testing.assert_allclose(table(found), torch.sigmoid(logits).numpy(), rtol=1e-4)
    nothing = table(ranked(classifier, -CLASSIFIER.matrix[:2]))
    assert nothing[0, 0] < 1e-6, "an image may be of none of the classes"
    np.testing.assert_array_equal([each.given for each in found], top_k(logits.numpy(), 1))


def test_scores_that_round_to_one_do_not_decide_the_order() -> None:
    found = ranked(replace(CLASSIFIER, logit_scale=110.0, logit_bias=100.0))
    assert ((table(found) == 1).sum(axis=1) > 1).any()
    cosines = WHOLE @ CLASSIFIER.matrix.T
    np.testing.assert_array_equal([each.top for each in found], top_k(cosines, C))


@pytest.mark.parametrize("scoring", [SCORING, {}, {**SCORING, "fusion": 0.0}])
def test_several_labels_are_scored_with_the_classifiers_own_settings(
    scoring: dict[str, float],
) -> None:
    classifier = replace(SEVERAL, scoring=scoring)
    wanted = image_scores(
        WHOLE, DENSE, classifier.matrix, classifier.local_matrix, ScoreSettings(**scoring)
    )
    np.testing.assert_allclose(table(ranked(classifier, dense=DENSE)), wanted.fused, atol=2e-6)
    # without features of positions the whole image counts, in the same scale
    np.testing.assert_allclose(table(ranked(classifier)), wanted.whole, atol=2e-6)


def with_scores(scores: NDArray[np.float32]) -> tuple[Classifier, NDArray[np.float32]]:
    """A classifier, and features that it gives these scores."""
    identity = replace(
        SEVERAL,
        matrix=np.eye(C, D, dtype=np.float32),
        local_matrix=None,
        scoring={"scale": 1.0},
    )
    return identity, np.pad(scores, ((0, 0), (0, D - C)))


def test_labels_are_those_above_their_thresholds_best_first() -> None:
    scores = np.array([[5, 1, 3, 2, 4, 3], [0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 9]], np.float32)
    without, features = with_scores(scores)

    def given(classifier: Classifier, threshold: float | None = None) -> list[list[int]]:
        found = ranked(classifier, features, k=2, threshold=threshold)
        for each, row in zip(found, scores, strict=True):
            assert each.given_scores.tolist() == row[each.given].tolist()
            assert each.top.tolist() == top_k(row[None], 2)[0].tolist()
        return [each.given.tolist() for each in found]

    own = replace(without, thresholds=np.array([2, -9, -1, -1, 1, 0], np.float32))
    # means are 3, 0 and 3: the first image's centred scores are 2, -2, 0, -1, 1, 0
    assert given(own) == [[2, 1], [1, 2, 3], [0, 5, 1]]
    assert given(own, 0.5) == [[0, 4], [], [0, 5]]
    assert given(own, 2.0) == [[], [], [0, 5]]
    assert [len(row) for row in given(own, -100.0)] == [6, 6, 6]
    assert given(without) == [[0, 4, 2], [0, 1, 2], [0, 5, 1]]
    assert given(without, 0.5) == [[0, 4], [], [0, 5]]


def test_distance_is_that_of_the_closest_class() -> None:
    exact = np.concatenate([CLASSIFIER.matrix[2:4], -CLASSIFIER.matrix[:1]])
    distances = [each.distance for each in ranked(CLASSIFIER, exact)]
    np.testing.assert_allclose(distances[:2], 0, atol=1e-6)
    cosines = exact[2] @ CLASSIFIER.matrix.T
    assert distances[2] == pytest.approx(1 - cosines.max(), abs=1e-6)
    assert [each.distance for each in ranked(SEVERAL, exact)] == distances
    broken = ranked(CLASSIFIER, np.full((1, D), np.nan, np.float32))
    assert not np.isfinite(broken[0].distance)


def test_classifiers_with_equal_needs_share_a_pass() -> None:
    single = ImageScorer(CLASSIFIER).encoding
    plain = {"fusion": 0.0}
    same = [
        ImageScorer(replace(CLASSIFIER, scoring={"global_positions": False})).encoding,
        ImageScorer(replace(SEVERAL, scoring=plain)).encoding,
        ImageScorer(replace(SEVERAL, local_matrix=None)).encoding,
    ]
    assert {single, *same} == {Encoding(True, None)}
    local = ImageScorer(SEVERAL).encoding
    assert local == Encoding(True, "auto")
    assert ImageScorer(replace(SEVERAL, scoring={**SCORING, "kappa_image": 1})).encoding == local
    mode = {"dense_mode": "value_only", "global_positions": False}
    assert ImageScorer(replace(SEVERAL, scoring=mode)).encoding == Encoding(False, "value_only")


def test_drawn_scenes_get_the_scores_and_labels_of_the_method() -> None:
    encoder = ClipEncoder(resolve_clip(FIELD_GUIDE), threads=1, device="cpu")
    how = encoder.model_info.preprocessing
    scenes = [scene("archive", 5, index) for index in range(8)]
    drawn = [to_input_size(render_scene(each, 160, 160), how) for each in scenes]
    pixels = np.stack([np.asarray(each) for each in drawn])
    prompts = [f"a photo of a {name}" for name in CATEGORIES]
    matrix = encoder.encode_texts(prompts)
    scoring = {"scale": 100.0, "kappa_image": 100.0, "fusion": 0.5}
    scorer = ImageScorer(
        Classifier(
            labels=tuple(CATEGORIES),
            matrix=matrix,
            clip={"name": FIELD_GUIDE, "fingerprint": "f", "embed_dim": matrix.shape[1]},
            method="zero_shot_dense",
            logit_scale=100.0,
            multi_label=True,
            local_matrix=matrix,
            scoring=scoring,
        )
    )
    whole, dense = encoder.encode_pixels(pixels), encoder.encode_dense(pixels)
    wanted = image_scores(whole, dense, matrix, matrix, ScoreSettings(**scoring)).fused
    with encoder.lane.slot() as slot:
        encoded = scorer.encoding.of(encoder, encoder.normalised(slot.put(pixels)))
        found = scorer.ranked(encoded, len(CATEGORIES), slot.take)
        few = scorer.ranked(encoded.rows([6, 2]), 3, slot.take)
    for each, row in zip(found, wanted, strict=True):
        np.testing.assert_allclose(each.top_scores, row[each.top], atol=1e-3)
    for each, row in zip(few, wanted[[6, 2]], strict=True):
        np.testing.assert_allclose(each.top_scores, row[each.top], atol=1e-3)
    best = [
        CATEGORIES[each.given[0]] in one.categories for each, one in zip(found, scenes, strict=True)
    ]
    assert sum(best) >= 6, "labels are those of the scenes"
