"""Names for the sample: the MLLM is asked, and asked again where it gave no name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from actors import storage
from actors.mllm.request import Sampling
from methods.answers import AnswerError
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import sampling
from ray_jobs.passes.read_images import Images
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import fetch, images
from ray_jobs.pipelines.name_query import NAME, NameReader
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.manifest import write_rows
from ray_jobs.runs.stage_tables import stage_table


@dataclass(frozen=True)
class SampleName:
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
    first = sampling(config)
    again = [
        sampling(config, temperature=config.retry_temperature, seed=config.seed + attempt)
        for attempt in range(1, config.name_retries + 1)
    ]
    return [first, *again]


def name_sample(
    job: Job, reader: NameReader, sample: Images
) -> tuple[dict[int, SampleName], list[str]]:
    """Ask for the name of each image of the sample.

    Returns:
        What came, by image id, for every image of the sample; and the names of the stages.
    """
    config = job.settings(FitNearConfig)
    names: dict[int, SampleName] = {}
    stages: list[str] = []
    chosen = sample
    for number, how in enumerate(samplings(config), start=1):
        stages.append(f"names_{number}")
        query = reader.query(config, how)
        flow = images() >> fetch() >> cached("bytes", query) >> generate(query)
        run_pass(job, Pass(stages[-1], flow, chosen))
        names.update(_read(stage_table(job.run, stages[-1]), reader))
        nameless = sorted(key for key, each in names.items() if each.asked and each.name is None)
        if not nameless:
            break
        again = storage.join(job.run.uri, "stages", f"names_{number}_without.parquet")
        write_rows(sample.manifest, again, np.array(nameless, np.int64))
        chosen = Images(again, len(nameless))
    return names, stages


def _read(table: str, reader: NameReader) -> Iterator[tuple[int, SampleName]]:
    """Stream what a stage table says of each image."""
    for batch in batches_of(table, ("image_id", NAME, "error")):
        for row in batch.to_pylist():
            if row[NAME] is None:
                yield row["image_id"], SampleName(None, row["error"], asked=False)
            else:
                yield row["image_id"], _name(row[NAME], reader)


def _name(response: Mapping[str, Any], reader: NameReader) -> SampleName:
    try:
        return SampleName(reader.name_of(response))
    except AnswerError as error:
        return SampleName(None, error.code)
