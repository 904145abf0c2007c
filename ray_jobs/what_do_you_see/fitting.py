"""Make a classifier from class names, templates and what an LLM writes about the classes."""

from __future__ import annotations

from typing import Any

from actors.classifier_store import save_classifier
from actors.clip_models import resolve_clip
from ray_jobs.class_files import read_classes
from ray_jobs.config import FitWhatDoYouSeeConfig
from ray_jobs.mllm_replicas import mllm_replicas, plan_mllm
from ray_jobs.ray_context import start_ray
from ray_jobs.run_folder import FINISHED, open_run
from ray_jobs.usage import count_usage
from ray_jobs.what_do_you_see.classes import (
    METHOD,
    asks_about_classes,
    describe_classes,
    make_classifier,
)
from ray_jobs.what_do_you_see.plans import plan_classes


def fit(config: FitWhatDoYouSeeConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit finds in the answers table what
    it had been told.

    Raises:
        InputError: the classes, a prompt, a model or the folder cannot work.
    """
    plan = plan_classes(config, read_classes(config.classes, METHOD), resolve_clip(config.clip))
    run = open_run(config.out, {"method": METHOD, "fit": plan.identity()}, config.public())
    if not run.finished:
        with run.timed("start"):
            capacity = start_ray()
        with mllm_replicas(plan.mllm, plan_mllm(config, plan.mllm, capacity)) as replicas:
            stages = describe_classes(run, config, plan, replicas)
        with run.timed("encode"):
            classifier = make_classifier(run, config, plan, stages, capacity)
        save_classifier(classifier, run.uri)
        usage = count_usage(run, asks_about_classes(stages))
        run.save(
            **usage.record(), descriptions=dict(classifier.made["descriptions"]), state=FINISHED
        )
    descriptions = run.record["descriptions"]
    return {
        "classifier": run.uri,
        "method": METHOD,
        "labels": len(plan.texts.names),
        "clip": plan.clip.name,
        "descriptions": descriptions["kept"],
        "dropped": descriptions["dropped"],
        "mllm_calls": run.record["mllm_calls"],
        "answers_reused": run.record["answers_reused"],
    }
