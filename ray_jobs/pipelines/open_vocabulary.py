"""Naming every image with the multimodal LLM: what a method that names a sample is measured by.

name: manifest -> fetch -> what is known -> decode -> MLLM -> stage table.
label: distinct names, counted -> how each is written -> labels.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from actors.labels.open_vocabulary import keep_names, label_by_name
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.request import Sampling
from methods.discovered_names import build_vocabulary
from ray_jobs.config import LabelMllmNamesConfig
from ray_jobs.passes.generate import PassQuery, generate_for_images
from ray_jobs.passes.label_job import LABEL, label_archive
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.pipelines.name_query import NAME, NameQuestion, name_question
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.stage_tables import count_distinct, read_stage, stage_table
from ray_jobs.runs.usage import count_usage


def label(config: LabelMllmNamesConfig) -> dict[str, Any]:
    """Name every image of an archive; returns the content of ``run.json``.

    Raises:
        InputError: the prompt, the model, the archive or the folder cannot work.
    """
    mllm = resolve_mllm(config.mllm)
    question = name_question(config, mllm)
    sampling = Sampling(config.max_tokens, config.temperature, config.top_p, config.seed)
    asked = question.asked(mllm, sampling, config.max_side)
    identity = {"method": config.method, "category": question.category, NAME: dict(asked.identity)}

    def work(run: RunFolder, capacity: Capacity) -> None:
        _run_stages(run, config, mllm, question, asked, capacity)

    return label_archive(config, identity, work, asking=NAME)


def _run_stages(
    run: RunFolder,
    config: LabelMllmNamesConfig,
    mllm: MllmModel,
    question: NameQuestion,
    asked: PassQuery,
    capacity: Capacity,
) -> None:
    with mllm_replicas(mllm, size_mllm_pool(config, mllm, capacity)) as replicas, run.timed(NAME):
        generate_for_images(run, config, NAME, [asked], replicas)
    with run.timed(LABEL):
        label_pass(run, config, question)
    run.save(**count_usage(run, {NAME: [NAME]}).record())


def label_pass(run: RunFolder, config: LabelMllmNamesConfig, question: NameQuestion) -> None:
    """Read what was said and write ``labels/``, finished images aside."""
    import ray
    from ray.data import SaveMode

    filesystem, labels = storage.resolve(run.labels)
    forms = ray.put(most_frequent_forms(run, question))
    with pass_settings(run.checkpoint(LABEL)):
        read_stage(stage_table(run, NAME)).map_batches(
            label_by_name,
            batch_format="pyarrow",
            fn_kwargs={
                "ask": NAME,
                "question": question,
                "forms": forms,
                "method": config.method,
            },
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)


def most_frequent_forms(run: RunFolder, question: NameQuestion) -> dict[str, str]:
    """How each name is written, by its key; only the distinct names come to the driver."""
    with pass_settings(None):
        names = read_stage(stage_table(run, NAME), [NAME]).map_batches(
            keep_names,
            batch_format="pyarrow",
            fn_kwargs={"ask": NAME, "question": question},
        )
        counted = count_distinct(names, "name", int(run.record["images"]))
    vocabulary, _ = build_vocabulary(list(counted), votes=list(counted.values()))
    return dict(zip(vocabulary.keys, vocabulary.forms, strict=True))
