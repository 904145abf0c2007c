"""Passes that ask a multimodal LLM: about every image, or about every distinct text.

A pass writes a stage table into the run folder: a row for each thing asked about, with the answer
or an error. The columns are those of `actors.asking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from actors import storage
from actors.answers_table import index_keys, open_ask
from actors.asking import Question, ask, find_known
from actors.mllm import ENDPOINT
from actors.pictures import open_pictures
from methods.errors import InputError
from ray_jobs.config import LabelSlacConfig, LabelTlacConfig
from ray_jobs.ledger import batches_of, rows_committed
from ray_jobs.mllm_replicas import Replicas
from ray_jobs.ray_context import pass_settings
from ray_jobs.reading import READ_BATCH, read_images
from ray_jobs.run_folder import RunFolder

Config = LabelSlacConfig | LabelTlacConfig

_ROWS_PER_PARTITION = 100_000
_MOST_PARTITIONS = 200
_COUNTED = ("reused", "engine", "error", "prompt_tokens", "output_tokens")


@dataclass(frozen=True)
class Asked:
    """One ask in the answers table.

    Attributes:
        question: makes each request.
        identity: all that decides an answer beside what it is about.
    """

    question: Question
    identity: Mapping[str, Any]


def answers_root(config: Config) -> str:
    """The folder of the answers table: as set, else beside the run folder."""
    if config.answers:
        return storage.absolute(config.answers)
    out = storage.absolute(config.out)
    beside, _, _ = out.rpartition("/")
    return storage.join(out if beside.endswith((":", ":/")) else beside, "answers")


def open_answers(config: Config, asked: Asked) -> str:
    """Open the folder of an ask in the answers table; returns its URI.

    Raises:
        InputError: it cannot be written.
    """
    root = answers_root(config)
    try:
        return open_ask(root, asked.identity)
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise InputError(f"--answers {root}: cannot be written ({reason})") from error


def stage_table(run: RunFolder, stage: str) -> str:
    """Folder of a stage table."""
    return storage.join(run.uri, "stages", stage)


def index_of(folder: str) -> Any:
    """Index a folder's keys in the object store; returns the reference, the driver sees nothing."""
    import ray

    return ray.remote(index_keys).options(num_cpus=0).remote(folder)


def ask_images(
    run: RunFolder,
    config: Config,
    stage: str,
    asked: Asked,
    replicas: Replicas,
) -> None:
    """Ask about every image; resumes where an earlier attempt stopped.

    All stages have one shape, so that Ray runs a unit of work in one task: pixels do not travel
    between processes before they go to the replica, and small models are not slower than the tasks
    around them. While one task waits for answers, another decodes.
    """
    from ray.data import TaskPoolStrategy

    checkpoint = run.checkpoint(stage)
    if rows_committed(checkpoint) == int(run.record["images"]):
        return
    answers = open_answers(config, asked)
    if not storage.list_files(answers, ".parquet"):  # nothing is known, so the engines can start
        replicas.warm_up()
    tasks = TaskPoolStrategy(replicas.calls)
    with pass_settings(checkpoint):
        rows = (
            read_images(run, config, replicas.calls, config.mllm_batch)
            .map_batches(
                find_known,
                batch_format="pyarrow",
                batch_size=READ_BATCH,
                fn_kwargs={"index": index_of(answers), "content": "bytes"},
                compute=tasks,
            )
            .map_batches(
                open_pictures,
                batch_format="pyarrow",
                batch_size=READ_BATCH,
                fn_kwargs={"max_side": config.max_side, "max_pixels": config.max_pixels},
                compute=tasks,
            )
        )
        _ask_and_write(rows, stage_table(run, stage), config.mllm_batch, asked, answers, replicas)


def ask_texts(
    run: RunFolder,
    config: Config,
    stage: str,
    texts: Any,
    column: str,
    asked: Asked,
    replicas: Replicas,
) -> None:
    """Ask once about every row of a dataset of distinct texts.

    An interrupted pass starts again, and finds in the answers table what it had been told.

    Args:
        run: gets the stage table.
        config: the verb's settings.
        stage: name of the stage.
        texts: makes the Ray Data dataset, inside the pass's settings.
        column: its string column that is asked about.
        asked: what is asked.
        replicas: answer.
    """
    from ray.data import TaskPoolStrategy

    if stage in run.record.get("stages", []):
        return
    answers = open_answers(config, asked)
    storage.delete_folder(stage_table(run, stage))
    with pass_settings(None):
        rows = texts().map_batches(
            find_known,
            batch_format="pyarrow",
            batch_size=config.mllm_batch,
            fn_kwargs={"index": index_of(answers), "content": column},
            compute=TaskPoolStrategy(replicas.calls),
        )
        _ask_and_write(rows, stage_table(run, stage), config.mllm_batch, asked, answers, replicas)
    run.save(stages=[*run.record.get("stages", []), stage])


def _ask_and_write(
    rows: Any, folder: str, batch: int, asked: Asked, answers: str, replicas: Replicas
) -> None:
    """End a pass: ask about the rows of a dataset and write its stage table."""
    from ray.data import SaveMode, TaskPoolStrategy

    filesystem, table = storage.resolve(folder)
    rows.map_batches(
        ask,
        batch_format="pyarrow",
        batch_size=batch,
        fn_kwargs={
            "replicas": replicas.handles,
            "question": asked.question,
            "answers": answers,
        },
        compute=TaskPoolStrategy(replicas.calls),
    ).write_parquet(table, filesystem=filesystem, mode=SaveMode.APPEND)


def distinct(dataset: Any, column: str, rows: int) -> Any:
    """Each value of a string column once, by a shuffle: no node needs them all in memory."""
    partitions = min(_MOST_PARTITIONS, 1 + rows // _ROWS_PER_PARTITION)
    return dataset.groupby(column, num_partitions=partitions).count().select_columns([column])


@dataclass
class Usage:
    """What a run asked for, counted from its stage tables.

    Attributes:
        mllm_calls: requests made, those that failed included.
        answers_reused: answers that the answers table knew.
        prompt_tokens, output_tokens: of the requests made.
        engines: engine starts that gave answers.
    """

    mllm_calls: int = 0
    answers_reused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    engines: set[str] = field(default_factory=set)

    def record(self) -> dict[str, int]:
        """The counts as ``run.json`` names them."""
        counts = asdict(self)
        engines = counts.pop("engines")
        return {**counts, "engine_starts": len(engines)}


def count_usage(run: RunFolder, stages: list[str]) -> Usage:
    """Count what the stages of a run asked for, streaming."""
    usage = Usage()
    for stage in stages:
        for batch in batches_of(stage_table(run, stage), _COUNTED):
            _add(usage, batch)
    return usage


def _add(usage: Usage, batch: Any) -> None:
    called = pc.is_valid(batch.column("engine"))  # of failed requests too
    usage.mllm_calls += pc.sum(called).as_py() or 0
    usage.answers_reused += pc.sum(batch.column("reused")).as_py() or 0
    made = batch.filter(called)
    usage.prompt_tokens += pc.sum(made.column("prompt_tokens")).as_py() or 0
    usage.output_tokens += pc.sum(made.column("output_tokens")).as_py() or 0
    usage.engines |= set(pc.unique(batch.column("engine").drop_null()).to_pylist()) - {ENDPOINT}
