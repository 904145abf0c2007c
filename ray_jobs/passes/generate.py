"""Steps that ask a multimodal LLM: look up what is cached, ask the rest, keep what comes.

A pass that asks writes a stage table into the run folder: a row for each thing asked about, with a
response or an error to each query (`actors.mllm.responses`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors import storage
from actors.mllm.generate import CachedQuery
from actors.mllm.generate import generate as generate_stage
from actors.mllm.images import ImageLimits
from actors.mllm.query import Query
from actors.mllm.response_cache import open_query
from actors.mllm.responses import lookup_cached
from methods.errors import InputError
from ray_jobs.config import ArchiveConfig, AskingConfig, MllmConfig
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_pool import Replicas
from ray_jobs.passes.steps import READ_BATCH, Flow, PassContext, flow, stage_name
from ray_jobs.runs.growth import asked_anew
from ray_jobs.runs.stage_tables import index_of

_BATCHES_PER_BLOCK: Final = 4
"""What a block costs should not show beside a small model, and responses of a block that is lost
are in the response cache."""


def cache_root(config: AskingConfig) -> str:
    """The folder of the response cache: as set, else beside the run folder."""
    if config.response_cache:
        return storage.absolute(config.response_cache)
    out = storage.absolute(config.out)
    beside, _, _ = out.rpartition("/")
    return storage.join(out if beside.endswith((":", ":/")) else beside, "answers")


def open_cached(job: Job, query: Query) -> CachedQuery:
    """Open the folder of a query in the response cache.

    Raises:
        InputError: it cannot be written.
    """
    root, replicas = cache_root(job.settings(AskingConfig)), _replicas(job)
    identity = query.cache_identity(replicas.model, replicas.options)
    try:
        return CachedQuery(query, open_query(root, identity))
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise InputError(f"--response-cache {root}: cannot be written ({reason})") from error


def rows_per_call(job: Job, queries: int) -> int:
    """Rows that travel to a replica together, with so many queries about each."""
    return max(1, job.settings(MllmConfig).mllm_batch // max(1, queries))


def rows_per_block(job: Job, queries: int, by_image: bool) -> int:
    """Rows that a pass that asks writes together."""
    return rows_per_call(job, queries) * (_BATCHES_PER_BLOCK if by_image else 1)


def cached(content: str, *queries: Query) -> Flow:
    """Look up in the response cache what is known of a column's content; adds ``key``.

    Args:
        content: the binary or string column that is asked about.
        queries: what will be asked.
    """

    def plan(dataset: Any, context: PassContext) -> Any:
        job = context.job
        known = {query.name: index_of(open_cached(job, query).folder) for query in queries}
        ahead = content == "bytes"  # in the task that fetches
        return _tasks(
            dataset,
            lookup_cached,
            {"content": content, "cached": known, "again": asked_anew(job.run)},
            READ_BATCH if ahead else rows_per_call(job, len(queries)),
            context.read_tasks if ahead else context.tasks,
            context.options,
        )

    return flow(plan, stage="cached")


def generate(
    *queries: Query,
    images: bool = True,
    keep_bytes: bool = False,
    journal: Callable[[Job], str] | None = None,
) -> Flow:
    """Ask about each row what the cache does not know; images are decoded here, if needed at all.

    Args:
        queries: what is asked about each row, side by side.
        images: whether the rows are images with a column ``bytes``, and not texts.
        keep_bytes: whether images keep ``bytes``, for a query that follows.
        journal: finds the folder in which calls are written down before they are made.
    """

    def plan(dataset: Any, context: PassContext) -> Any:
        job, limits = context.job, None
        opened = [open_cached(job, query) for query in queries]
        replicas = _replicas(job)
        if not all(storage.list_files(each.folder, ".parquet") for each in opened):
            replicas.warm_up()  # there is something to ask: the engines can start
        if images:
            largest = max(query.max_side or 0 for query in queries)
            archive = job.settings(ArchiveConfig)
            limits = ImageLimits(largest, archive.max_pixels, archive.as_stored)
        arguments = {
            "batch": rows_per_call(job, len(queries)),
            "replicas": replicas.handles,
            "queries": opened,
            "limits": limits,
            "keep_bytes": keep_bytes,
            "journal": None if journal is None else journal(job),
        }
        return _tasks(
            dataset, generate_stage, arguments, context.block, context.tasks, context.options
        )

    return flow(plan, queries=tuple(query.name for query in queries), stage="ask")


def prepare(function: Callable[[Any], Any]) -> Flow:
    """Make rows ready for a query that follows from the responses to an earlier one.

    The function drops ``key``; a row that cannot be asked about gets an error.
    """

    def plan(dataset: Any, context: PassContext) -> Any:
        batch = rows_per_call(context.job, 1)
        return _tasks(dataset, function, {}, batch, context.tasks, context.options)

    return flow(plan, stage=stage_name(function))


def _replicas(job: Job) -> Replicas:
    if job.replicas is None:
        raise RuntimeError("a pass that asks runs outside of Job.mllm_pool")
    return job.replicas


def _tasks(
    dataset: Any,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    batch: int,
    tasks: int,
    options: Mapping[str, Any],
) -> Any:
    from ray.data import TaskPoolStrategy

    return dataset.map_batches(
        function,
        batch_format="pyarrow",
        batch_size=batch,
        fn_kwargs=dict(arguments),
        compute=TaskPoolStrategy(tasks),
        **options,
    )
