"""How many images a second of CPU decodes: what a GPU needs beside it.

    uv run python -m benchmarks.decoding [--count 600] [--side 224 336]

The decode stage as the pipeline has it (JPEG to RGB at the model's input size, in batches of 16) on
JPEGs of three sizes with the detail of photographs, alone in one process; CPU seconds of the
process, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from actors.images.decode import Preprocessing, decode
from benchmarks import machine
from benchmarks.clip_pass import draw
from ray_jobs.passes.read_images import READ_BATCH

SIZES = {(500, 375): 1.0, (1600, 1200): 0.25, (4000, 3000): 0.05}
"""Width and height, and the share of ``--count`` that is enough."""


def rate(files: list[bytes], side: int) -> float:
    """Images a second of CPU."""
    how = Preprocessing(side, side)

    def all_of(files: list[bytes]) -> None:
        for start in range(0, len(files), READ_BATCH):
            images = files[start : start + READ_BATCH]
            nulls = pa.nulls(len(images), pa.string())
            columns = {"bytes": pa.array(images, pa.large_binary())}
            found = decode(pa.table({**columns, "error": nulls, "error_detail": nulls}), how)
            if found.column("error").null_count != len(images):
                raise SystemExit(f"not decoded: {found.column('error_detail').to_pylist()}")

    all_of(files[:READ_BATCH])  # the first ones load the decoder
    began = time.process_time()
    all_of(files)
    return len(files) / (time.process_time() - began)


def main() -> None:
    """Draw, decode, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--side", type=int, nargs="+", default=[224, 336])
    options = parser.parse_args()
    print(f"decoding: images a second of CPU; {machine.describe()}")
    print("| JPEG | bytes | " + " | ".join(f"to {side}" for side in options.side) + " |")
    for size, share in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder) / "images", max(1, int(options.count * share)), size)
            files = [file.read_bytes() for file in sorted(Path(folder).rglob("*.jpg"))]
        rates = " | ".join(f"{rate(files, side):.0f}" for side in options.side)
        mean = sum(map(len, files)) / len(files)
        print(f"| {size[0]}x{size[1]} | {mean:,.0f} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
