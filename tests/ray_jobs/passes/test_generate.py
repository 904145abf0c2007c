"""Where responses are kept, and how what a run asked is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.mllm.model import EngineOptions, MllmModel
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from actors.mllm.responses import RESPONSE_TYPE
from methods.errors import InputError
from ray_jobs.config import LabelSlacConfig
from ray_jobs.passes.generate import cache_root, open_cached
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_pool import MllmPool, Replicas
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.usage import count_usage

QUERY = Query("see", ImagePrompt("What?"), Sampling(), max_side=64)
MODEL = MllmModel("m", "vllm", "m", "files:1")


def replicas(**extra: Any) -> Replicas:
    """A pool of no replicas, with engine arguments."""
    return Replicas([], MODEL, MllmPool(0, EngineOptions(extra=extra), 1, 1))


def job(config: LabelSlacConfig) -> Job:
    """A job with a pool of no replicas."""
    return Job(RunFolder(config.out, {}), config, Capacity(1, 0, 1), MODEL, replicas=replicas())


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
    assert cache_root(LabelSlacConfig(images="x", out=out, response_cache=answers)) == root


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = LabelSlacConfig(images="x", out="y", response_cache=str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"--response-cache .*/file: cannot be written"):
        open_cached(job(config), QUERY)


def test_other_engine_arguments_are_other_responses(tmp_path: Path) -> None:
    config = LabelSlacConfig(images="x", out=str(tmp_path / "run"))
    plain = job(config)
    same, other = job(config), job(config)
    same.replicas = replicas(max_num_seqs=7)
    other.replicas = replicas(quantization="fp8")
    folders = [open_cached(each, QUERY).folder for each in (plain, same, other)]
    assert folders[0] == folders[1] != folders[2]
    assert json.loads((Path(folders[2]) / "query.json").read_text())["engine"] == {
        "quantization": "fp8"
    }


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
