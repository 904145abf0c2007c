"""What Do You See: golden values and invariants, with stub encoders."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.class_matrix import class_matrix, top_k, unit_rows
from methods.prompt import default_prompt, default_prompts
from methods.what_do_you_see import (
    PARTS,
    TEMPLATE,
    Part,
    class_question,
    class_weights,
    fuse,
    mean_features,
    spread,
)

Matrix = NDArray[np.float32]
EQUAL: dict[Part, float] = dict.fromkeys(PARTS, 1.0)


def encode(texts: list[str]) -> Matrix:
    """A text encoder: a unit vector of 32 numbers that only the text decides."""
    rows = [np.random.default_rng(list(text.encode())).standard_normal(32) for text in texts]
    return unit_rows(np.array(rows, np.float32))


def random_unit(rows: int, seed: int, width: int = 32) -> Matrix:
    """Unit rows."""
    return unit_rows(np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32))


NAMES = ["cat", "dog", "red fox", "owl"]
MATRIX = class_weights(
    {"name": encode(NAMES), "template": encode([f"A photo of {n}" for n in NAMES])}
)


def test_golden_values_in_the_plane() -> None:
    """Worked out by hand: (1, 0) + (0, 1) halves the angle; (3 (1, 0) + 4 (0, 1)) / 5."""
    x, y = np.array([[2.0, 0.0]], np.float32), np.array([[0.0, 7.0]], np.float32)
    assert np.allclose(
        class_weights({"name": x / 2, "template": y / 7}), [[0.70710678, 0.70710678]]
    )
    assert np.allclose(fuse({"image": x, "description": y}, EQUAL), [[0.70710678, 0.70710678]])
    weights: dict[Part, float] = {"image": 3.0, "description": 4.0}
    assert np.allclose(fuse({"image": x, "description": y}, weights), [[0.6, 0.8]])
    # the mean of descriptions is not made unit again, so it weighs less than a name
    mean = mean_features(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    assert np.allclose(mean, [0.5, 0.5])
    fused = class_weights({"name": x / 2, "descriptions": mean[None]})
    assert np.allclose(fused, np.array([[1.5, 0.5]]) / np.hypot(1.5, 0.5), atol=1e-6)


def test_class_weights_are_the_unit_sum_of_what_is_chosen() -> None:
    descriptions = [encode([f"{name} {number}" for number in range(50)]) for name in NAMES]
    mean = np.stack([mean_features(own) for own in descriptions])
    alone = class_weights({"descriptions": mean})
    assert np.allclose(
        alone, unit_rows(np.stack([own.mean(axis=0) for own in descriptions])), atol=1e-5
    )
    assert np.allclose(np.linalg.norm(MATRIX, axis=1), 1, atol=1e-5)
    assert np.allclose(
        MATRIX, unit_rows(encode(NAMES) + encode([f"A photo of {n}" for n in NAMES]))
    )
    with pytest.raises(ValueError, match="at least one of name, template, descriptions"):
        class_weights({})


def test_a_class_without_descriptions_falls_back_to_its_name() -> None:
    nothing = mean_features(np.zeros((0, 32), np.float32))
    assert np.allclose(
        class_weights({"name": encode(["cat"]), "descriptions": nothing[None]}), encode(["cat"])
    )


def test_copies_of_a_description_are_one_description() -> None:
    assert np.allclose(
        mean_features(encode(["a cat"] * 7)), mean_features(encode(["a cat"])), atol=1e-6
    )


def test_the_label_and_the_order_are_those_of_the_unit_sum_times_the_matrix() -> None:
    v, d, u = (random_unit(40, seed) for seed in (1, 2, 3))
    scores = fuse({"image": v, "description": d, "prediction": u}, EQUAL) @ MATRIX.T
    expected = (v + d + u) / np.linalg.norm(v + d + u, axis=1, keepdims=True) @ MATRIX.T
    assert np.allclose(scores, expected, atol=1e-5)
    assert (top_k(scores, 5) == np.argsort(-expected, axis=1, kind="stable")).all(), "4 classes: 4"
    assert np.abs(scores).max() <= 1 + 1e-6


def test_scaling_what_an_encoder_gives_changes_nothing_and_a_mean_is_as_good_as_a_sum() -> None:
    v, d, u = (random_unit(40, seed) for seed in (1, 2, 3))
    plain = fuse({"image": v, "description": d, "prediction": u}, EQUAL)
    scaled = fuse({"image": 3 * v, "description": 0.1 * d, "prediction": 50 * u}, EQUAL)
    thirds = fuse({"image": v, "description": d, "prediction": u}, dict.fromkeys(PARTS, 1 / 3))
    assert np.allclose(plain, scaled, atol=1e-5)
    assert np.allclose(plain, thirds, atol=1e-5)


def test_permuting_classes_permutes_scores_and_batches_do_not_matter() -> None:
    parts: dict[Part, Matrix] = {"image": random_unit(40, 1), "description": random_unit(40, 2)}
    whole = fuse(parts, EQUAL)
    halves = [fuse({part: rows[half] for part, rows in parts.items()}, EQUAL)
              for half in (slice(0, 13), slice(13, None))]  # fmt: skip
    assert np.allclose(whole, np.concatenate(halves), atol=1e-6)
    order = [2, 0, 3, 1]
    assert np.allclose((whole @ MATRIX.T)[:, order], whole @ MATRIX[order].T)


def test_the_image_and_the_template_alone_are_clip_zero_shot() -> None:
    v = random_unit(40, 1)
    template = class_weights({"template": encode([f"A photo of {name}" for name in NAMES])})
    zero_shot = class_matrix(NAMES, [TEMPLATE], lambda texts: encode(list(texts)))
    query = fuse({"image": v}, EQUAL)
    assert np.allclose(query @ template.T, v @ zero_shot.T, atol=1e-5)


def test_a_prediction_that_is_a_class_name_wins_where_the_rest_is_silent() -> None:
    names = np.eye(4, 8, dtype=np.float32)
    silent = np.eye(1, 8, 7, dtype=np.float32)  # orthogonal to all classes
    query = fuse({"image": silent, "description": silent, "prediction": names[2:3]}, EQUAL)
    assert (query @ class_weights({"name": names}).T).argmax() == 2


def test_what_is_missing_is_left_out_of_the_sum() -> None:
    v, d = random_unit(3, 1), random_unit(3, 2)
    d[1] = 0
    fused = fuse({"image": v, "description": d}, EQUAL)
    assert np.allclose(fused[1], v[1], atol=1e-6)
    assert np.allclose(fused[0], unit_rows(v[:1] + d[:1])[0], atol=1e-6)
    nothing = np.zeros((2, 32), np.float32)
    assert not fuse({"image": nothing, "description": nothing}, EQUAL).any()


def test_equal_classes_tie_and_the_first_wins_and_a_duplicate_adds_no_winner() -> None:
    twice = np.vstack([MATRIX, MATRIX[:1]])
    query = fuse({"image": random_unit(200, 5)}, EQUAL)
    with_duplicate = top_k(query @ twice.T, 1)[:, 0]
    assert (with_duplicate == (query @ MATRIX.T).argmax(axis=1)).all()


def test_answers_are_spread_over_prompts_and_every_question_is_its_own() -> None:
    assert spread(7, 3) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2)]
    questions = {class_question(f"prompt {p}", s) for p, s in spread(50, 5)}
    assert len(questions) == 50


def test_the_default_prompts_name_no_data_set() -> None:
    describe = default_prompt("what_do_you_see", "describe")
    predict = default_prompt("what_do_you_see", "predict", ("classes",))
    about_classes = default_prompts("what_do_you_see", "class", ("class",))
    assert len(about_classes) == 5
    for prompt in (describe, predict, *about_classes):
        assert not {"bird", "species"} & set(prompt.text.lower().replace(",", " ").split())
