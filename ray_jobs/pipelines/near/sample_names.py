"""Names for the sample: the MLLM is asked, and asked again where it gave no name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from actors import storage
from actors.mllm.model import MllmModel
from actors.mllm.request import Sampling
from methods.answers import AnswerError
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.generate import generate_for_images
from ray_jobs.passes.mllm_pool import Replicas
from ray_jobs.passes.read_images import Images
from ray_jobs.pipelines.name_query import NAME, NameQuestion
from ray_jobs.pipelines.near.sample import write_rows
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table


@dataclass(frozen=True)
class Said:
    """What came of asking for the name of one image.

    Attributes:
        name: as the model writes it; None without one.
        problem: code of what was wrong with the last answer, or with the image; None with a name.
        asked: whether there was an image to ask about.
    """

    name: str | None
    problem: str | None = None
    asked: bool = True


def samplings(config: FitNearConfig) -> list[Sampling]:
    """How each attempt at a name is sampled: as set, then at the temperature of retries."""
    first = Sampling(config.max_tokens, config.temperature, config.top_p, config.seed)
    again = [
        Sampling(config.max_tokens, config.retry_temperature, config.top_p, config.seed + attempt)
        for attempt in range(1, config.name_retries + 1)
    ]
    return [first, *again]


def name_sample(
    run: RunFolder,
    config: FitNearConfig,
    question: NameQuestion,
    model: MllmModel,
    sample: Images,
    replicas: Replicas,
) -> tuple[dict[int, Said], list[str]]:
    """Ask for the name of each image of the sample.

    Returns:
        What came, by image id, for every image of the sample; and the names of the stages.
    """
    said: dict[int, Said] = {}
    stages: list[str] = []
    images = sample
    for number, sampling in enumerate(samplings(config), start=1):
        stages.append(f"names_{number}")
        with run.timed(stages[-1]):
            asked = question.asked(model, sampling, config.max_side)
            generate_for_images(run, config, stages[-1], [asked], replicas, images)
        said.update(_read(stage_table(run, stages[-1]), question))
        nameless = sorted(key for key, each in said.items() if each.asked and each.name is None)
        if not nameless:
            break
        again = storage.join(run.uri, "stages", f"names_{number}_without.parquet")
        write_rows(sample.manifest, again, np.array(nameless, np.int64))
        images = Images(again, len(nameless))
    return said, stages


def _read(table: str, question: NameQuestion) -> Iterator[tuple[int, Said]]:
    """Stream what a stage table says of each image."""
    for batch in batches_of(table, ("image_id", NAME, "error")):
        for row in batch.to_pylist():
            if row[NAME] is None:
                yield row["image_id"], Said(None, row["error"], asked=False)
            else:
                yield row["image_id"], _said(row[NAME], question)


def _said(answer: Mapping[str, Any], question: NameQuestion) -> Said:
    try:
        return Said(question.name_of(answer))
    except AnswerError as error:
        return Said(None, error.code)
