"""What an LLM writes about classes, and the classifier made of it.

names x prompts x samples -> LLM -> stage tables, one a round; then class numbers -> CLIP -> class
matrix. Only the matrix comes to the driver. Answers that cannot be used are asked for again, as
other samples, in further rounds; what stays unusable is dropped and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from actors.clip.model import ClipModel
from actors.labels.class_matrix import DESCRIBE_CLASS, ClassMatrixRows, ClassTexts
from actors.mllm.generate import ColumnPrompt, response_text
from actors.mllm.model import MllmModel
from actors.mllm.request import Sampling
from methods.answers import AnswerError
from methods.classifier import Classifier
from methods.errors import InputError
from methods.what_do_you_see import class_question, spread
from ray_jobs.config import ClassTextsConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.generate import PassQuery, generate_for_texts
from ray_jobs.passes.mllm_pool import Replicas
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import index_of, stage_table

METHOD = "what_do_you_see"
_CLASSES_AT_ONCE = 8
_PLACE = ("class_index", "prompt", "sample")

Place = tuple[int, int, int]
"""Class, prompt and sample of a question."""


@dataclass(frozen=True)
class ClassInputs:
    """What class descriptions are made with, checked before Ray or a model starts.

    Attributes:
        texts: what stands for the classes.
        clip: encodes it.
        mllm: writes the descriptions.
        sampling: of each answer.
        rounds: how often a question is asked at most; 0 where no descriptions are wanted.
    """

    texts: ClassTexts
    clip: ClipModel
    mllm: MllmModel
    sampling: Sampling
    rounds: int

    def identity(self) -> dict[str, Any]:
        """What decides the class matrix."""
        return {
            "clip": self.clip.fingerprint,
            "mllm": self.mllm.fingerprint if self.rounds else None,
            "sampling": self.sampling.identity() if self.rounds else None,
            "rounds": self.rounds,
            "texts": asdict(self.texts),
        }

    def asked(self) -> PassQuery:
        """What is asked about classes; the question itself is what the answers are filed under."""
        identity = {"model": self.mllm.fingerprint, "sampling": self.sampling.identity()}
        return PassQuery(DESCRIBE_CLASS, ColumnPrompt("text", self.sampling), identity)


def stage_of(number: int) -> str:
    """Name of the stage table of a round, counted from 0."""
    return f"class_descriptions_{number + 1}"


def describe_classes(
    run: RunFolder, config: ClassTextsConfig, inputs: ClassInputs, replicas: Replicas
) -> list[str]:
    """Ask about every class; returns the names of the stages."""
    texts, stages = inputs.texts, []
    places: list[Place] = [
        (index, prompt, sample)
        for index in range(len(texts.names))
        for prompt, sample in spread(texts.answers, len(texts.prompts))
    ]
    for number in range(inputs.rounds):
        if not places:
            break
        stages.append(stage_of(number))
        with run.timed(stages[-1]):
            questions = _questions(texts, places, config.mllm_batch)
            generate_for_texts(
                run, config, stages[-1], questions, "question", inputs.asked(), replicas
            )
        step = texts.samples_per_prompt()
        again = _unusable(stage_table(run, stages[-1]))
        places = sorted((index, prompt, sample + step) for index, prompt, sample in again)
    return stages


def asks_about_classes(stages: list[str]) -> dict[str, list[str]]:
    """The asks of the stages about classes, for counting."""
    return {stage: [DESCRIBE_CLASS] for stage in stages}


def _questions(texts: ClassTexts, places: list[Place], batch: int) -> Any:
    """Return what makes the dataset of questions, a batch for the engine in each block."""

    def dataset() -> Any:
        import ray

        rows = []
        for index, prompt, sample in places:
            text = texts.question(index, prompt)
            numbers = dict(zip(_PLACE, (index, prompt, sample), strict=True))
            rows.append({**numbers, "text": text, "question": class_question(text, sample)})
        starts = range(0, len(rows), batch)
        return ray.data.from_arrow(
            [pa.Table.from_pylist(rows[start : start + batch]) for start in starts]
        )

    return dataset


def _unusable(table: str) -> Iterator[Place]:
    """Stream the places of a stage table whose answers cannot be used."""
    for batch in batches_of(table, (*_PLACE, DESCRIBE_CLASS)):
        for row in batch.to_pylist():
            try:
                response_text(row[DESCRIBE_CLASS])
            except AnswerError:
                yield row["class_index"], row["prompt"], row["sample"]


def make_classifier(
    run: RunFolder,
    config: ClassTextsConfig,
    inputs: ClassInputs,
    stages: list[str],
    capacity: Capacity,
) -> Classifier:
    """Encode what stands for the classes, and count what was dropped.

    Raises:
        InputError: nothing stands for a class.
    """
    import ray

    names = inputs.texts.names
    clip = size_clip_pool(capacity, config)
    blocks = -(-len(names) // _CLASSES_AT_ONCE)
    matrix = np.zeros((len(names), inputs.clip.embed_dim), np.float32)
    kept, dropped, scale = np.zeros(len(names), np.int64), Counter[str](), 0.0
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
            rounds=[index_of(stage_table(run, stage)) for stage in stages],
        )
        for row in made.iter_rows():
            matrix[row["class_index"]] = row["vector"]
            kept[row["class_index"]] = row["kept"]
            dropped.update(row["dropped"])
            scale = row["logit_scale"]
    if not np.any(matrix, axis=1).all():
        raise InputError(
            f"there is no usable description of {int((kept == 0).sum())} classes, such as "
            f"{names[int(np.argmin(kept))]!r}, and --class-parts leaves their names out; add name"
        )
    counts = {
        "kept": int(kept.sum()),
        "dropped": dict(sorted(dropped.items())),
        "classes_without": [names[index] for index in np.flatnonzero(kept == 0)] if stages else [],
    }
    return Classifier(
        labels=names,
        matrix=matrix,
        clip={**inputs.clip.record(), "logit_scale": scale},
        method=METHOD,
        logit_scale=scale,
        made={"config": config.public(), "descriptions": counts, "versions": versions()},
    )
