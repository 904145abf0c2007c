"""What an LLM writes about classes, and the classifier made of it.

names x prompts x samples -> LLM -> stage tables, one a round; then class numbers -> CLIP -> class
matrix. Only the matrix comes to the driver. Descriptions that cannot be used are asked for again,
as other samples, in further rounds; what stays unusable is dropped and counted.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from actors.clip.model import ClipModel
from actors.labels.what_do_you_see_classes import DESCRIBE_CLASS, ClassMatrixRows, ClassTexts
from actors.mllm.model import MllmModel
from actors.mllm.prompts import ColumnPrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from actors.mllm.responses import response_text
from methods.answers import AnswerError
from methods.class_names import ClassNames
from methods.classifier import Classifier, with_classes
from methods.errors import InputError
from methods.what_do_you_see import class_question, spread
from ray_jobs.config import ClassTextsConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.session import pass_settings
from ray_jobs.passes.steps import items
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import index_of, stage_table

METHOD = "what_do_you_see"
_CLASSES_AT_ONCE = 8
_STAGE: Final = "class_descriptions_"
CLASS_TEXTS: Final = "class_texts.json"
"""File with the usable descriptions of each class, for ``--class-texts`` and for a person."""


class ClassSample(NamedTuple):
    """Which description a question asks for."""

    class_index: int
    prompt: int
    sample: int


@dataclass(frozen=True)
class ClassInputs:
    """What class descriptions are made with, resolved before Ray or a model starts.

    Attributes:
        classes: their ids and names.
        texts: what stands for the classes.
        clip: encodes it.
        mllm: writes the descriptions.
        sampling: of each description.
        rounds: how often a description is asked for at most; 0 where none are wanted.
    """

    classes: ClassNames
    texts: ClassTexts
    clip: ClipModel
    mllm: MllmModel
    sampling: Sampling
    rounds: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.texts.names

    @property
    def query(self) -> Query:
        """The query about classes; a row's text is what its response is filed under."""
        return Query(DESCRIBE_CLASS, ColumnPrompt("text"), self.sampling)

    def identity(self, config: ClassTextsConfig) -> dict[str, Any]:
        """What decides the class matrix."""
        asked = self.query.cache_identity(self.mllm, engine_options(config))
        return {
            "clip": self.clip.fingerprint,
            "descriptions": asked if self.rounds else None,
            "rounds": self.rounds,
            "texts": asdict(self.texts),
            # names are in texts; a class file's ids and other names are kept by the classifier
            **({} if self.classes.is_plain else self.classes.identity()),
        }


def stages_of(run: RunFolder) -> list[str]:
    """Names of the stage tables with class descriptions that a run has, in the order of rounds."""
    return [name for name in run.record.get("stages", []) if name.startswith(_STAGE)]


def describe_classes(job: Job, inputs: ClassInputs) -> None:
    """Ask about every class; what is unusable is asked again, as other samples."""
    texts, config = inputs.texts, job.settings(ClassTextsConfig)
    rows: list[ClassSample] = [
        ClassSample(index, prompt, sample)
        for index in range(len(texts.names))
        for prompt, sample in spread(texts.answers, len(texts.prompts))
    ]
    for number in range(1, inputs.rounds + 1):
        if not rows:
            break
        name = f"{_STAGE}{number}"
        run_pass(
            job,
            Pass(
                name,
                items(partial(_questions, texts, rows, config.mllm_batch))
                >> cached("question", inputs.query)
                >> generate(inputs.query, images=False),
            ),
        )
        step = texts.samples_per_prompt()
        again = _unusable(stage_table(job.run, name))
        rows = sorted(each._replace(sample=each.sample + step) for each in again)


def _questions(texts: ClassTexts, samples: list[ClassSample], batch: int) -> Any:
    """The dataset of questions, a batch for the engine in each block."""
    import ray

    rows = []
    for each in samples:
        text = texts.question(each.class_index, each.prompt)
        question = class_question(text, each.sample)
        rows.append({**each._asdict(), "text": text, "question": question})
    starts = range(0, len(rows), batch)
    return ray.data.from_arrow(
        [pa.Table.from_pylist(rows[start : start + batch]) for start in starts]
    )


def _unusable(table: str) -> Iterator[ClassSample]:
    """Stream the questions of a stage table whose responses cannot be used."""
    for batch in batches_of(table, (*ClassSample._fields, DESCRIBE_CLASS)):
        for row in batch.to_pylist():
            try:
                response_text(row[DESCRIBE_CLASS], cut_counts=True)
            except AnswerError:
                yield ClassSample(row["class_index"], row["prompt"], row["sample"])


def usable_descriptions(run: RunFolder, classes: ClassNames) -> dict[str, list[str]]:
    """What an LLM wrote of each class and is in its row of the matrix, by the class's id."""
    found: dict[str, list[tuple[ClassSample, str]]] = {}
    for stage in stages_of(run):
        columns = (*ClassSample._fields, DESCRIBE_CLASS)
        for batch in batches_of(stage_table(run, stage), columns):
            for row in batch.to_pylist():
                with contextlib.suppress(AnswerError):
                    text = response_text(row[DESCRIBE_CLASS], cut_counts=True)
                    place = ClassSample(row["class_index"], row["prompt"], row["sample"])
                    found.setdefault(classes.ids[place.class_index], []).append((place, text))
    return {key: [text for _, text in sorted(own)] for key, own in sorted(found.items())}


def make_classifier(job: Job, inputs: ClassInputs) -> Classifier:
    """Encode what stands for the classes, and count what was dropped.

    Raises:
        InputError: nothing stands for a class.
    """
    import ray

    config, names = job.settings(ClassTextsConfig), inputs.texts.names
    stages = stages_of(job.run)
    clip = size_clip_pool(job.capacity, config)
    blocks = -(-len(names) // _CLASSES_AT_ONCE)
    matrix = np.zeros((len(names), inputs.clip.embed_dim), np.float32)
    kept, cut, dropped, scale = np.zeros(len(names), np.int64), 0, Counter[str](), 0.0
    with pass_settings(None):
        indices = ray.data.range(len(names), override_num_blocks=blocks)
        made = through_clip(
            indices.rename_columns({"id": "class_index"}),
            ClassMatrixRows,
            config,
            replace(clip, replicas=min(clip.replicas, blocks)),
            batch=_CLASSES_AT_ONCE,
            model=inputs.clip,
            texts=inputs.texts,
            rounds=[index_of(stage_table(job.run, stage)) for stage in stages],
        )
        for row in made.iter_rows():
            matrix[row["class_index"]] = row["vector"]
            kept[row["class_index"]] = row["kept"]
            cut += row["cut"]
            dropped.update(row["dropped"])
            scale = row["logit_scale"]
    if not np.any(matrix, axis=1).all():
        raise InputError(
            f"there is no usable description of {int((kept == 0).sum())} classes, such as "
            f"{names[int(np.argmin(kept))]!r}, and --class-parts leaves their names out; add name"
        )
    counts = {
        "kept": int(kept.sum()),
        "cut": cut,
        "dropped": dict(sorted(dropped.items())),
        "classes_without": [names[index] for index in np.flatnonzero(kept == 0)] if stages else [],
    }
    made = Classifier(
        labels=inputs.classes.ids,
        matrix=matrix,
        clip={**inputs.clip.record(), "logit_scale": scale},
        method=METHOD,
        logit_scale=scale,
        made={"config": config.public(), "descriptions": counts, "versions": versions()},
    )
    return with_classes(made, inputs.classes)
