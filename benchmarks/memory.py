"""Does memory grow with the archive? Peak memory of driver and workers at two archive sizes.

    uv run python -m benchmarks.memory [--sizes 10000 200000]

The archives hold tiny images in Parquet (1,000 drawn birds over and over, each under a key of its
own), labelled by the field guide's CLIP. Every half second the private memory (resident minus
shared, so without the object store) of the driver and of all other processes of the job is read.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks import machine

MIB = 1 << 20
ROW_GROUP = 2000


def write_archive(file: Path, count: int, data: list[bytes]) -> None:
    """Write a Parquet archive of ``count`` images, row group by row group."""
    schema = pa.schema([("path", pa.string()), ("bytes", pa.binary())])
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(0, count, ROW_GROUP):
            rows = range(start, min(count, start + ROW_GROUP))
            columns = [[f"{i:08d}.jpg" for i in rows], [data[i % len(data)] for i in rows]]
            writer.write_table(pa.table(columns, schema=schema))


def tiny_images(root: Path) -> list[bytes]:
    """Draw 1,000 birds and make them 72 pixel JPEGs."""
    from fieldguide.archive import draw_archive

    draw_archive(root, 1000, seed=1)
    found = []
    for file in sorted(p for p in (root / "images").rglob("*") if p.is_file()):
        out = io.BytesIO()
        with Image.open(file) as image:
            image.convert("RGB").resize((72, 72)).save(out, "JPEG", quality=85)
        found.append(out.getvalue())
    return found


def private(process: psutil.Process) -> int:
    """Resident memory that is the process's own, in bytes; 0 when it is gone."""
    try:
        memory = process.memory_info()
        return int(memory.rss - memory.shared)
    except psutil.Error:
        return 0


def run(archive: Path, classes: Path, out: Path) -> dict[str, float]:
    """Label an archive and watch its processes; returns peaks in MiB, seconds and images/s."""
    command = [sys.executable, "-m", "ray_jobs", "label", "zero_shot", "--json"]
    command += ["--images", str(archive), "--classes", str(classes), "--out", str(out)]
    started = time.time()
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watched = psutil.Process(job.pid)
    peaks = {"driver": 0, "workers": 0, "largest worker": 0}
    while job.poll() is None:
        children = [private(child) for child in watched.children(recursive=True)]
        now = {"driver": private(watched), "workers": sum(children)}
        now["largest worker"] = max(children, default=0)
        peaks = {name: max(peak, now[name]) for name, peak in peaks.items()}
        time.sleep(0.5)
    assert job.stdout is not None
    record = json.loads(job.stdout.read())
    if record["labelled"] != record["images"]:
        raise SystemExit(f"not every image was labelled: {record['errors']}")
    seconds = time.time() - started
    result = {name: peak / MIB for name, peak in peaks.items()}
    return {**result, "seconds": seconds, "images/s": record["images"] / seconds}


def main() -> None:
    """Measure each size, print the table and the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[10_000, 200_000])
    options = parser.parse_args()
    print(f"memory: peak private MiB while labelling tiny images; {machine.describe()}")
    columns = ("driver", "workers", "largest worker", "seconds", "images/s")
    print(f"{'images':>10}" + "".join(f"{name:>16}" for name in columns))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = tiny_images(root / "birds")
        for size in options.sizes:
            write_archive(root / f"{size}.parquet", size, data)
            classes = root / "birds" / "classes.txt"
            results.append(run(root / f"{size}.parquet", classes, root / f"run{size}"))
            values = "".join(f"{results[-1][name]:>16,.0f}" for name in columns)
            print(f"{size:>10,}{values}", flush=True)
    for result in results:
        result["driver and workers"] = result["driver"] + result["workers"]
    for name in ("driver and workers", *columns[:3]):
        growth = results[1][name] / results[0][name] - 1
        print(f"growth of {name}: {growth:+.1%}")
    print("limit for driver and workers together: +15 %")


if __name__ == "__main__":
    main()
