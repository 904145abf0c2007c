"""What each part of the recognise stage costs alone, in one process and without Ray.

    uv run python -m benchmarks.pipeline_stages [--sizes 500x375 4000x3000]

CPU milliseconds of an image, the least of five turns: the lower bound of `benchmarks.pipeline_cost`
for ``slac``, whose rest is Ray's and the label pass's. The pixels travel to the replica out of
band, as Ray has them: pickled without them, and copied once into the object store.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from actors.images.fetch import fetch
from actors.mllm.images import decode_for_mllm
from actors.mllm.request import Request
from actors.mllm.response_cache import (
    RESPONSE_COLUMNS,
    RESPONSES_SCHEMA,
    append,
    index_keys,
    key_of,
)
from benchmarks import machine
from benchmarks.pipeline_cost import IMAGES, Size, cpu_ms, photographs, size_of, write_archive
from ray_jobs.passes.read_images import READ_BATCH

COUNTS: Final = {(500, 375): 64, (4000, 3000): 4}
CALL: Final = 64
"""Requests of a call, as ``--mllm-batch`` has it by default."""


def parts(folder: Path, size: Size) -> dict[str, Callable[[], Any]]:
    """The parts in their order, each about all images of an archive."""
    write_archive(folder / "images", photographs(size, 4, 0), COUNTS[size])
    files = sorted((folder / "images").iterdir())
    manifest = pa.table({"uri": [str(file) for file in files]})
    batches = [manifest.slice(at, READ_BATCH) for at in range(0, len(files), READ_BATCH)]
    fetched = pa.concat_tables([fetch(batch) for batch in batches])
    cells = [cell.as_buffer() for cell in fetched.column("bytes")]
    keys = [key_of(cell) for cell in cells]
    requests = [Request("What is it?", (decode_for_mllm(bytes(cell)),)) for cell in cells]
    index = index_keys(str(folder / "images"))
    said = {"answer": "a small picture of a wren", "finish_reason": "stop"}
    rows = [{"key": key, **said, "prompt_tokens": 9, "output_tokens": 6} for key in keys]
    (folder / "kept").mkdir()

    def travel() -> None:
        for at in range(0, len(requests), CALL):
            pixels: list[pickle.PickleBuffer] = []
            pickle.dumps(requests[at : at + CALL], protocol=5, buffer_callback=pixels.append)
            for each in pixels:
                bytes(each.raw())

    def keep() -> None:
        for at in range(0, len(rows), CALL):
            responses = pa.Table.from_pylist(rows[at : at + CALL], schema=RESPONSES_SCHEMA)
            append(str(folder / "kept"), responses)

    return {
        "fetch": lambda: [fetch(batch) for batch in batches],
        "key": lambda: [key_of(cell) for cell in cells],
        "look-up": lambda: index.read(keys, RESPONSE_COLUMNS),
        "decode": lambda: [decode_for_mllm(bytes(cell)) for cell in cells],
        "to the replica": travel,
        "keep": keep,
    }


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=size_of, default=list(IMAGES))
    options = parser.parse_args()
    print(f"pipeline_stages: CPU milliseconds of an image; {machine.describe()}")
    table: dict[str, list[float]] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            for name, part in parts(Path(folder), size).items():
                table.setdefault(name, []).append(cpu_ms(part) / COUNTS[size])
    heads = " | ".join(f"{width}x{height}" for width, height in options.sizes)
    print(f"| part | {heads} |\n|---|" + "---|" * len(options.sizes))
    for name, cells in {
        **table,
        "all": [sum(cells) for cells in zip(*table.values(), strict=True)],
    }.items():
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
