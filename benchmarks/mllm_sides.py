"""The two sides of `benchmarks.mllm_pass` that share our environment, each in a process of its own.

    python -m benchmarks.mllm_sides SIDE ROOT MLLM OUT ARCHIVE...

Starts a side and asks the MLLM about each archive, the folder of that name in ROOT, in this order.
OUT/result.json has the seconds of the start and of each archive, and the answers about the last
one.

bare   `vllm.LLM` with the engine arguments and environment variables of our replicas: the files of
       an archive decoded with one thread a core, then one call of `LLM.chat`, which is what it
       does best. No Ray, no table, nothing kept.
onoma  the recognise stage of `onoma label slac`: manifest, fetch, what is known, decode, replica,
       answers table, stage table, checkpoint. Ray and the replica run before the first archive and
       live on, as they do between the passes of a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ray_jobs.config import LabelSlacConfig

FIRST = "warm"  # whose settings the engine starts with
RESULT = "result.json"
Responses = dict[str, str]


def config_of(root: Path, archive: str, mllm: str, out: Path) -> LabelSlacConfig:
    """The settings of `onoma label slac` for one archive, with an answers table of its own."""
    return LabelSlacConfig(
        images=str(root / archive / "images"),
        classes=str(root / archive / "classes.txt"),
        mllm=mllm,
        out=str(out / archive),
        response_cache=str(out / archive / "answers"),
    )


class Bare:
    """vLLM alone."""

    def __init__(self, root: Path, mllm: str, out: Path) -> None:
        """Start the engine."""
        from actors.compat.vllm import quiet_thread_warnings
        from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
        from actors.mllm.model import resolve_mllm
        from methods.prompt import default_prompt
        from ray_jobs.passes.mllm_pool import size_mllm_pool
        from ray_jobs.passes.session import Capacity

        config = config_of(root, FIRST, mllm, out)
        self._root, self._text = root, default_prompt("tlac", "recognise").text
        self._cores = len(os.sched_getaffinity(0))
        model = resolve_mllm(mllm)
        options = size_mllm_pool(config, model, Capacity(self._cores, 0, 1)).options
        prepare_environment(options)
        from vllm import LLM, SamplingParams

        self._llm = LLM(**engine_arguments(model, options))
        quiet_thread_warnings()
        self._sampling = SamplingParams(
            max_tokens=config.max_tokens, temperature=config.temperature, top_p=config.top_p
        )

    def ask(self, archive: str) -> Responses:
        """Ask about every file of an archive."""
        images = self._root / archive / "images"
        files = sorted(path for path in images.rglob("*") if path.is_file())
        with ThreadPoolExecutor(self._cores) as pool:
            messages: list[Any] = list(pool.map(self._message, files))
        said = self._llm.chat(messages, self._sampling, use_tqdm=False)
        paths = [str(file.relative_to(images)) for file in files]
        return {path: each.outputs[0].text for path, each in zip(paths, said, strict=True)}

    def close(self) -> None:
        """Nothing to end: the engine goes with its process."""

    def _message(self, file: Path) -> list[dict[str, Any]]:
        from actors.mllm.engines.vllm_chat import conversation
        from actors.mllm.images import decode_for_mllm
        from actors.mllm.request import Request

        return conversation(Request(self._text, (decode_for_mllm(file.read_bytes()),)))


class Onoma:
    """The recognise stage with replicas that are there already."""

    def __init__(self, root: Path, mllm: str, out: Path) -> None:
        """Start Ray, the replicas and their engines."""
        import ray

        from actors.mllm.model import resolve_mllm
        from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
        from ray_jobs.passes.session import start_ray

        self._root, self._mllm, self._out = root, mllm, out
        config = config_of(root, FIRST, mllm, out)
        self._capacity = start_ray()
        model = resolve_mllm(mllm)
        self._held = contextlib.ExitStack()
        self._replicas = self._held.enter_context(
            mllm_replicas(model, size_mllm_pool(config, model, self._capacity))
        )
        ray.get([handle.start.remote() for handle in self._replicas.handles])

    def ask(self, archive: str) -> Responses:
        """Run the stage on an archive."""
        from actors.labels.slac_tlac import RECOGNISE
        from ray_jobs.passes.job import Job
        from ray_jobs.passes.label_job import list_archive
        from ray_jobs.passes.run_pass import Pass, run_pass
        from ray_jobs.pipelines.slac_tlac import passes, resolve_inputs
        from ray_jobs.runs.folder import open_run
        from ray_jobs.runs.stage_tables import stage_table

        config = config_of(self._root, archive, self._mllm, self._out)
        inputs = resolve_inputs(config)
        run = open_run(config.out, {"method": config.method}, config.public())
        list_archive(run, config)
        job = Job(run, config, self._capacity, inputs.mllm, replicas=self._replicas)
        recognise = passes(config, inputs)[0]
        assert isinstance(recognise, Pass)
        run_pass(job, recognise)
        return read_answers(Path(stage_table(run, RECOGNISE)))

    def close(self) -> None:
        """End the replicas."""
        self._held.close()


def read_answers(table: Path) -> Responses:
    """Read a stage table: path in the archive, and what was said."""
    import pyarrow.parquet as pq

    columns = ["path", "error", "recognise"]
    rows = pq.read_table(table, columns=columns, partitioning=None).to_pylist()
    if silent := [row for row in rows if row["error"] or row["recognise"]["error"]]:
        raise SystemExit(f"{len(silent)} images have errors, the first: {silent[0]}")
    return {row["path"]: row["recognise"]["answer"] for row in rows}


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    began = time.perf_counter()
    result = what()
    return time.perf_counter() - began, result


def main() -> None:
    """Start a side, ask about every archive, write what it took."""
    name, root, mllm, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    kind = {"bare": Bare, "onoma": Onoma}[name]
    start, engine = timed(lambda: kind(root, mllm, out))
    seconds: dict[str, float] = {}
    answers: Responses = {}
    try:
        for archive in sys.argv[5:]:
            seconds[archive], answers = timed(partial(engine.ask, archive))
    finally:
        engine.close()
    out.mkdir(exist_ok=True)
    found = {"start": start, "seconds": seconds, "answers": answers}
    (out / RESULT).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
