"""CaSED: which words of captions are candidates, and what they score."""

from __future__ import annotations

import numpy as np
import pytest

from methods.cased import FILLER, candidate_scores, candidate_words


def test_words_that_occur_twice_are_candidates_in_their_singular() -> None:
    captions = [
        "A photo of two barn owls.", "Barn-owl <b>in flight</b> http://x.org/owl.jpg",
        "the owl, and the moon", "foxes", "A fox & the moons of IMG_2041.jpg",
    ]  # fmt: skip
    assert candidate_words(captions) == ["barn", "owl", "moon", "fox"]


def test_without_a_word_that_occurs_twice_all_stay() -> None:
    assert candidate_words(["a heron standing", "grey bird"]) == [
        *("heron", "standing", "grey", "bird")
    ]


@pytest.mark.parametrize("captions", [[], [""], ["the picture of it"], ["12 34 a b"]])
def test_without_any_word_there_is_a_filler(captions: list[str]) -> None:
    assert candidate_words(captions) == [FILLER]


def test_scores_are_two_softmaxes_weighted() -> None:
    image = np.array([1, 0], np.float32)
    captions = np.array([[0, 1], [0, 1], [0.6, 0.8]], np.float32)
    words = np.eye(2, dtype=np.float32)
    by_image = np.exp([2.0, 0.0]) / np.exp([2.0, 0.0]).sum()
    mean = np.array([0.2, 2.8 / 3]) / np.linalg.norm([0.2, 2.8 / 3])
    by_captions = np.exp(2 * mean) / np.exp(2 * mean).sum()
    found = candidate_scores(image, captions, words, 2.0, 0.7)
    assert np.allclose(found, 0.7 * by_image + 0.3 * by_captions, atol=1e-6)
    assert candidate_scores(image, captions, words, 2.0, 0.0).argmax() == 1
