"""Make a classifier from class names, templates and what an LLM writes about the classes."""

from __future__ import annotations

from typing import Any

from actors import storage
from actors.classifier_store import save_classifier
from actors.clip.model import resolve_clip
from methods.class_texts import write_class_texts
from ray_jobs.config import FitWhatDoYouSeeConfig
from ray_jobs.passes.fit_job import fit_job
from ray_jobs.passes.job import Job
from ray_jobs.pipelines.base import FitMethod
from ray_jobs.pipelines.what_do_you_see.classes import (
    CLASS_TEXTS,
    METHOD,
    ClassInputs,
    describe_classes,
    make_classifier,
    usable_descriptions,
)
from ray_jobs.pipelines.what_do_you_see.inputs import resolve_class_inputs
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.folder import RunFolder


def resolve_inputs(config: FitWhatDoYouSeeConfig) -> ClassInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    classes = read_classes(config.classes, METHOD)
    return resolve_class_inputs(config, classes, resolve_clip(config.clip))


def learn(job: Job, inputs: ClassInputs) -> dict[str, Any]:
    """Describe the classes, encode what stands for them, keep the classifier."""
    with job.mllm_pool():
        describe_classes(job, inputs)
    with job.run.timed("encode"):
        classifier = make_classifier(job, inputs)
    save_classifier(classifier, job.run.uri)
    written = usable_descriptions(job.run, inputs.classes)
    if written:
        storage.write_bytes(
            storage.join(job.run.uri, CLASS_TEXTS), write_class_texts(written).encode()
        )
    return {"descriptions": dict(classifier.made["descriptions"])}


def result(run: RunFolder, inputs: ClassInputs) -> dict[str, Any]:
    """What the verb returns."""
    descriptions = run.record["descriptions"]
    return {
        "classifier": run.uri,
        "method": METHOD,
        "labels": len(inputs.names),
        "clip": inputs.clip.name,
        "descriptions": descriptions["kept"],
        "dropped": descriptions["dropped"],
        "mllm_calls": run.record["mllm_calls"],
        "answers_reused": run.record["answers_reused"],
    }


FIT = FitMethod(METHOD, resolve_inputs, learn, result)


def fit(config: FitWhatDoYouSeeConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit finds in the response cache what
    it had been told.

    Raises:
        InputError: the classes, a prompt, a model or the folder cannot work.
    """
    return fit_job(FIT, config)
