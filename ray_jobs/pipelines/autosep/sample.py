"""The images that a search looks at, decoded once and kept in the object store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from actors.images.errors import ImageError
from actors.mllm.images import ImageLimits, decode_for_mllm
from actors.mllm.response_cache import key_of
from ray_jobs.config import AskingImagesConfig
from ray_jobs.passes.read_images import READ_BATCH, Images, fetch_images, manifest_rows
from ray_jobs.passes.session import Capacity, pass_settings


@dataclass
class Sample:
    """Images of a search, by id.

    Attributes:
        pictures: references to them in Ray's object store, where every stage finds them.
        keys: hash of the encoded bytes, which names an image in the response cache.
        paths: in the archive.
        errors: how many images could not be read, by code.
    """

    pictures: dict[int, Any] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    paths: dict[int, str] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)


def load_sample(listed: Images, config: AskingImagesConfig, capacity: Capacity) -> Sample:
    """Fetch and decode the images of a manifest; those that cannot be are counted."""
    import ray

    sample = Sample()
    limits = ImageLimits(config.max_side, config.max_pixels, config.as_stored)
    tasks = config.decode_tasks or capacity.cores
    with pass_settings(None):
        images = fetch_images(manifest_rows(listed, config, READ_BATCH), config, tasks)
        for batch in images.iter_batches(batch_size=READ_BATCH, batch_format="pyarrow"):
            for row in batch.to_pylist():
                image = row["image_id"]
                try:
                    if row["error"] is not None:
                        raise ImageError(row["error"], row["error_detail"])
                    picture = decode_for_mllm(row["bytes"], limits)
                except ImageError as error:
                    sample.errors[error.code] += 1
                    continue
                sample.pictures[image] = ray.put(picture)
                sample.keys[image] = key_of(row["bytes"]).hex()
                sample.paths[image] = row["path"]
    return sample
