"""Label an archive: ask about images, fuse what was said with CLIP's features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actors import storage
from actors.classifier_store import load_classifier, save_classifier
from actors.clip_models import ClipModel
from actors.part_labels import PartLabels
from methods.classifier import CONFIG_FILE, Classifier
from ray_jobs.asking import ask_images
from ray_jobs.clip_replicas import through_clip
from ray_jobs.config import LabelWhatDoYouSeeConfig
from ray_jobs.labelling import LABEL, label_archive
from ray_jobs.ledger import count_values
from ray_jobs.mllm_replicas import mllm_replicas, plan_mllm
from ray_jobs.ray_context import Capacity, pass_settings
from ray_jobs.reading import decode_images, fetch_images
from ray_jobs.resources import plan_replicas
from ray_jobs.run_folder import RunFolder
from ray_jobs.stage_tables import read_stage, stage_table
from ray_jobs.usage import count_usage
from ray_jobs.what_do_you_see.classes import (
    METHOD,
    ClassPlan,
    asks_about_classes,
    describe_classes,
    make_classifier,
)
from ray_jobs.what_do_you_see.plans import Plan, make_plan

ANSWERS = "answers"
"""Name of the stage that asks about images."""


def label(config: LabelWhatDoYouSeeConfig) -> dict[str, Any]:
    """Label an archive; returns the content of ``run.json``.

    Raises:
        InputError: the classes, the classifier, a prompt, a model, the archive or the folder cannot
            work.
    """
    plan = make_plan(config)
    identity = {
        "method": METHOD,
        "clip": plan.clip.fingerprint,
        "precision": config.precision,
        "classes": list(plan.names),
        "class_matrix": plan.matrix_identity(),
        "weights": plan.weights,
        "long_text": config.long_text,
        "published_pixels": config.published_pixels,
        **{each.name: dict(each.identity) for each in plan.asks(config)},
    }
    return label_archive(
        config,
        identity,
        lambda run, capacity: run_stages(run, config, plan, capacity),
        asking=ANSWERS,
    )


def run_stages(
    run: RunFolder, config: LabelWhatDoYouSeeConfig, plan: Plan, capacity: Capacity
) -> None:
    """Run the stages one after another, each resumes, and count what they asked."""
    asks = plan.asks(config)
    own = plan.classes if isinstance(plan.classes, ClassPlan) else None
    stages: list[str] = []
    # the replicas are gone before CLIP comes: it may want their GPUs
    with mllm_replicas(plan.mllm, plan_mllm(config, plan.mllm, capacity)) as replicas:
        if own:
            stages = describe_classes(run, config, own, replicas)
        with run.timed(ANSWERS):
            ask_images(run, config, ANSWERS, asks, replicas)
    if storage.exists(storage.join(run.classifier, CONFIG_FILE)):
        classifier = load_classifier(run.classifier)
    else:
        with run.timed("encode"):
            if isinstance(plan.classes, ClassPlan):
                classifier = make_classifier(run, config, plan.classes, stages, capacity)
            else:
                classifier = plan.classes
        save_classifier(classifier, run.classifier)
    with run.timed(LABEL):
        label_pass(run, config, plan, classifier, capacity)
    asked = {ANSWERS: [each.name for each in asks]}
    if own:
        asked |= asks_about_classes(stages)
    problems = {each.name: count_values(run.labels, f"{each.name}_problem") for each in asks}
    run.save(**count_usage(run, asked).record(), answer_problems=problems)


def label_pass(
    run: RunFolder,
    config: LabelWhatDoYouSeeConfig,
    plan: Plan,
    classifier: Classifier,
    capacity: Capacity,
) -> None:
    """Read what was said and the images again, and write ``labels/``, finished images aside."""
    from ray.data import SaveMode

    clip = plan_replicas(capacity, config)
    model = as_published(plan.clip) if config.published_pixels else plan.clip
    readers = config.decode_tasks or capacity.cores
    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint(LABEL)):
        images = fetch_images(read_stage(stage_table(run, ANSWERS)), config, readers)
        how = model.preprocessing
        through_clip(
            decode_images(images, config, how, readers, share_cores=not clip.gpus),
            PartLabels,
            config,
            clip,
            model=model,
            classifier_files=classifier.dump(),
            weights=plan.weights,
            long_text=config.long_text,
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)


def as_published(model: ClipModel) -> ClipModel:
    """The model with images prepared as in the published code: squeezed, not normalised."""
    squeezed = replace(model.preprocessing, resize_mode="squash")
    return replace(model, preprocessing=squeezed, mean=(0.0,) * 3, std=(1.0,) * 3)
