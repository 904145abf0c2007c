"""Passes that ask a multimodal LLM: about every image, or about every distinct text.

A pass writes a stage table into the run folder: a row for each thing asked about, with an answer
or an error to each question. The columns are those of `actors.asking`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.answers_table import open_ask
from actors.asking import Ask, Question, ask, find_known
from actors.pictures import PictureLimits
from actors.priority import BESIDE_A_MODEL
from methods.errors import InputError
from ray_jobs.config import AskingConfig, AskingImagesConfig
from ray_jobs.ledger import rows_committed
from ray_jobs.mllm_replicas import Replicas
from ray_jobs.ray_context import pass_settings
from ray_jobs.reading import READ_BATCH, Images, images_of, read_images
from ray_jobs.run_folder import RunFolder
from ray_jobs.stage_tables import index_of, stage_table

_BATCHES_PER_UNIT = 2


@dataclass(frozen=True)
class Asked:
    """One question of a pass.

    Attributes:
        name: of its column in the stage table.
        question: makes each request.
        identity: all that decides an answer beside what it is about; names the ask's folder in the
            answers table.
    """

    name: str
    question: Question
    identity: Mapping[str, Any]


def answers_root(config: AskingConfig) -> str:
    """The folder of the answers table: as set, else beside the run folder."""
    if config.answers:
        return storage.absolute(config.answers)
    out = storage.absolute(config.out)
    beside, _, _ = out.rpartition("/")
    return storage.join(out if beside.endswith((":", ":/")) else beside, "answers")


def open_answers(config: AskingConfig, asked: Asked) -> Ask:
    """Open the folder of an ask in the answers table.

    Raises:
        InputError: it cannot be written.
    """
    root = answers_root(config)
    try:
        return Ask(asked.name, asked.question, open_ask(root, asked.identity))
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise InputError(f"--answers {root}: cannot be written ({reason})") from error


def ask_images(
    run: RunFolder,
    config: AskingImagesConfig,
    stage: str,
    asked: Sequence[Asked],
    replicas: Replicas,
    images: Images | None = None,
) -> None:
    """Ask one or several questions about every image; resumes where an earlier attempt stopped.

    The images are those of the run, or those given.

    All stages have one shape, so that Ray runs a unit of work in one task: pixels do not travel
    between processes before they go to the replica, and small models are not slower than the tasks
    around them. While one task waits for answers, another decodes.
    """
    from ray.data import TaskPoolStrategy

    images = images or images_of(run)
    checkpoint = run.checkpoint(stage)
    if rows_committed(checkpoint) == images.count:
        return
    asks = [open_answers(config, each) for each in asked]
    if not all(storage.list_files(each.answers, ".parquet") for each in asks):
        replicas.warm_up()  # there is something to ask: the engines can start
    tasks = TaskPoolStrategy(replicas.calls)
    batch = max(1, config.mllm_batch // len(asks))
    # two batches a unit at least: what a unit costs should not show beside a small model, and a
    # unit that is lost has its answers in the answers table
    unit = _BATCHES_PER_UNIT * batch
    with pass_settings(checkpoint):
        rows = read_images(images, config, replicas.calls, unit).map_batches(
            find_known,
            batch_format="pyarrow",
            batch_size=READ_BATCH,
            fn_kwargs={"content": "bytes", "known": _known(asks)},
            compute=tasks,
        )
        limits = PictureLimits(config.max_side, config.max_pixels)
        _ask_and_write(rows, stage_table(run, stage), batch, asks, replicas, limits)


def ask_texts(
    run: RunFolder,
    config: AskingConfig,
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
    asks = [open_answers(config, asked)]
    storage.delete_folder(stage_table(run, stage))
    with pass_settings(None):
        rows = texts().map_batches(
            find_known,
            batch_format="pyarrow",
            batch_size=config.mllm_batch,
            fn_kwargs={"content": column, "known": _known(asks)},
            compute=TaskPoolStrategy(replicas.calls),
        )
        _ask_and_write(rows, stage_table(run, stage), config.mllm_batch, asks, replicas)
    run.save(stages=[*run.record.get("stages", []), stage])


def _known(asks: Sequence[Ask]) -> dict[str, Any]:
    """Indexes of what is known, in the object store, by name of the ask."""
    return {each.name: index_of(each.answers) for each in asks}


def _ask_and_write(
    rows: Any,
    folder: str,
    batch: int,
    asks: Sequence[Ask],
    replicas: Replicas,
    limits: PictureLimits | None = None,
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
            "asks": asks,
            "limits": limits,
            "niceness": BESIDE_A_MODEL if replicas.share_cores else None,
        },
        compute=TaskPoolStrategy(replicas.calls),
    ).write_parquet(
        table,
        filesystem=filesystem,
        mode=SaveMode.APPEND,
        concurrency=replicas.calls,  # the same, so that writing needs no task of its own
    )
