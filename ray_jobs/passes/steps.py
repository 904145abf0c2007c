"""The steps of a pass, put together with ``>>`` and read aloud::

    images() >> fetch() >> decode(model.preprocessing) >> clip(ClipFeatures, model)
    images() >> fetch() >> cached("bytes", query) >> generate(query)
    table("recognise") >> rows(clean_descriptions, ask="recognise") >> distinct("description")

A step plans one operator of Ray Data when its pass runs; building a flow starts nothing. Arguments
that are known only then (an index of a table, a classifier that an earlier step makes) are `Late`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.clip.model import ClipModel
from actors.images.decode import Preprocessing
from actors.stage import StageInfo
from ray_jobs.config import ArchiveConfig, ClipConfig
from ray_jobs.passes import read_images
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.job import Job
from ray_jobs.passes.resources import ReplicaPool, size_clip_pool
from ray_jobs.runs import stage_tables
from ray_jobs.runs.stage_tables import stage_table

READ_BATCH: Final = read_images.READ_BATCH


@dataclass(frozen=True)
class Late:
    """An argument of a step that is made when its pass runs.

    Attributes:
        of: makes it.
    """

    of: Callable[[Job], Any]


def in_object_store(value: Any) -> Any:
    """Put what a `Late` makes where every worker reads it, once; returns the reference."""
    import ray

    return ray.put(value)


@dataclass(frozen=True)
class PassContext:
    """What the steps of one pass agree on.

    Attributes:
        job: the job.
        tasks: that read, decode or ask at once. Equal numbers and resources let Ray Data run
            neighbouring steps as one task, so that images do not travel between processes.
        read_tasks: that read ahead of them.
        options: resources of each task.
        block: rows that are written and checkpointed together.
        images: those that the pass is over; None for the run's own.
    """

    job: Job
    tasks: int
    read_tasks: int
    options: Mapping[str, Any]
    block: int
    images: read_images.Images | None = None


@dataclass(frozen=True)
class Step:
    """One step of a flow.

    Attributes:
        plan: adds it to a Ray Data dataset (None at the start) inside the settings of its pass.
        keeps_images: whether its rows are the images of what comes in, each with ``image_id``.
        queries: names of the queries that it asks.
        stage: name of the stage that it is; empty where nothing is counted.
    """

    plan: Callable[[Any, PassContext], Any]
    keeps_images: bool = True
    queries: tuple[str, ...] = ()
    stage: str = ""


@dataclass(frozen=True)
class Flow:
    """Steps in order."""

    steps: tuple[Step, ...]

    def __rshift__(self, other: Flow) -> Flow:
        """The steps of both."""
        return Flow((*self.steps, *other.steps))

    @property
    def by_image(self) -> bool:
        """Whether each row is an image, so that a pass can resume image by image."""
        return all(step.keeps_images for step in self.steps)

    @property
    def queries(self) -> list[str]:
        """Names of the queries that are asked, in order."""
        return [name for step in self.steps for name in step.queries]

    @property
    def stages(self) -> list[str]:
        """Names of the stages, in order."""
        return [step.stage for step in self.steps if step.stage]

    def plan(self, context: PassContext) -> Any:
        """Return the Ray Data dataset of the whole flow; nothing runs yet."""
        dataset = None
        for step in self.steps:
            dataset = step.plan(dataset, context)
        return dataset


def flow(plan: Callable[[Any, PassContext], Any], **settings: Any) -> Flow:
    """A flow of one step."""
    return Flow((Step(plan, **settings),))


def resolve(arguments: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Arguments with the late ones made."""
    return {
        name: value.of(job) if isinstance(value, Late) else value
        for name, value in arguments.items()
    }


def images() -> Flow:
    """Rows of the manifest of the pass, in blocks; no byte is read."""

    def plan(_: Any, context: PassContext) -> Any:
        there = context.images or read_images.images_of(context.job.run)
        return read_images.manifest_rows(there, context.job.settings(ArchiveConfig), context.block)

    return flow(plan)


def table(name: str, columns: list[str] | None = None) -> Flow:
    """Rows of the stage table that an earlier pass of the run wrote."""
    return flow(
        lambda _, context: stage_tables.read_stage(stage_table(context.job.run, name), columns)
    )


def items(make: Callable[[], Any]) -> Flow:
    """Rows that the driver makes, such as questions about classes.

    Args:
        make: returns a Ray Data dataset; called inside the settings of the pass.
    """
    return flow(lambda _, __: make(), keeps_images=False)


def fetch() -> Flow:
    """Add the images' encoded ``bytes``, or their errors."""

    def plan(rows: Any, context: PassContext) -> Any:
        archive = context.job.settings(ArchiveConfig)
        return read_images.fetch_images(rows, archive, context.read_tasks)

    return flow(plan, stage="fetch")


def decode(preprocessing: Preprocessing) -> Flow:
    """Turn ``bytes`` into ``pixels`` of a CLIP model's input size."""

    def plan(rows: Any, context: PassContext) -> Any:
        archive = context.job.settings(ArchiveConfig)
        return read_images.decode_images(rows, archive, preprocessing, context.tasks)

    return flow(plan, stage="decode")


def clip(
    stage: type,
    model: ClipModel,
    *,
    batch: int | None = None,
    most_replicas: int | None = None,
    on_cpu: bool = False,
    keeps_images: bool = True,
    **arguments: Any,
) -> Flow:
    """Give batches to a pool of replicas of a class that holds CLIP.

    Args:
        stage: the class.
        model: the model that each replica loads.
        batch: rows at a time, ``--clip-batch`` by default.
        most_replicas: of use, where there are few rows.
        on_cpu: one replica that leaves the GPUs alone.
        keeps_images: whether a row is an image.
        arguments: what else the class takes; `Late` ones are made when the pass runs.
    """

    def plan(rows: Any, context: PassContext) -> Any:
        job = context.job
        config = job.settings(ClipConfig)
        pool = ReplicaPool(1, 0.0, None) if on_cpu else size_clip_pool(job.capacity, config)
        if most_replicas is not None:
            pool = replace(pool, replicas=min(pool.replicas, most_replicas))
        given = resolve(arguments, job)
        return through_clip(rows, stage, config, pool, batch=batch, model=model, **given)

    return flow(plan, keeps_images=keeps_images, stage=stage_name(stage))


def rows(function: Callable[..., Any], *, keeps_images: bool = True, **arguments: Any) -> Flow:
    """Give batches to a function of a ``pyarrow.Table``; `Late` arguments are made."""

    def plan(dataset: Any, context: PassContext) -> Any:
        return dataset.map_batches(
            function,
            batch_format="pyarrow",
            fn_kwargs=resolve(arguments, context.job),
        )

    return flow(plan, keeps_images=keeps_images, stage=stage_name(function))


def stage_name(target: Callable[..., Any]) -> str:
    """Name of a stage; empty for what is none."""
    info = getattr(target, "stage", None)
    return info.name if isinstance(info, StageInfo) else ""


def distinct(column: str) -> Flow:
    """Each value of a string column once."""

    def plan(dataset: Any, context: PassContext) -> Any:
        return stage_tables.distinct(dataset, column, int(context.job.run.record["images"]))

    return flow(plan, keeps_images=False)
