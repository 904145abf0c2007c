"""Make a classifier from class names, templates and what an LLM writes about the classes."""

from __future__ import annotations

from typing import Any

from actors.classifier_store import save_classifier
from actors.clip.model import resolve_clip
from ray_jobs.config import FitWhatDoYouSeeConfig
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.session import start_ray
from ray_jobs.pipelines.what_do_you_see.classes import (
    METHOD,
    asks_about_classes,
    describe_classes,
    make_classifier,
)
from ray_jobs.pipelines.what_do_you_see.inputs import resolve_class_inputs
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.folder import FINISHED, open_run
from ray_jobs.runs.usage import count_usage


def fit(config: FitWhatDoYouSeeConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit finds in the answers table what
    it had been told.

    Raises:
        InputError: the classes, a prompt, a model or the folder cannot work.
    """
    inputs = resolve_class_inputs(
        config, read_classes(config.classes, METHOD), resolve_clip(config.clip)
    )
    run = open_run(config.out, {"method": METHOD, "fit": inputs.identity()}, config.public())
    if not run.finished:
        with run.timed("start"):
            capacity = start_ray()
        with mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas:
            stages = describe_classes(run, config, inputs, replicas)
        with run.timed("encode"):
            classifier = make_classifier(run, config, inputs, stages, capacity)
        save_classifier(classifier, run.uri)
        usage = count_usage(run, asks_about_classes(stages))
        run.save(
            **usage.record(), descriptions=dict(classifier.made["descriptions"]), state=FINISHED
        )
    descriptions = run.record["descriptions"]
    return {
        "classifier": run.uri,
        "method": METHOD,
        "labels": len(inputs.texts.names),
        "clip": inputs.clip.name,
        "descriptions": descriptions["kept"],
        "dropped": descriptions["dropped"],
        "mllm_calls": run.record["mllm_calls"],
        "answers_reused": run.record["answers_reused"],
    }
