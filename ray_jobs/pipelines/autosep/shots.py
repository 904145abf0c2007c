"""Few-shot labelling, a baseline of AutoSEP: images shown before the one that is asked about.

draw: manifest -> the images shown, once.
shots (classes by the model): these images -> MLLM -> stage table.
show: these images -> object store, with what is said of them.
answers: manifest -> fetch -> MLLM, the images shown before each -> stage table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pyarrow as pa

from actors import storage
from actors.mllm.prompts import ImageAfterOthersPrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from actors.mllm.responses import response_text
from actors.storage.tables import write_table
from methods.answers import AnswerError
from methods.autosep.few_shot import few_shot_text, random_class
from methods.autosep.prompts import PromptTexts
from methods.errors import InputError
from ray_jobs.config import LabelAutosepConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import image_query
from ray_jobs.passes.read_images import Images
from ray_jobs.passes.run_pass import Call, Pass
from ray_jobs.passes.steps import Flow, PassContext, fetch, flow, images
from ray_jobs.pipelines.autosep.sample import load_sample
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.manifest import read_manifest
from ray_jobs.runs.reservoir import draw
from ray_jobs.runs.stage_tables import stage_table

SHOTS: Final = "shots"
"""Name of the pass that asks for the classes of the images shown."""
_FILE: Final = "shots.parquet"

Read = Callable[[str], int | None]


def few_shot_passes(
    config: LabelAutosepConfig, texts: PromptTexts, query: Query, read: Read, name: str
) -> list[Pass | Call]:
    """Draw, label what is drawn, then ask about every image.

    Args:
        config: of the run.
        texts: with the prompt ``few_shot``.
        query: what is asked of an image alone; the few-shot query takes its name.
        read: which class an answer chooses.
        name: of the pass that asks about every image.
    """
    found: list[Pass | Call] = [Call("draw", partial(_draw, config=config))]
    if config.shot_labels == "mllm":
        alone = images() >> fetch() >> cached("bytes", query) >> generate(query)
        found.append(Pass(SHOTS, alone, images=_shots))
    made: list[Query] = []

    def show(job: Job) -> None:
        made[:] = [_query(job, config, texts, query.name, read)]

    asked = images() >> fetch() >> _ask(query.name, lambda: made[0])
    return [*found, Call("show", show), Pass(name, asked)]


def _draw(job: Job, config: LabelAutosepConfig) -> None:
    """Draw the images shown, once; no image is read."""
    if SHOTS in job.run.record:
        return
    drawn = pa.concat_tables(draw(read_manifest(job.run.manifest, None), config.shots, config.seed))
    write_table(storage.join(job.run.uri, _FILE), drawn)
    job.run.save(shots={"images": drawn.column("path").to_pylist()})


def _shots(job: Job) -> Images:
    return Images(storage.join(job.run.uri, _FILE), len(job.run.record[SHOTS]["images"]))


def _ask(name: str, made: Callable[[], Query]) -> Flow:
    """Look up and ask what is known when the pass runs: the images shown are part of the query."""

    def plan(rows: Any, context: PassContext) -> Any:
        query = made()
        for step in (cached("bytes", query) >> generate(query)).steps:
            rows = step.plan(rows, context)
        return rows

    return flow(plan, queries=(name,), stage="ask")


def _query(
    job: Job, config: LabelAutosepConfig, texts: PromptTexts, name: str, read: Read
) -> Query:
    """The query about each image, with the images shown before it and what is said of them.

    Raises:
        InputError: none of the images drawn can be shown.
    """
    shown = load_sample(_shots(job), config, job.capacity)
    labels = _labels(job, config, texts, sorted(shown.pictures), name, read)
    if not labels:
        raise InputError(
            f"--shots {config.shots}: none of the images drawn can be shown, "
            f"{', '.join(job.run.record[SHOTS]['images'])}; give another --seed"
        )
    said = [None if at is None else texts.classes[at] for at in labels.values()]
    job.run.save(shots={**job.run.record[SHOTS], "classes": said})
    prompt = ImageAfterOthersPrompt(
        few_shot_text(texts, list(labels.values())),
        [shown.pictures[image] for image in labels],
        [shown.keys[image] for image in labels],
    )
    return image_query(config, name, prompt, Sampling(config.answer_tokens))


def _labels(
    job: Job,
    config: LabelAutosepConfig,
    texts: PromptTexts,
    shown: list[int],
    name: str,
    read: Read,
) -> Mapping[int, int | None]:
    """What is said of each image shown, by id; one that the model gives no class is left out."""
    if config.shot_labels == "none":
        return dict.fromkeys(shown)
    if config.shot_labels == "random":
        return {each: random_class(each, len(texts.classes), config.seed) for each in shown}
    found: dict[int, int | None] = {}
    for batch in batches_of(stage_table(job.run, SHOTS), ("image_id", name)):
        for row in batch.to_pylist():
            try:
                chosen = read(response_text(row[name], cut_counts=True))
            except AnswerError:
                continue
            if chosen is not None:
                found[row["image_id"]] = chosen
    return {image: found[image] for image in shown if image in found}
