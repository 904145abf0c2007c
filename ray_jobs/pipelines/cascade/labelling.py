"""Label an archive: CLIP scores all images, the model is asked about those within the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from actors.classifier_store import load_classifier
from actors.labels.cascade import ABOUT, CHOOSE, DESCRIBE, SHOWN, join_shown
from actors.labels.cascade_labels import label_cascade
from actors.labels.cascade_scores import CascadeScores, score_stored
from actors.labels.table import TAUGHT_LABELS_SCHEMA
from actors.mllm.answers_by_image import index_images
from methods.classifier import Classifier, with_classes, zero_shot_classifier
from ray_jobs.config import LabelCascadeConfig, PlanConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.generate import cached, generate, prepare
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Flow, Late, clip, decode, fetch, images, rows, table
from ray_jobs.passes.stored import from_store
from ray_jobs.pipelines.base import ANSWERS_CUT, Counter, LabelMethod
from ray_jobs.pipelines.cascade.choosing import (
    choose_all,
    choose_asked,
    choose_pilot,
    judge_pilot,
    temperature_of,
)
from ray_jobs.pipelines.cascade.inputs import METHOD, CascadeInputs, resolve_inputs, run_identity
from ray_jobs.pipelines.cascade.learning import learned_files, start_of, teach, told
from ray_jobs.pipelines.cascade.resuming import hold_budget
from ray_jobs.pipelines.cascade.scored import SCORES, asked_images
from ray_jobs.pipelines.cascade.spending import (
    ASK,
    PILOT,
    check_hours,
    journal_of,
    planned_images,
)
from ray_jobs.pipelines.classifier import make_once
from ray_jobs.runs.folder import versions
from ray_jobs.runs.stage_tables import stage_table


def passes(config: LabelCascadeConfig, inputs: CascadeInputs) -> Sequence[Pass | Call]:
    """Score; choose whom to ask about, after a pilot if there is one; ask; learn; label.

    The pilot of a plan asks about all of its images: they are a sample of the archive.
    """
    check_hours(config, inputs, run_identity(config, inputs))
    found = _scoring(config, inputs)
    # every image below a threshold is asked about, and a plan's pilot is no budget's
    counted = config.threshold is None and not isinstance(config, PlanConfig)
    asked = _asking(inputs, (lambda job: journal_of(job.run)) if counted else None)

    def held(name: str) -> Call:
        return Call("hold", lambda job: hold_budget(job, config, inputs, name), asks=True)

    if isinstance(config, PlanConfig):
        found += [
            Call("choose", lambda job: choose_all(job, config, inputs)),
            Pass(ASK, asked, lambda job: asked_images(job.run, ASK)),
            Call("judge", lambda job: judge_pilot(job, config, inputs, ASK)),
        ]
    else:
        if config.pilot is not None:
            found += [
                Call("choose_pilot", lambda job: choose_pilot(job, config, inputs)),
                held(PILOT),
                Pass(PILOT, asked, lambda job: asked_images(job.run, PILOT)),
                # asks nothing, and keeps the replicas for the pass that follows
                Call("judge", lambda job: judge_pilot(job, config, inputs), asks=True),
            ]
        choosing = Call(
            "choose",
            lambda job: choose_asked(job, config, inputs),
            asks=config.pilot is not None,
        )
        found += [choosing, held(ASK), Pass(ASK, asked, lambda job: asked_images(job.run, ASK))]
    head: dict[str, Any] = {}
    if inputs.learns and not isinstance(config, PlanConfig):
        found += [Call("teach", lambda job: teach(job, config, inputs))]
        head = {"head": Late(lambda job: learned_files(job.run))}
    labels = rows(
        label_cascade,
        answers=Late(_answers),
        classes=inputs.named,
        method=METHOD,
        columns=[SHOWN, *(query.name for query in inputs.queries), "error", "error_detail"],
        at=Late(lambda job: temperature_of(job.run, config)),
        **head,
    )
    return [*found, Pass(LABEL, table(SCORES) >> labels)]


def _scoring(config: LabelCascadeConfig, inputs: CascadeInputs) -> list[Pass | Call]:
    """CLIP's pass; the classifier that it scores with is kept in the run.

    Made of names it is made by the replicas that score, so that CLIP is loaded once for both; with
    an embedding store there may be no such replicas, and it is made first.
    """
    given, store, model = inputs.classifier, inputs.store, inputs.clip
    made = {"config": config.public(), "templates": list(inputs.templates), "versions": versions()}
    kept: list[Pass | Call] = []
    if given is None and store is None:
        own: dict[str, Any] = {
            "classes": inputs.named,
            "templates": inputs.templates,
            "folder": Late(lambda job: start_of(job.run, inputs)),
            "made": made,
        }
    else:

        def classifier(job: Job) -> Classifier:
            if given is not None:
                return given
            arguments = config, model, inputs.names, inputs.templates, job.capacity
            matrix, record = encode_names(*arguments)
            found = zero_shot_classifier(inputs.named.ids, matrix, record, made)
            return with_classes(found, inputs.named)

        kept = [Call("classifier", make_once(classifier, lambda job: start_of(job.run, inputs)))]
        own = {
            "classifier_files": Late(lambda job: load_classifier(start_of(job.run, inputs)).dump())
        }
    own |= {"choices": inputs.choices, "keep_features": inputs.learns}
    scores = clip(CascadeScores, model, **own)
    flow = images() >> fetch() >> decode(model.preprocessing) >> scores
    if store is not None:
        flow = from_store(store, score_stored, flow, **own)
    return [*kept, Pass(SCORES, flow)]


def _asking(inputs: CascadeInputs, journal: Callable[[Job], str] | None) -> Flow:
    """From images to choices, by way of a description where there is a learned prompt."""
    choose, describe = inputs.choose, inputs.describe
    if describe is None:
        return (
            images()
            >> fetch()
            >> prepare(join_shown)
            >> cached(ABOUT, choose)
            >> generate(choose, journal=journal)
        )
    return (
        images()
        >> fetch()
        >> cached("bytes", describe)
        >> generate(describe, keep_bytes=True, journal=journal)
        >> prepare(join_shown)
        >> cached(ABOUT, choose)
        >> generate(choose, journal=journal)
    )


def _answers(job: Job) -> Any:
    """Index what was asked, in the object store."""
    import ray

    folders = [stage_table(job.run, name) for name in (PILOT, ASK)]
    return ray.remote(index_images).options(num_cpus=0).remote(*folders)


CASCADE = LabelMethod(
    name=METHOD,
    columns=TAUGHT_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    counters=(
        Counter(
            key="decided_by",
            columns={"": "decided_by"},
            heading="Who decided",
            row="decided by {value}",
            meanings={
                "clip": ("CLIP", "confident enough, beyond the budget, or without a usable answer"),
                "head": ("Head", "CLIP as the answers taught it, where no answer can be used"),
                "mllm": ("MLLM", "asked, with CLIP's best classes as choices"),
            },
        ),
        Counter(
            key="answer_problems",
            columns={"": "mllm_problem"},
            heading="Answers that could not be used",
            row="asked in vain, CLIP decides: {value}",
        ),
        ANSWERS_CUT,
    ),
    responses={"description": "description", "answer": "class chosen"},
    asks={"description": DESCRIBE, "answer": CHOOSE},
    parts={
        "clip": ("CLIP alone", "its best class of every image"),
        "mllm": ("MLLM alone", "its choices; images that it was not asked about count as wrong"),
        "head": ("Head alone", "what the answers taught; those that it learned from included"),
        "fused": ("Cascade", "the labels of this run"),
    },
    planned_images=planned_images,
    tells=told,
)
