"""The bare side: decode, resize and forward pass in one process, without an endpoint around it.

    python -m benchmarks.serve.bare IMAGES MODEL

Reads commands from standard input, `latency SECONDS` or `rate SECONDS`, and answers each with one
line of JSON: latencies in milliseconds, one image at a time, or images a second, in batches decoded
with a thread per core. Waiting for a command takes no CPU. Every command starts with a warm-up of
its own, since what runs between commands pushes the model out of the caches.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

BATCH = 32
_WARM_UP_IMAGES = 10
_WARM_UP_BATCHES = 2
Label = Callable[[list[bytes]], None]


class BareProcess:
    """The bare side, in a process of its own that sleeps between commands."""

    def __init__(self, images: Path, model: Path) -> None:
        """Start it and wait until the model is loaded."""
        command = [sys.executable, "-m", "benchmarks.serve.bare", str(images), str(model)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def latency(self, seconds: float) -> list[float]:
        """Label one image at a time; returns milliseconds of each."""
        return self._ask(f"latency {seconds}")["ms"]

    def rate(self, seconds: float) -> float:
        """Label in batches; returns images a second."""
        return self._ask(f"rate {seconds}")["rate"]

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the bare side ended ({self._process.wait()})")
        return json.loads(line)


def load_labeller(model: str) -> Label:
    """Load the model; returns what labels a list of encoded images."""
    import numpy as np

    from actors.clip.encoder import ClipEncoder
    from actors.clip.model import resolve_clip
    from actors.cores import usable_cores
    from actors.images.decode import input_pixels
    from methods.class_matrix import softmax_scores, top_k

    resolved = resolve_clip(model)
    how = resolved.preprocessing
    encoder = ClipEncoder(resolved, threads=usable_cores())
    matrix = encoder.encode_texts(["a photo of a cat.", "a photo of a dog."])
    pool = ThreadPoolExecutor(usable_cores())

    def pixels(data: bytes) -> np.ndarray:
        return input_pixels(data, how)

    def label(images: list[bytes]) -> None:
        one = len(images) == 1
        decoded = [pixels(images[0])] if one else list(pool.map(pixels, images))
        features = encoder.encode_pixels(np.stack(decoded))
        top_k(softmax_scores(features, matrix, encoder.logit_scale), 2)

    return label


def measure_latency(label: Label, images: Iterator[bytes], seconds: float) -> dict[str, Any]:
    """Time single images."""
    for data in islice(images, _WARM_UP_IMAGES):
        label([data])
    taken = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        label([next(images)])
        taken.append(1000 * (time.perf_counter() - started))
    return {"ms": taken}


def measure_rate(label: Label, images: Iterator[bytes], seconds: float) -> dict[str, Any]:
    """Time batches."""
    for _ in range(_WARM_UP_BATCHES):
        label(list(islice(images, BATCH)))
    started, batches = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        label(list(islice(images, BATCH)))
        batches += 1
    return {"rate": batches * BATCH / (time.perf_counter() - started)}


def main() -> None:
    """Load the model, then follow commands."""
    folder, model = sys.argv[1:]
    images = cycle([file.read_bytes() for file in sorted(Path(folder).iterdir())])
    label = load_labeller(model)
    measures = {"latency": measure_latency, "rate": measure_rate}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        name, seconds = line.split()
        print(json.dumps(measures[name](label, images, float(seconds))), flush=True)


if __name__ == "__main__":
    main()
