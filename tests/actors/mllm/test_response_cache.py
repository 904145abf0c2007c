"""The answers table: found by key, on local disk and S3, by writers that do not know each other."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from actors import storage
from actors.mllm.response_cache import (
    RESPONSE_COLUMNS,
    RESPONSES_SCHEMA,
    append,
    index_keys,
    key_of,
    open_query,
    query_folder,
)


def rows(texts: list[str], said: str = "on") -> pa.Table:
    """Answers about texts."""
    return pa.table(
        {
            "key": [key_of(text.encode()) for text in texts],
            "answer": [f"{said} {text}" for text in texts],
            "finish_reason": ["stop"] * len(texts),
            "prompt_tokens": [3] * len(texts),
            "output_tokens": [4] * len(texts),
        },
        schema=RESPONSES_SCHEMA,
    )


def keys(*texts: str | None) -> list[bytes | None]:
    """Keys of texts."""
    return [None if text is None else key_of(text.encode()) for text in texts]


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, s3_bucket: str) -> str:
    """An empty answers table."""
    return str(tmp_path) if request.param == "local" else f"{s3_bucket}/answers-{tmp_path.name}"


def test_what_was_kept_is_found_and_the_rest_is_null(root: str) -> None:
    query = {"prompt": "what?", "model": "m"}
    folder = open_query(root, query)
    assert json.loads(storage.read_bytes(f"{folder}/query.json")) == query
    empty = index_keys(folder)
    assert empty.read(keys("a", None), RESPONSE_COLUMNS).column("answer").to_pylist() == [
        None,
        None,
    ]
    append(folder, rows(["a", "b", "c"]))
    append(folder, rows(["d", "e"]))
    append(folder, rows([]))
    index = index_keys(folder)
    found = index.read(keys("e", "x", None, "a", "e"), RESPONSE_COLUMNS)
    assert found.column("answer").to_pylist() == ["on e", None, None, "on a", "on e"]
    assert found.column("output_tokens").to_pylist() == [4, None, None, 4, 4]
    assert len(index.files) == 2


def test_of_two_answers_to_one_thing_the_first_counts(tmp_path: Path) -> None:
    append(str(tmp_path), rows(["a"], "first on"))
    append(str(tmp_path), rows(["b", "a"], "later on"))
    found = index_keys(str(tmp_path)).read(keys("a", "b"), ("answer",))
    assert found.column("answer").to_pylist() == ["first on a", "later on b"]


def test_another_prompt_model_or_sampling_is_another_ask(tmp_path: Path) -> None:
    asks = [{"prompt": p, "model": m, "sampling": {"max_tokens": t}} for p in "ab" for m in "xy"
            for t in (1, 2)]  # fmt: skip
    assert len({query_folder(str(tmp_path), ask) for ask in asks}) == len(asks)
    assert query_folder("r", {"a": 1, "b": 2}) == query_folder("r", {"b": 2, "a": 1})


def _write_many(folder: str, first: int) -> None:
    for start in range(first, first + 400, 20):
        append(folder, rows([str(n) for n in range(start, start + 20)]))


@pytest.mark.slow
def test_jobs_that_write_at_once_lose_and_break_nothing(tmp_path: Path) -> None:
    folder = open_query(str(tmp_path), {"prompt": "p"})
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(folder, 200 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    index = index_keys(folder)
    assert len(index.keys) == 800  # 0 to 799, the overlaps once
    asked = [str(n) for n in np.random.default_rng(0).permutation(900)]
    said = index.read(keys(*asked), ("answer",)).column("answer").to_pylist()
    assert said == [f"on {text}" if int(text) < 800 else None for text in asked]


@pytest.mark.slow
def test_a_million_answers_are_indexed_in_little_memory(tmp_path: Path) -> None:
    count, files = 1_000_000, 20
    rng = np.random.default_rng(0)
    raw = rng.bytes(16 * count)
    for number in range(files):
        piece = raw[number * 16 * count // files : (number + 1) * 16 * count // files]
        column = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), count // files, [None, pa.py_buffer(piece)]
        )
        texts = [f"{number}-{row}" for row in range(count // files)]
        rest = {"finish_reason": ["stop"] * len(texts)}
        rest |= {name: [1] * len(texts) for name in ("prompt_tokens", "output_tokens")}  # type: ignore[dict-item]
        append(str(tmp_path), pa.table({"key": column, "answer": texts, **rest}))
    index = index_keys(str(tmp_path))
    assert len(index.keys) == count
    assert index.keys.nbytes + index.file.nbytes + index.row.nbytes == 24 * count
    wanted = [raw[16 * row : 16 * row + 16] for row in range(0, count, 50_000)]
    said = index.read(wanted, ("answer",)).column("answer").to_pylist()
    assert said == [f"{row // 50_000}-{row % 50_000}" for row in range(0, count, 50_000)]
