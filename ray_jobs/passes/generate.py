"""Passes that ask a multimodal LLM: about every image, or about every distinct text.

A pass writes a stage table into the run folder: a row for each thing asked about, with an answer
or an error to each question. The columns are those of `actors.mllm.generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.mllm.generate import Ask, PromptBuilder, ask, lookup_cached
from actors.mllm.images import ImageLimits
from actors.mllm.response_cache import open_query
from methods.errors import InputError
from ray_jobs.config import AskingConfig, AskingImagesConfig
from ray_jobs.passes.mllm_pool import Replicas
from ray_jobs.passes.read_images import READ_BATCH, Images, images_of, read_images
from ray_jobs.passes.resources import task_options
from ray_jobs.passes.session import pass_settings
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import rows_committed
from ray_jobs.runs.stage_tables import index_of, stage_table

_BATCHES_PER_UNIT = 4


@dataclass(frozen=True)
class PassQuery:
    """One question of a pass.

    Attributes:
        name: of its column in the stage table.
        question: makes each request.
        identity: all that decides an answer beside what it is about; names the ask's folder in the
            answers table.
    """

    name: str
    question: PromptBuilder
    identity: Mapping[str, Any]


@dataclass(frozen=True)
class FollowUp:
    """A second question about each image, made of the answers to the first ones.

    Attributes:
        asked: the question.
        prepare: from the rows with the first answers to rows with what the question needs; a row
            that cannot be asked about gets an error. It drops the column ``key``.
        content: column with all that the question is about, binary or string.
    """

    asked: PassQuery
    prepare: Callable[[Any], Any]
    content: str


def cache_root(config: AskingConfig) -> str:
    """The folder of the answers table: as set, else beside the run folder."""
    if config.answers:
        return storage.absolute(config.answers)
    out = storage.absolute(config.out)
    beside, _, _ = out.rpartition("/")
    return storage.join(out if beside.endswith((":", ":/")) else beside, "answers")


def open_query_cache(config: AskingConfig, asked: PassQuery) -> Ask:
    """Open the folder of an ask in the answers table.

    Raises:
        InputError: it cannot be written.
    """
    root = cache_root(config)
    try:
        return Ask(asked.name, asked.question, open_query(root, asked.identity))
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise InputError(f"--answers {root}: cannot be written ({reason})") from error


def generate_for_images(
    run: RunFolder,
    config: AskingImagesConfig,
    stage: str,
    asked: Sequence[PassQuery],
    replicas: Replicas,
    images: Images | None = None,
    then: FollowUp | None = None,
) -> None:
    """Ask one or several questions about every image; resumes where an earlier attempt stopped.

    The images are those of the run, or those given. With ``then``, one more question follows that
    the answers decide.

    Ray runs a unit of work in two tasks: one reads and finds what is known, the other decodes, asks
    and writes. So pixels do not travel between processes before they go to the replica, and the
    next images are there when they are wanted. While one task waits for answers, another decodes;
    where the model computes on the same cores, one that reads ahead is enough for it.
    """
    from ray.data import TaskPoolStrategy

    images = images or images_of(run)
    checkpoint = run.checkpoint(stage)
    if rows_committed(checkpoint) == images.count:
        return
    asks = [open_query_cache(config, each) for each in asked]
    if not all(storage.list_files(each.answers, ".parquet") for each in asks):
        replicas.warm_up()  # there is something to ask: the engines can start
    ahead = 1 if replicas.share_cores else replicas.calls
    tasks = TaskPoolStrategy(replicas.calls)
    how = task_options(config)
    batch = max(1, config.mllm_batch // len(asks))
    # several batches a unit: what a unit costs should not show beside a small model, and a unit
    # that is lost has its answers in the answers table
    unit = _BATCHES_PER_UNIT * batch
    limits = ImageLimits(config.max_side, config.max_pixels)
    with pass_settings(checkpoint):
        rows = read_images(images, config, ahead, unit)
        rows = _find(rows, "bytes", asks, READ_BATCH, TaskPoolStrategy(ahead), how)
        rows = _ask(rows, unit, batch, asks, replicas, how, limits, keep_bytes=then is not None)
        if then is not None:
            follow = [open_query_cache(config, then.asked)]
            rows = rows.map_batches(
                then.prepare, batch_format="pyarrow", batch_size=batch, compute=tasks, **how
            )
            rows = _find(rows, then.content, follow, batch, tasks, how)
            rows = _ask(rows, unit, batch, follow, replicas, how, limits)
        _write(rows, stage_table(run, stage), replicas, how)


def generate_for_texts(
    run: RunFolder,
    config: AskingConfig,
    stage: str,
    texts: Any,
    column: str,
    asked: PassQuery,
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
    asks = [open_query_cache(config, asked)]
    storage.delete_folder(stage_table(run, stage))
    tasks = TaskPoolStrategy(replicas.calls)
    with pass_settings(None):
        rows = _find(texts(), column, asks, config.mllm_batch, tasks, {})
        rows = _ask(rows, config.mllm_batch, config.mllm_batch, asks, replicas, {})
        _write(rows, stage_table(run, stage), replicas, {})
    run.save(stages=[*run.record.get("stages", []), stage])


def _find(
    rows: Any, content: str, asks: Sequence[Ask], batch: int, tasks: Any, how: Mapping[str, Any]
) -> Any:
    """Look up in the answers table what is known; the indexes are in the object store."""
    known = {each.name: index_of(each.answers) for each in asks}
    return rows.map_batches(
        lookup_cached,
        batch_format="pyarrow",
        batch_size=batch,
        fn_kwargs={"content": content, "known": known},
        compute=tasks,
        **how,
    )


def _ask(
    rows: Any,
    unit: int,
    batch: int,
    asks: Sequence[Ask],
    replicas: Replicas,
    how: Mapping[str, Any],
    limits: ImageLimits | None = None,
    keep_bytes: bool = False,
) -> Any:
    """Ask about the rows of a dataset, ``unit`` rows a task, ``batch`` a call."""
    from ray.data import TaskPoolStrategy

    return rows.map_batches(
        ask,
        batch_format="pyarrow",
        batch_size=unit,
        fn_kwargs={
            "at_once": batch,
            "replicas": replicas.handles,
            "asks": asks,
            "limits": limits,
            "keep_bytes": keep_bytes,
        },
        compute=TaskPoolStrategy(replicas.calls),
        **how,
    )


def _write(rows: Any, folder: str, replicas: Replicas, how: Mapping[str, Any]) -> None:
    """End a pass: write its stage table."""
    from ray.data import SaveMode

    filesystem, table = storage.resolve(folder)
    rows.write_parquet(
        table,
        filesystem=filesystem,
        mode=SaveMode.APPEND,
        concurrency=replicas.calls,  # the same, so that writing needs no task of its own
        ray_remote_args=dict(how),
    )
