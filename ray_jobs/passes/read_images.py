"""The start of every pass over an archive: manifest, blocks, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.images.decode import Preprocessing, decode
from actors.images.fetch import fetch
from actors.s3_settings import current_words
from ray_jobs.config import ArchiveConfig
from ray_jobs.passes.resources import check_resource, task_options
from ray_jobs.passes.session import start_ray
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.manifest import manifest_files

READ_BATCH = 16
"""Images that one task reads and decodes together."""

_BLOCKS_WANTED = 32
_BLOCK_LIMITS = (64, 512)


def reading_identity(config: ArchiveConfig) -> dict[str, Any]:
    """The settings of reading that decide a run's rows."""
    return {
        "images": storage.absolute(config.images),
        "max_bytes": config.max_bytes,
        "max_pixels": config.max_pixels,
        **{
            name: value
            for name in ("image_column", "id_column", "keep_columns")
            if (value := getattr(config, name))
        },
        **({"exact_decode": True} if config.exact_decode else {}),
        **({"as_stored": True} if config.as_stored else {}),
    }


def rows_per_block(images: int, batch: int) -> int:
    """Images per block: about 32 blocks of 64 to 512 images, in whole batches."""
    smallest, largest = _BLOCK_LIMITS
    rows = min(largest, max(smallest, -(-images // _BLOCKS_WANTED)))
    return -(-rows // batch) * batch


@dataclass(frozen=True)
class Images:
    """Which images a pass is over: a manifest, and how many it lists."""

    manifest: str
    count: int


def images_of(run: RunFolder) -> Images:
    """All images of a run's manifest."""
    return Images(run.manifest, int(run.record["images"]))


def manifest_rows(images: Images, config: ArchiveConfig, batch: int) -> Any:
    """Plan the reading of a manifest, inside `ray_jobs.passes.run_pass.pass_settings`.

    Args:
        images: which.
        config: the verb's settings.
        batch: images that the model takes at once; a block is whole batches.

    Returns:
        A Ray Data dataset of manifest rows; finished images are skipped before a byte is read.
    """
    import ray

    block = config.rows_per_block or rows_per_block(images.count, batch)
    filesystem, _ = storage.resolve(images.manifest)
    files = manifest_files(images.manifest)
    # cut into blocks next: more of them than files would only be more tasks, and worker processes
    rows = ray.data.read_parquet(
        files,
        filesystem=filesystem,
        partitioning=None,  # a key=value folder above would be a column
        file_extensions=None,  # which are looked for before a ? in a path
        override_num_blocks=len(files),
    )
    return rows.repartition(target_num_rows_per_block=block, strict=True)


def fetch_images(rows: Any, config: ArchiveConfig, tasks: int) -> Any:
    """Read the encoded images of a dataset of manifest rows, ``tasks`` batches at once.

    Raises:
        InputError: no node has the custom resource of ``--decode-resource``.
    """
    from ray.data import TaskPoolStrategy

    if config.decode_resource:
        check_resource(start_ray(), "decode-resource", config.decode_resource)
    return rows.map_batches(
        fetch,
        batch_format="pyarrow",
        batch_size=READ_BATCH,
        fn_kwargs={"max_bytes": config.max_bytes, "s3": current_words()},
        compute=TaskPoolStrategy(tasks),
        **task_options(config),
    )


def decode_images(images: Any, config: ArchiveConfig, how: Preprocessing, tasks: int) -> Any:
    """Decode encoded images to a CLIP model's input size, ``tasks`` batches at once."""
    from ray.data import TaskPoolStrategy

    return images.map_batches(
        decode,
        batch_format="pyarrow",
        batch_size=READ_BATCH,
        fn_kwargs={
            "how": how,
            "max_pixels": config.max_pixels,
            "exact": config.exact_decode,
            "as_stored": config.as_stored,
        },
        compute=TaskPoolStrategy(tasks),
        **task_options(config),
    )
