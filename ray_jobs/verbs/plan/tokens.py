"""Tokens that pictures cost, measured in the pilot: what was read for a request about an image.

Models turn a picture into tokens in ways of their own: by its size, in tiles, scaled up or down. So
the size is told beside the tokens, as it travels to the model (``--max-side``). The text of the
prompt is in the count; it is the same for every image, or nearly so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from actors.mllm.images import ImageLimits, decode_for_mllm
from ray_jobs.runs.ledger import batches_of

_LOOKED_AT: Final = 32
"""Images that are read once more for their size."""


def tokens_of_images(
    run: str, passes: Mapping[str, str], sample: str, limits: ImageLimits
) -> list[dict[str, Any]]:
    """Return what requests about images took, for each query of each pass over images.

    Args:
        run: folder of the finished pilot.
        passes: of its record: what each pass goes over.
        sample: manifest of its images.
        limits: to which images are made smaller.

    Returns:
        Plain values: ``query``, ``median`` and ``most`` tokens of a prompt, and the median
        ``width`` and ``height`` of the images, in pixels. Queries without an answer are left out.
    """
    found = []
    for name, over in passes.items():
        folder = storage.join(run, "stages", name)
        if over == "images" and storage.list_files(folder, ".parquet"):
            counts = _counts(folder)
            found += [
                {"query": query, "median": int(median(tokens)), "most": max(tokens)}
                for query, tokens in counts.items()
                if tokens
            ]
    if not found:
        return []
    sizes = list(_sizes(sample, limits))
    if sizes:
        width, height = (int(median(sides)) for sides in zip(*sizes, strict=True))
        found = [{**each, "width": width, "height": height} for each in found]
    return found


def _counts(folder: str) -> dict[str, list[int]]:
    """Tokens of the prompts of each query of a stage table."""
    filesystem, _ = storage.resolve(folder)
    schema = pq.read_schema(storage.list_files(folder, ".parquet")[0], filesystem=filesystem)
    queries = [
        field.name
        for field in schema
        if pa.types.is_struct(field.type) and field.type.get_field_index("prompt_tokens") >= 0
    ]
    found: dict[str, list[int]] = {query: [] for query in queries}
    for batch in batches_of(folder, queries):
        for query in queries:
            tokens = batch.column(query).field("prompt_tokens").to_pylist()
            found[query] += [count for count in tokens if count]
    return found


def _sizes(sample: str, limits: ImageLimits) -> Iterator[tuple[int, int]]:
    """Width and height of images of the pilot, as they travel; those that cannot be read have none.

    They are spread over the sample.
    """
    filesystem, path = storage.resolve(sample)
    table = pq.read_table(path, filesystem=filesystem, partitioning=None)
    step = max(1, table.num_rows // _LOOKED_AT)
    for row in table.take(pa.array(range(0, table.num_rows, step))).to_pylist()[:_LOOKED_AT]:
        try:
            pixels = decode_for_mllm(fetch_bytes(row), limits).pixels
        except ImageError:
            continue
        yield pixels.shape[1], pixels.shape[0]
