"""Label an archive: ask about images, fuse the responses with CLIP's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from actors.classifier_store import load_classifier
from actors.clip.model import ClipModel
from actors.labels.table import PART_LABELS_SCHEMA
from actors.labels.what_do_you_see import ASKED_PARTS, DESCRIPTION, PREDICTION, FusedLabels
from methods.classifier import Classifier
from ray_jobs.config import LabelWhatDoYouSeeConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Late, clip, decode, fetch, images, table
from ray_jobs.passes.stored import attach_stored
from ray_jobs.pipelines.base import ANSWERS_CUT, Counter, LabelMethod
from ray_jobs.pipelines.classifier import make_once
from ray_jobs.pipelines.what_do_you_see.classes import METHOD, describe_classes, make_classifier
from ray_jobs.pipelines.what_do_you_see.inputs import WhatDoYouSeeInputs, resolve_inputs

ANSWERS: Final = "answers"
"""Name of the pass that asks about images."""


def passes(config: LabelWhatDoYouSeeConfig, inputs: WhatDoYouSeeInputs) -> Sequence[Pass | Call]:
    """Describe the classes, unless a classifier was given; ask about images; encode; label."""
    model = as_published(inputs.clip) if config.published_pixels else inputs.clip
    files = Late(lambda job: load_classifier(job.run.classifier).dump())
    found: list[Pass | Call] = []
    if not isinstance(inputs.classes, Classifier):
        own = inputs.classes
        found.append(Call("class_descriptions", lambda job: describe_classes(job, own), asks=True))
    return [
        *found,
        Pass(
            ANSWERS,
            images() >> fetch() >> cached("bytes", *inputs.queries) >> generate(*inputs.queries),
        ),
        Call("encode", make_once(lambda job: _classifier(job, inputs))),
        Pass(
            LABEL,
            table(ANSWERS)
            >> attach_stored(inputs.store)
            >> fetch()
            >> decode(model.preprocessing)
            >> clip(
                FusedLabels,
                model,
                classifier_files=files,
                weights=inputs.weights,
                long_text=config.long_text,
            ),
        ),
    ]


def _classifier(job: Job, inputs: WhatDoYouSeeInputs) -> Classifier:
    if isinstance(inputs.classes, Classifier):
        return inputs.classes
    return make_classifier(job, inputs.classes)


def as_published(model: ClipModel) -> ClipModel:
    """The model with images prepared as in the published code: squeezed, not normalised."""
    squeezed = replace(model.preprocessing, resize_mode="squash")
    return replace(model, preprocessing=squeezed, mean=(0.0,) * 3, std=(1.0,) * 3)


WHAT_DO_YOU_SEE = LabelMethod(
    name=METHOD,
    columns=PART_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    counters=(
        Counter(
            key="answer_problems",
            columns={part: f"{part}_problem" for part in ASKED_PARTS},
            heading="Answers that could not be used",
            row="{name} missing: {value}",
        ),
        ANSWERS_CUT,
    ),
    responses={DESCRIPTION: "description", PREDICTION: "guess"},
    asks={DESCRIPTION: DESCRIPTION, PREDICTION: PREDICTION},
    parts={
        "image": ("Image alone", "CLIP's feature of the image"),
        "description": ("Description alone", "what the model wrote of it"),
        "prediction": ("Prediction alone", "what it guessed, as a text"),
        "mllm": ("Class it named", "its guess, read as a class name"),
        "fused": ("Fused", "the labels of this run"),
    },
)
