"""Where answers live, and how a run's asking is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.mllm.generate import RESPONSE_TYPE, ImagePrompt
from actors.mllm.request import Sampling
from methods.errors import InputError
from ray_jobs.config import LabelSlacConfig
from ray_jobs.passes.generate import PassQuery, cache_root, open_query_cache
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.usage import count_usage

ASKED = PassQuery("see", ImagePrompt("What?", Sampling()), {"prompt": "What?"})


@pytest.mark.parametrize(
    ("out", "answers", "root"),
    [
        ("/data/runs/one", None, "/data/runs/answers"),
        ("/one", None, "/answers"),
        ("s3://bucket/runs/one/", None, "s3://bucket/runs/answers"),
        ("s3://bucket/one", None, "s3://bucket/answers"),
        ("s3://bucket", None, "s3://bucket/answers"),
        ("/data/one", "s3://shared/answers/", "s3://shared/answers"),
    ],
)
def test_answers_live_beside_the_run_unless_told_otherwise(
    out: str, answers: str | None, root: str
) -> None:
    assert cache_root(LabelSlacConfig(images="x", out=out, answers=answers)) == root


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = LabelSlacConfig(images="x", out="y", answers=str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"--answers .*/file: cannot be written"):
        open_query_cache(config, ASKED)


def test_usage_is_counted_from_what_was_written(tmp_path: Path) -> None:
    rows = [
        # reused, engine, error, prompt_tokens, output_tokens
        (True, None, None, 50, 5),
        (False, "a", None, 50, 6),
        (False, "a", "mllm_timeout", 0, 0),
        (False, "b", None, 40, 7),
        (False, "endpoint", None, 1, 1),
        None,  # never asked: the image cannot be read
    ]
    names = ("reused", "engine", "error", "prompt_tokens", "output_tokens")
    said = [row and dict(zip(names, row, strict=True)) for row in rows]
    table = pa.table({"recognise": pa.array(said, RESPONSE_TYPE)})
    (tmp_path / "stages" / "recognise").mkdir(parents=True)
    pq.write_table(table, tmp_path / "stages" / "recognise" / "1.parquet")
    pq.write_table(pa.table({}), tmp_path / "stages" / "recognise" / "empty.parquet")
    usage = count_usage(RunFolder(str(tmp_path), {}), {"recognise": ["recognise"], "choose": []})
    assert json.loads(json.dumps(usage.record())) == {
        "mllm_calls": 4,
        "answers_reused": 1,
        "prompt_tokens": 91,
        "output_tokens": 14,
        "engine_starts": 2,
    }
