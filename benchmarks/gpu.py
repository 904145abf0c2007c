"""How much of a GPU's forward limit reaches the labels: ViT-L/14 in bf16, random weights.

    uv run python -m benchmarks.gpu [--count 50000] [--clip ViT-L-14] [--batches 64 256]
        [--seconds 20] [--flags FLAGS]

The limit is the model alone in one process: a batch of pixels that lies on the device already goes
through the image tower again and again; nothing is decoded, moved or written. Beside it stands
`onoma label zero_shot` of 500x375 JPEGs packed in Parquet, from reading to labels, with the same
weights, precision and batch: images a second of its steady part, which begins when the last stage
gets its first batch, and how busy its stages were (1 is all of their processes all of the time).
`nvidia-smi` is read twice a second meanwhile; its middle 80 % between the first and the last
reading that is not 0 are averaged. Without a GPU both run on the CPU, and the head of the table
says so: such figures say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.clip_pass import draw, save_model
from benchmarks.faults.jobs import Job, end_on_sigterm, ray_folder
from benchmarks.memory import write_archive
from ray_jobs.verbs.plan.forecast import PassForecast, forecast_pass

DISTINCT = 1000


def limit(model: str, batch: int, seconds: float) -> float:
    """Images a second of the image tower alone."""
    import numpy as np
    import torch

    from actors.clip.encoder import ClipEncoder
    from actors.clip.model import resolve_clip
    from actors.cores import usable_cores

    encoder = ClipEncoder(resolve_clip(model), threads=usable_cores())
    how = encoder.model_info.preprocessing
    rng = np.random.default_rng(0)
    shape = (batch, 3, how.height, how.width)
    pixels = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
    pixels = pixels.to(encoder.device, encoder.dtype)

    def forward(until: float) -> int:
        passes = 0
        while time.perf_counter() < until:
            encoder.model.encode_image(pixels)
            if encoder.device.type == "cuda":
                torch.cuda.synchronize()
            passes += 1
        return passes

    with torch.inference_mode():
        forward(time.perf_counter() + seconds / 4)
        started = time.perf_counter()
        passes = forward(started + seconds)
        return passes * batch / (time.perf_counter() - started)


class GpuUse:
    """Reads ``nvidia-smi`` twice a second while the context lasts."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.readings: list[tuple[float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used"]
        while not self._ended.wait(0.5):
            done = subprocess.run(
                [*query, "--format=csv,noheader,nounits"], capture_output=True, text=True
            )
            use, memory = done.stdout.splitlines()[0].split(",")
            self.readings.append((float(use), float(memory)))

    def __enter__(self) -> GpuUse:
        """Begin, where there is a GPU."""
        if shutil.which("nvidia-smi"):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def describe(self) -> str:
        """Mean use in percent and most memory in GiB; a dash where nothing was read."""
        busy = [index for index, (use, _) in enumerate(self.readings) if use]
        if not busy:
            return "-"
        while_busy = self.readings[busy[0] : busy[-1] + 1]
        tenth = len(while_busy) // 10
        middle = while_busy[tenth : len(while_busy) - tenth]
        most = max(memory for _, memory in self.readings)
        return f"{statistics.mean(use for use, _ in middle):.0f} %, {most / 1024:.1f} GiB"


def device() -> str:
    """The device that CLIP runs on, in words."""
    import torch

    if not torch.cuda.is_available():
        return "no GPU: the CPU, fp32"
    return f"{torch.cuda.get_device_name(0)}, bf16, CUDA {torch.version.cuda}"


def label(root: Path, batch: int, flags: str) -> tuple[PassForecast, str]:
    """Label the archive; returns how fast its stages were and what the GPU did."""
    run = root / f"run-{batch}"
    words = ["label", "zero_shot", "--images", str(root / "archive.parquet"), "--out", str(run)]
    words += ["--classes", str(root / "classes.txt"), "--clip", str(root / "model")]
    words += ["--clip-batch", str(batch), *shlex.split(flags)]
    log = root / "logs" / f"{batch}.txt"
    with ray_folder() as ray, GpuUse() as use, Job(words, log, ray, None) as job:
        code = job.wait(3600)
        if code:
            raise SystemExit(f"the job failed ({code})\n{job.said()[-2000:]}")
        record = job.record()
    images, work, seconds = record["images"], record["work"]["label"], record["timings"]["label"]
    return forecast_pass("label", work, seconds, images, images), use.describe()


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--clip", default="ViT-L-14", help="an architecture of open_clip")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--seconds", type=float, default=20.0, help="of the forward limit")
    parser.add_argument("--flags", default="", help="more flags of `onoma label zero_shot`")
    parser.add_argument("--limit", nargs=3, metavar=("MODEL", "BATCH", "SECONDS"))
    options = parser.parse_args()
    if options.limit:
        model, batch, seconds = options.limit
        print(limit(model, int(batch), float(seconds)))
        return
    end_on_sigterm()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options)


def measure(root: Path, options: argparse.Namespace) -> None:
    """Time the limit and the command, one after the other, with each batch."""
    draw(root / "images", min(DISTINCT, options.count))
    drawn = [file.read_bytes() for file in sorted((root / "images").iterdir())]
    write_archive(root / "archive.parquet", options.count, drawn)
    save_model(root / "model", options.clip)
    (root / "classes.txt").write_text("cat\ndog\n")
    script = [sys.executable, "-m", "benchmarks.gpu", "--limit", str(root / "model")]
    print(f"gpu: {options.count:,} JPEGs of 500x375, {options.clip}, random weights; {device()}")
    print(machine.describe())
    print(f"{'batch':>6}{'limit img/s':>13}{'onoma img/s':>13}{'ratio':>8}  GPU use; busy stages")
    for batch in options.batches:
        words = [*script, str(batch), str(options.seconds)]
        alone = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        most = float(alone.stdout)
        done, use = label(root, batch, options.flags)
        rate = done.images_per_second
        shares = ", ".join(f"{stage.stage} {stage.busy:.2f}" for stage in done.stages)
        print(f"{batch:>6}{most:>13.1f}{rate:>13.1f}{rate / most:>8.2f}", end="")
        print(f"  {use}; {shares}", flush=True)


if __name__ == "__main__":
    main()
