"""FineR: names from an answer, and rows from texts and votes."""

from __future__ import annotations

import numpy as np

from methods.near.finer import guessed_names, voted_matrix


def test_names_are_read_one_a_line() -> None:
    answer = "Here they are:\n1. **Barn Owl**\n2. barn owl\n\n- a bird\n3. Little Owl.\n4. Wren"
    assert guessed_names(answer, "bird", 3) == ["Barn Owl", "Little Owl", "Wren"]
    assert guessed_names(answer, "bird", 1) == ["Barn Owl"]
    assert guessed_names("", "bird", 3) == []


def test_a_row_mixes_a_name_with_the_images_that_vote_for_it() -> None:
    texts = np.eye(3, dtype=np.float32)
    features = np.array([[0.8, 0.6, 0], [1, 0, 0], [0, 0.6, 0.8]], np.float32)
    kept, matrix = voted_matrix(features, texts, 0.7)
    assert kept.tolist() == [0, 2], "the second name gets no vote"
    mixed = np.array([[0.7 + 0.3 * 0.9, 0.3 * 0.3, 0], [0, 0.3 * 0.6, 0.7 + 0.3 * 0.8]])
    assert np.allclose(matrix, mixed / np.linalg.norm(mixed, axis=1, keepdims=True), atol=1e-6)


def test_with_all_weight_on_the_text_the_rows_are_the_texts() -> None:
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((30, 6)).astype(np.float32)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    kept, matrix = voted_matrix(unit[10:], unit[:10], 1.0)
    assert np.allclose(matrix, unit[:10][kept], atol=1e-6)
