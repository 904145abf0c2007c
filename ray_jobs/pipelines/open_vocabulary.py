"""Naming every image with the multimodal LLM: what a method that names a sample is measured by.

name: manifest -> fetch -> what is cached -> decode -> MLLM -> stage table.
label: distinct names, counted -> how each is written -> labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.labels.open_vocabulary import keep_names, label_by_name
from actors.labels.table import LABELS_SCHEMA
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.query import Query
from methods.discovered_names import build_vocabulary
from ray_jobs.config import LabelMllmNamesConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import engine_options, sampling
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.session import pass_settings
from ray_jobs.passes.steps import Late, fetch, images, in_object_store, rows, table
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.pipelines.name_query import NAME, NameReader, resolve_name_reader
from ray_jobs.runs.stage_tables import count_distinct, read_stage, stage_table


@dataclass(frozen=True)
class OpenVocabularyInputs:
    """What naming every image works with.

    Attributes:
        mllm: the model.
        reader: what is asked, and how a name is read from a response.
        query: what is asked about every image.
    """

    mllm: MllmModel
    reader: NameReader
    query: Query
    clip: None = None
    names: tuple[str, ...] = ()

    def identity(self, config: LabelMllmNamesConfig) -> dict[str, Any]:
        """What decides the rows."""
        asked = self.query.cache_identity(self.mllm, engine_options(config))
        return {"category": self.reader.category, NAME: asked}


def resolve_inputs(config: LabelMllmNamesConfig) -> OpenVocabularyInputs:
    """Read the prompt and find the model.

    Raises:
        InputError: one of them cannot work.
    """
    mllm = resolve_mllm(config.mllm)
    reader = resolve_name_reader(config, mllm)
    query = reader.query(config, sampling(config))
    return OpenVocabularyInputs(mllm, reader, query)


def passes(config: LabelMllmNamesConfig, inputs: OpenVocabularyInputs) -> Sequence[Pass | Call]:
    """Name, then label with how each name is most often written."""
    query, reader = inputs.query, inputs.reader
    forms = Late(lambda job: in_object_store(most_frequent_forms(job, reader)))
    return [
        Pass(NAME, images() >> fetch() >> cached("bytes", query) >> generate(query)),
        Pass(
            LABEL,
            table(NAME)
            >> rows(label_by_name, ask=NAME, question=reader, forms=forms, method=config.method),
        ),
    ]


def most_frequent_forms(job: Job, reader: NameReader) -> dict[str, str]:
    """How each name is written, by its key; only the distinct names come to the driver."""
    with pass_settings(None):
        names = read_stage(stage_table(job.run, NAME), [NAME]).map_batches(
            keep_names, batch_format="pyarrow", fn_kwargs={"ask": NAME, "question": reader}
        )
        counted = count_distinct(names, "name", int(job.run.record["images"]))
    vocabulary, _ = build_vocabulary(list(counted), votes=list(counted.values()))
    return dict(zip(vocabulary.keys, vocabulary.forms, strict=True))


METHOD = LabelMethod("mllm_names", LABELS_SCHEMA, resolve_inputs, passes, relabels=True)
