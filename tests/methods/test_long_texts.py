"""Texts beyond the encoder's context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.class_matrix import unit_rows
from methods.long_texts import encode_long_texts, published_cut, sentences_of


def words(count: int) -> str:
    """A text of five-letter words."""
    return " ".join(["words"] * count)


@pytest.mark.parametrize(
    ("text", "limit", "tried"),
    [
        (words(60), 77, [(60, 359)]),
        (words(150), 110, [(150, 899), (100, 599)]),
        (words(150), 77, [(150, 899), (100, 599), (34, 200)]),  # the trace of the published code
        (words(90), 20, [(90, 539), (34, 200), (25, 150), (17, 100)]),
        ("x" * 900, 0, [(1, 900), (1, 200), (1, 150), (1, 100), (1, 50)]),
    ],
)
def test_the_published_rule_tries_what_the_published_code_tries(
    text: str, limit: int, tried: list[tuple[int, int]]
) -> None:
    seen = []

    def fits(part: str) -> bool:
        seen.append((len(part.split()), len(part)))
        return len(part.split()) <= limit

    kept = published_cut(text, fits)
    assert seen == tried
    assert len(kept) == tried[-1][1]
    assert text.startswith(kept)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A red bird. It sings!", ["A red bird.", "It sings!"]),
        ("One line\nanother", ["One line", "another"]),
        ("Is it 3.5 m? Yes.", ["Is it 3.5 m?", "Yes."]),
        ("As J. S. Bach said. So.", ["As J. S. Bach said.", "So."]),
        ("赤い鳥。青い鳥。", ["赤い鳥。", "青い鳥。"]),
        ("no end", ["no end"]),
        ("", [""]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """A text encoder that sees three words."""
    rows = [
        np.random.default_rng(list(" ".join(text.split()[:3]).encode())).standard_normal(16)
        for text in texts
    ]
    return unit_rows(np.array(rows, np.float32).reshape(-1, 16))


def fits(text: str) -> bool:
    """Whether the encoder above sees a text whole."""
    return len(text.split()) <= 3


def test_sentences_are_pooled_only_where_a_text_is_too_long() -> None:
    texts = ["a. b.", "one two three. four five six. seven", "x"]
    pooled = encode_long_texts(texts, encode, fits, "sentences")
    assert np.allclose(pooled[[0, 2]], encode([texts[0], texts[2]]), atol=1e-6)
    parts = encode(["one two three.", "four five six.", "seven"])
    assert np.allclose(pooled[1], unit_rows(parts.mean(axis=0)[None])[0], atol=1e-6)


def test_truncation_leaves_the_cut_to_the_encoder_and_nothing_gives_nothing() -> None:
    texts = ["one two three four", "a"]
    assert np.array_equal(encode_long_texts(texts, encode, fits, "truncate"), encode(texts))
    for how in ("truncate", "sentences", "published"):
        assert encode_long_texts([], encode, fits, how).shape == (0, 16)  # type: ignore[arg-type]
