"""Stage tables: what a stage of a run wrote, for the stages after it."""

from __future__ import annotations

from typing import Any

from actors import storage
from actors.mllm.response_cache import index_keys
from ray_jobs.runs.folder import RunFolder

_ROWS_PER_PARTITION = 100_000
_MOST_PARTITIONS = 200


def stage_table(run: RunFolder, stage: str) -> str:
    """Folder of a stage table."""
    return storage.join(run.uri, "stages", stage)


def forget_stage(run: RunFolder, stage: str) -> None:
    """Delete a stage table and its checkpoint, so that the same run makes it anew."""
    storage.delete_folder(stage_table(run, stage))
    storage.delete_folder(run.checkpoint(stage))


def read_stage(folder: str, columns: list[str] | None = None) -> Any:
    """Read a stage table as a Ray Data dataset."""
    import ray

    filesystem, _ = storage.resolve(folder)
    paths = storage.list_files(folder, ".parquet")
    return ray.data.read_parquet(
        paths,
        filesystem=filesystem,
        columns=columns,
        partitioning=None,  # a key=value folder above would be a column
        file_extensions=None,  # which are looked for before a ? in a path
    )


def index_of(folder: str) -> Any:
    """Index a folder's keys in the object store; returns the reference, the driver sees nothing."""
    import ray

    return ray.remote(index_keys).options(num_cpus=0).remote(folder)


def distinct(dataset: Any, column: str, rows: int) -> Any:
    """Each value of a string column once, by a shuffle: no node needs them all in memory."""
    return _counted(dataset, column, rows).select_columns([column])


def count_distinct(dataset: Any, column: str, rows: int) -> dict[str, int]:
    """How often each value of a string column is there; the distinct values come to the driver."""
    counted = _counted(dataset, column, rows)
    return {row[column]: row["count()"] for row in counted.iter_rows()}


def _counted(dataset: Any, column: str, rows: int) -> Any:
    partitions = min(_MOST_PARTITIONS, 1 + rows // _ROWS_PER_PARTITION)
    return dataset.groupby(column, num_partitions=partitions).count()
