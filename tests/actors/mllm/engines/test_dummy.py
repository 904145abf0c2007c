"""Answers from a file: rules, a function, and what is wrong with a file that has neither."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import DecodedImage, Request, Response, Sampling
from methods.errors import InputError


def ask(file: Path, *requests: Request | str, **options: Any) -> list[Response]:
    """Ask through a replica."""
    replica = MLLM(resolve_mllm(f"dummy:{file}"), EngineOptions(**options))
    batch = [Request(each) if isinstance(each, str) else each for each in requests]
    return asyncio.run(replica.generate(batch)).responses


def written(folder: Path, name: str, content: Any) -> Path:
    """A file of a dummy."""
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return file


RULES = [
    {"pattern": "tit$", "answer": "a great tit"},
    {"pattern": "(?i)CUT", "answer": "A bird with", "finish_reason": "length"},
    {"pattern": "busy", "error": "mllm_rate_limited"},
    {"pattern": "bird", "answer": "a wren"},
]
SAME = """
rules:
- {pattern: tit$, answer: a great tit}
- {pattern: '(?i)CUT', answer: A bird with, finish_reason: length}
- {pattern: busy, error: mllm_rate_limited}
- {pattern: bird, answer: a wren}
"""
TABLE = """pattern,answer,finish_reason,error
tit$,a great tit,,
(?i)CUT,A bird with,length,
busy,,,mllm_rate_limited
bird,a wren,,
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [("r.json", RULES), ("r.json", {"rules": RULES}), ("r.yaml", SAME), ("r.csv", TABLE)],
)
def test_the_first_rule_that_matches_answers(tmp_path: Path, name: str, content: Any) -> None:
    file = written(tmp_path, name, content)
    tit, cut, busy, bird, none = ask(file, "bird or tit", "a cut one", "busy", "a bird", "a cat")
    assert tit == Response("a great tit", "stop", 3, 3)
    assert (cut.text, cut.finish_reason) == ("A bird with", "length")
    assert (busy.text, busy.error) == (None, "mllm_rate_limited")
    assert bird.text == "a wren"
    assert (none.error, none.error_detail) == ("mllm_rejected", "no rule answers 'a cat'")


def test_of_several_answers_text_and_pixels_choose_one_always_the_same(tmp_path: Path) -> None:
    file = written(tmp_path, "r.json", [{"answer": ["a wren", "a robin", "a tit"]}])
    images = [DecodedImage(np.full((2, 2, 3), shade, np.uint8)) for shade in range(30)]
    requests = [Request("what?", (image,)) for image in images]
    said = [each.text for each in ask(file, *requests)]
    assert set(said) == {"a wren", "a robin", "a tit"}
    assert [each.text for each in ask(file, *requests[::-1])] == said[::-1]


def test_an_answer_longer_than_the_token_limit_is_cut(tmp_path: Path) -> None:
    file = written(tmp_path, "r.json", [{"answer": "one two three"}])
    (cut,) = ask(file, Request("x", sampling=Sampling(max_tokens=2)))
    assert cut == Response("one two", "length", 1, 2)


def test_a_function_answers_from_text_and_pixels(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "look.py",
        "def answer(text, images):\n"
        "    if not images:\n        return 7\n"
        "    return f'{text} {images[0].shape} {images[0].mean():.1f}'\n",
    )
    shades = [DecodedImage(np.full((2, 3, 3), shade, np.uint8)) for shade in (2, 0)]
    light, dark, number = ask(
        file, *(Request("saw", (image,)) for image in shades), Request("nothing")
    )
    assert light.text == "saw (2, 3, 3) 2.0"
    assert dark.text == "saw (2, 3, 3) 0.0"
    assert (number.error, number.error_detail) == (
        "mllm_bad_response",
        "answer() returned int, not str",
    )


def test_a_function_that_raises_is_a_response_with_an_error(tmp_path: Path) -> None:
    file = written(tmp_path, "f.py", "def answer(text, images):\n    raise KeyError(text)\n")
    (response,) = ask(file, "x")
    assert (response.error, response.error_detail) == ("mllm_bad_response", "KeyError: 'x'")


@pytest.mark.slow
def test_a_speed_is_kept_whatever_comes(tmp_path: Path) -> None:
    file = written(tmp_path, "r.json", {"rules": [{"answer": "x"}], "images_per_second": 50})
    began = time.monotonic()
    ask(file, *["what?"] * 30)
    assert 0.5 < time.monotonic() - began < 3


def test_the_content_is_the_fingerprint(tmp_path: Path) -> None:
    one = resolve_mllm(f"dummy:{written(tmp_path, 'a.json', RULES)}")
    same = resolve_mllm(f"dummy:{written(tmp_path, 'b.json', RULES)}")
    other = resolve_mllm(f"dummy:{written(tmp_path, 'c.json', RULES[:2])}")
    assert one.engine == "dummy"
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("r.txt", "x", "give a file that ends in .json"),
        ("r.json", "{", "is not valid JSON"),
        ("r.yaml", "a: [", "is not valid YAML"),
        ("r.json", "7", "valid dictionary"),
        ("r.json", [{"pattern": "("}], r"rules.0.pattern: .*'\(' is no regular expression"),
        ("r.json", [{"pattern": "x"}], "rules.0: .*either an answer or an error"),
        ("r.json", [{"answer": "x", "error": "mllm_timeout"}], "either an answer or an error"),
        ("r.json", [{"error": "tired"}], "rules.0.error: .*no error code; known: mllm_timeout"),
        ("r.json", [{"answer": "x", "colour": "red"}], "rules.0.colour: "),
        ("r.json", {"rules": [], "images_per_second": 0}, "images_per_second: "),
        ("r.csv", "pattern,said\nx,y\n", "rules.0.said: "),
        ("f.py", "def answer(", "the module cannot be run"),
        ("f.py", "def say(text, images): ...", r"defines no function answer\(text, images\)"),
    ],
)
def test_a_file_that_is_none_is_told_in_one_sentence(
    tmp_path: Path, name: str, content: Any, sentence: str
) -> None:
    file = written(tmp_path, name, content)
    with pytest.raises(InputError, match=sentence) as error:
        resolve_mllm(f"dummy:{file}")
    assert str(error.value).startswith(f"--mllm dummy:{file}: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("none.json", "none.py"):
        with pytest.raises(InputError, match=r"cannot be read \(No such file"):
            resolve_mllm(f"dummy:{tmp_path / name}")
