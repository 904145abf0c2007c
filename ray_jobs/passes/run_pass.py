"""Passes: what a job does one after another, and how each one runs, resumes and is written.

`run_pass` alone knows Ray Data's checkpoint, its settings, how the seconds of a pass are kept, and
how a pass is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from actors import storage
from actors.mllm.model import MllmModel
from ray_jobs.config import ArchiveConfig, ClipConfig
from ray_jobs.passes.generate import rows_per_block
from ray_jobs.passes.job import Job
from ray_jobs.passes.read_images import READ_BATCH, Images, images_of
from ray_jobs.passes.resources import size_clip_pool, task_options
from ray_jobs.passes.session import pass_settings
from ray_jobs.passes.steps import Flow, PassContext
from ray_jobs.runs.ledger import rows_committed
from ray_jobs.runs.stage_tables import stage_table

LABEL: Final = "label"
"""Name of the pass that writes the labels table; its checkpoint holds the labelled images."""


@dataclass(frozen=True)
class Pass:
    """One pass of Ray Data over images or texts, which ends in a table.

    A pass whose rows are images resumes where it stopped, image by image. Another one starts
    again, and finds in the response cache what it had been told.

    Attributes:
        name: of its stage table, of its checkpoint and in ``timings``; `LABEL` writes ``labels/``.
        flow: its steps.
        images: those that it is over, or what finds them when it runs; the run's own unless
            others are given.
        mllm: what it asks, where that is another one than the job's.
    """

    name: str
    flow: Flow
    images: Images | Callable[[Job], Images] | None = None
    mllm: MllmModel | None = None

    @property
    def asks(self) -> bool:
        """Whether it needs replicas of the multimodal LLM."""
        return bool(self.flow.queries)

    def over(self, job: Job) -> Images | None:
        """The images that it is over; None for the run's own."""
        return self.images(job) if callable(self.images) else self.images


@dataclass(frozen=True)
class Call:
    """Something between passes that Ray Data does not do, such as making a classifier.

    Attributes:
        name: in ``timings``.
        function: does it.
        asks: whether it needs replicas of the multimodal LLM. It then runs passes of its own, which
            keep their own time.
    """

    name: str
    function: Callable[[Job], None]
    asks: bool = False


def run_passes(job: Job, passes: Iterable[Pass | Call]) -> None:
    """Run passes one after another.

    Replicas of the multimodal LLM live from the first pass that asks to the last of its
    neighbours that asks the same model, and are gone before any other pass: it may want their GPUs.
    """
    with contextlib.ExitStack() as held:
        for each in passes:
            model = each.mllm if isinstance(each, Pass) and each.mllm else job.mllm
            if not each.asks or (job.replicas is not None and job.replicas.model != model):
                held.close()
            if each.asks and job.replicas is None:
                held.enter_context(job.mllm_pool(model))
            if isinstance(each, Pass):
                run_pass(job, each)
            elif each.asks:
                each.function(job)
            else:
                with job.run.timed(each.name):
                    each.function(job)


def run_pass(job: Job, each: Pass) -> None:
    """Run one pass, unless an earlier attempt has finished it."""
    if each.asks:
        job.asked[each.name] = each.flow.queries
    with job.run.timed(each.name):
        if each.flow.by_image:
            _run_by_image(job, each)
        else:
            _run_whole(job, each)


def _run_by_image(job: Job, each: Pass) -> None:
    count = (each.over(job) or images_of(job.run)).count
    checkpoint = job.run.checkpoint(each.name)
    done = rows_committed(checkpoint)
    if done == count:
        return
    with _followed(job, each, count, done), pass_settings(checkpoint):
        _write(job, each)


def _run_whole(job: Job, each: Pass) -> None:
    run = job.run
    if each.name in run.record.get("stages", []):
        return
    storage.delete_folder(stage_table(run, each.name))
    with _followed(job, each), pass_settings(None):
        _write(job, each)
    run.save(stages=[*run.record.get("stages", []), each.name])


def _followed(
    job: Job, each: Pass, total: int | None = None, earlier: int = 0
) -> AbstractContextManager[None]:
    """Say how far the pass is while it runs, if anybody wants to know."""
    if job.follower is None:
        return contextlib.nullcontext()
    stages = each.flow.stages
    return job.follower.over(each.name, total=total, earlier=earlier, stages=stages)


def _write(job: Job, each: Pass) -> None:
    """Plan the pass, run it, write its table."""
    from ray.data import SaveMode

    context = pass_context(job, each)
    folder = job.run.labels if each.name == LABEL else stage_table(job.run, each.name)
    filesystem, path = storage.resolve(folder)
    # as many writers as tasks that ask, so that writing needs no task of its own
    shape: dict[str, Any] = {}
    if each.asks:
        shape = {"concurrency": context.tasks, "ray_remote_args": dict(context.options)}
    each.flow.plan(context).write_parquet(
        path, filesystem=filesystem, mode=SaveMode.APPEND, **shape
    )


def pass_context(job: Job, each: Pass) -> PassContext:
    """What the steps of a pass agree on: tasks, their resources, rows of a block.

    A pass that asks has as many tasks as keep the engines busy; Ray Data runs a block of it in two
    tasks: one fetches and looks up what is cached, the other decodes, asks and writes. On a CPU
    that the model computes on as well, one task that reads ahead is enough.
    """
    archive = job.config if isinstance(job.config, ArchiveConfig) else None
    options = task_options(archive) if archive and each.flow.by_image else {}
    if each.asks:
        assert job.replicas is not None
        block = rows_per_block(job, _side_by_side(each), each.flow.by_image)
        tasks = job.replicas.calls
        ahead = 1 if job.replicas.share_cores else tasks
        return PassContext(job, tasks, ahead, options, block, each.over(job))
    tasks = (archive and archive.decode_tasks) or job.capacity.cores
    block = READ_BATCH
    if isinstance(job.config, ClipConfig):
        block = size_clip_pool(job.capacity, job.config).batch(job.config)
    return PassContext(job, tasks, tasks, options, block, each.over(job))


def _side_by_side(each: Pass) -> int:
    """Most queries that one step asks about a row."""
    return max(len(step.queries) for step in each.flow.steps)
