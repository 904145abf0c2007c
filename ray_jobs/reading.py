"""The start of every pass over an archive: manifest, units of work, bytes."""

from __future__ import annotations

from typing import Any

from actors import storage
from actors.fetch import fetch
from ray_jobs.config import ArchiveConfig
from ray_jobs.manifest_table import manifest_files
from ray_jobs.run_folder import RunFolder

READ_BATCH = 16
"""Images that one task reads and decodes together."""

_UNITS_WANTED = 32
_UNIT_LIMITS = (64, 512)


def reading_identity(config: ArchiveConfig) -> dict[str, Any]:
    """The settings of reading that decide a run's rows."""
    return {
        "images": storage.absolute(config.images),
        "max_bytes": config.max_bytes,
        "max_pixels": config.max_pixels,
    }


def rows_per_block(images: int, batch: int) -> int:
    """Images per unit of work: about 32 units of 64 to 512 images, in whole batches."""
    smallest, largest = _UNIT_LIMITS
    rows = min(largest, max(smallest, -(-images // _UNITS_WANTED)))
    return -(-rows // batch) * batch


def read_images(run: RunFolder, config: ArchiveConfig, tasks: int, batch: int) -> Any:
    """Plan the reading of a run's archive, inside `ray_jobs.ray_context.pass_settings`.

    Args:
        run: with its manifest.
        config: the verb's settings.
        tasks: how many read at once; stages given the same number run inside of these tasks.
        batch: images that the model takes at once; a unit of work is whole batches.

    Returns:
        A Ray Data dataset of the image table; finished images are skipped before a byte is read.
    """
    import ray
    from ray.data import TaskPoolStrategy

    unit = config.rows_per_block or rows_per_block(int(run.record["images"]), batch)
    filesystem, _ = storage.resolve(run.manifest)
    return (
        ray.data.read_parquet(manifest_files(run.manifest), filesystem=filesystem)
        .repartition(target_num_rows_per_block=unit, strict=True)
        .map_batches(
            fetch,
            batch_format="pyarrow",
            batch_size=READ_BATCH,
            fn_kwargs={"max_bytes": config.max_bytes},
            compute=TaskPoolStrategy(tasks),
        )
    )
