"""Label an archive: ask about images, fuse what was said with CLIP's features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actors import storage
from actors.classifier_store import load_classifier, save_classifier
from actors.clip.model import ClipModel
from actors.labels.what_do_you_see import FusedLabels
from methods.classifier import CONFIG_FILE, Classifier
from ray_jobs.config import LabelWhatDoYouSeeConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.generate import generate_for_images
from ray_jobs.passes.label_job import LABEL, label_archive
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.read_images import decode_images, fetch_images
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.pipelines.what_do_you_see.classes import (
    METHOD,
    ClassInputs,
    asks_about_classes,
    describe_classes,
    make_classifier,
)
from ray_jobs.pipelines.what_do_you_see.inputs import Inputs, resolve_inputs
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import count_values
from ray_jobs.runs.stage_tables import read_stage, stage_table
from ray_jobs.runs.usage import count_usage

ANSWERS = "answers"
"""Name of the stage that asks about images."""


def label(config: LabelWhatDoYouSeeConfig) -> dict[str, Any]:
    """Label an archive; returns the content of ``run.json``.

    Raises:
        InputError: the classes, the classifier, a prompt, a model, the archive or the folder cannot
            work.
    """
    inputs = resolve_inputs(config)
    identity = {
        "method": METHOD,
        "clip": inputs.clip.fingerprint,
        "precision": config.precision,
        "classes": list(inputs.names),
        "class_matrix": inputs.matrix_identity(),
        "weights": inputs.weights,
        "long_text": config.long_text,
        "published_pixels": config.published_pixels,
        **{each.name: dict(each.identity) for each in inputs.asks(config)},
    }
    return label_archive(
        config,
        identity,
        lambda run, capacity: run_stages(run, config, inputs, capacity),
        asking=ANSWERS,
    )


def run_stages(
    run: RunFolder, config: LabelWhatDoYouSeeConfig, inputs: Inputs, capacity: Capacity
) -> None:
    """Run the stages one after another, each resumes, and count what they asked."""
    asks = inputs.asks(config)
    own = inputs.classes if isinstance(inputs.classes, ClassInputs) else None
    stages: list[str] = []
    # the replicas are gone before CLIP comes: it may want their GPUs
    with mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas:
        if own:
            stages = describe_classes(run, config, own, replicas)
        with run.timed(ANSWERS):
            generate_for_images(run, config, ANSWERS, asks, replicas)
    if storage.exists(storage.join(run.classifier, CONFIG_FILE)):
        classifier = load_classifier(run.classifier)
    else:
        with run.timed("encode"):
            if isinstance(inputs.classes, ClassInputs):
                classifier = make_classifier(run, config, inputs.classes, stages, capacity)
            else:
                classifier = inputs.classes
        save_classifier(classifier, run.classifier)
    with run.timed(LABEL):
        label_pass(run, config, inputs, classifier, capacity)
    asked = {ANSWERS: [each.name for each in asks]}
    if own:
        asked |= asks_about_classes(stages)
    problems = {each.name: count_values(run.labels, f"{each.name}_problem") for each in asks}
    run.save(**count_usage(run, asked).record(), answer_problems=problems)


def label_pass(
    run: RunFolder,
    config: LabelWhatDoYouSeeConfig,
    inputs: Inputs,
    classifier: Classifier,
    capacity: Capacity,
) -> None:
    """Read what was said and the images again, and write ``labels/``, finished images aside."""
    from ray.data import SaveMode

    clip = size_clip_pool(capacity, config)
    model = as_published(inputs.clip) if config.published_pixels else inputs.clip
    readers = config.decode_tasks or capacity.cores
    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint(LABEL)):
        images = fetch_images(read_stage(stage_table(run, ANSWERS)), config, readers)
        how = model.preprocessing
        through_clip(
            decode_images(images, config, how, readers),
            FusedLabels,
            config,
            clip,
            model=model,
            classifier_files=classifier.dump(),
            weights=inputs.weights,
            long_text=config.long_text,
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)


def as_published(model: ClipModel) -> ClipModel:
    """The model with images prepared as in the published code: squeezed, not normalised."""
    squeezed = replace(model.preprocessing, resize_mode="squash")
    return replace(model, preprocessing=squeezed, mean=(0.0,) * 3, std=(1.0,) * 3)
