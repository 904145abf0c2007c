"""One classifier's scores: those of the methods, whoever asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from actors.clip.image_scorer import Encoded, Encoding, ImageScorer
from actors.clip.model import FIELD_GUIDE, resolve_clip
from actors.images.decode import to_input_size
from fieldguide.scene_drawing import render_scene
from fieldguide.scenes import CATEGORIES, scene
from methods.class_matrix import softmax_scores, top_k, unit_rows
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
ENCODED = Encoded(units(N, D, seed=3), units(N, P, D, seed=4))


def test_one_label_is_the_best_of_the_softmax() -> None:
    scorer = ImageScorer(CLASSIFIER)
    scores = scorer.scores(ENCODED)
    np.testing.assert_array_equal(scores, softmax_scores(ENCODED.whole, CLASSIFIER.matrix, 30.0))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    given = scorer.given(scores)
    np.testing.assert_array_equal(given, top_k(scores, 1))
    np.testing.assert_array_equal(scorer.given(scores, threshold=1000.0), given)
    assert {len(row) for row in given} == {1}


def test_a_bias_makes_of_each_score_the_probability_of_that_class_alone() -> None:
    scorer = ImageScorer(replace(CLASSIFIER, logit_scale=110.0, logit_bias=-12.5))
    scores = scorer.scores(ENCODED)
    logits = torch.tensor(ENCODED.whole @ CLASSIFIER.matrix.T) * 110.0 - 12.5
    np.testing.assert_allclose(scores, torch.sigmoid(logits).numpy(), rtol=1e-4)
    assert scores.dtype == np.float32
    nothing = Encoded(-CLASSIFIER.matrix[:2], None)
    assert scorer.scores(nothing)[0, 0] < 1e-6, "an image may be of none of the classes"
    ranks = scorer.ranks(ENCODED, scores)
    np.testing.assert_array_equal(scorer.given(ranks), top_k(logits.numpy(), 1))


def test_scores_that_round_to_one_do_not_decide_the_order() -> None:
    scorer = ImageScorer(replace(CLASSIFIER, logit_scale=110.0, logit_bias=100.0))
    scores = scorer.scores(ENCODED)
    assert ((scores == 1).sum(axis=1) > 1).any()
    ranks = scorer.ranks(ENCODED, scores)
    cosines = ENCODED.whole @ CLASSIFIER.matrix.T
    np.testing.assert_array_equal(np.concatenate(scorer.given(ranks)), cosines.argmax(axis=1))


@pytest.mark.parametrize("scoring", [SCORING, {}, {**SCORING, "fusion": 0.0}])
def test_several_labels_are_scored_with_the_classifiers_own_settings(
    scoring: dict[str, float],
) -> None:
    classifier = replace(SEVERAL, scoring=scoring)
    scorer = ImageScorer(classifier)
    wanted = image_scores(
        ENCODED.whole,
        ENCODED.dense,
        classifier.matrix,
        classifier.local_matrix,
        ScoreSettings(**scoring),
    )
    np.testing.assert_array_equal(scorer.scores(ENCODED), wanted.fused)
    # without features of positions the whole image counts, in the same scale
    np.testing.assert_array_equal(scorer.scores(Encoded(ENCODED.whole, None)), wanted.whole)


def test_labels_are_those_above_their_thresholds_best_first() -> None:
    scores = np.array([[5, 1, 3, 2, 4, 3], [0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 9]], np.float32)
    own = np.array([2, -9, -1, -1, 1, 0], np.float32)
    scorer = ImageScorer(replace(SEVERAL, thresholds=own))
    # means are 3, 0 and 3: the first image's centred scores are 2, -2, 0, -1, 1, 0
    assert [row.tolist() for row in scorer.given(scores)] == [[2, 1], [1, 2, 3], [0, 5, 1]]
    assert [row.tolist() for row in scorer.given(scores, 0.5)] == [[0, 4], [], [0, 5]]
    assert [row.tolist() for row in scorer.given(scores, 2.0)] == [[], [], [0, 5]]
    assert [len(row) for row in scorer.given(scores, -100.0)] == [6, 6, 6]
    without = ImageScorer(SEVERAL)
    assert [row.tolist() for row in without.given(scores)] == [[0, 4, 2], [0, 1, 2], [0, 5, 1]]
    assert [row.tolist() for row in without.given(scores, 0.5)] == [[0, 4], [], [0, 5]]


def test_distance_is_that_of_the_closest_class() -> None:
    exact = Encoded(np.concatenate([CLASSIFIER.matrix[2:4], -CLASSIFIER.matrix[:1]]), None)
    distances = ImageScorer(CLASSIFIER).distances(exact)
    assert (distances.dtype, distances.shape) == (np.float32, (3,))
    np.testing.assert_allclose(distances[:2], 0, atol=1e-6)
    cosines = exact.whole[2] @ CLASSIFIER.matrix.T
    assert distances[2] == pytest.approx(1 - cosines.max(), abs=1e-6)


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
    encoded = scorer.encoding.of(encoder, pixels)
    scores = scorer.scores(encoded)
    np.testing.assert_allclose(scores, wanted, atol=1e-3)
    few = Encoded(*(features[[6, 2]] for features in encoded))
    np.testing.assert_allclose(scorer.scores(few), wanted[[6, 2]], atol=1e-3)
    best = [
        CATEGORIES[row[0]] in each.categories
        for row, each in zip(scorer.given(scores), scenes, strict=True)
    ]
    assert sum(best) >= 6, "labels are those of the scenes"
