"""What the pipeline costs a CPU outside the models, image by image, for each method.

    uv run python -m benchmarks.pipeline_cost [--methods slac tlac ...] [--sizes 500x375 4000x3000]
                                              [--repeats 3] [--rate 500] [--json]

Each method labels archives of JPEGs by the job of ``onoma label``, all in one Ray, with a dummy
model that ends ``--rate`` requests a second, whatever they are about. CPU seconds are those of the
driver, of Ray's own processes and of all workers, user and system; the cost of an image is the
slope between a small archive and a larger one, so that what a job costs whatever its size cancels
out. The CPU that the models themselves take (the field guide's CLIP; the dummy, which digests the
pixels that it answers about) is measured alone in this process and subtracted. Wall time is not
looked at: other work on the machine changes CPU seconds by a tenth or two, so take the median.

``near`` is a job with a classifier of one vector a class, as NeaR leaves behind, and ``data_free``
one with whole and dense features; both are made of the class names.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import machine
from benchmarks.cpu_time import CpuOfTree
from fieldguide.world import NAMES

IMAGES: Final = {(500, 375): (256, 1536), (4000, 3000): (32, 160)}
"""Images of the small archive and of the larger one, by their size."""
DISTINCT: Final = 12
DETAIL: Final = 22
"""Which makes files as large as those of cameras."""
REPLICA_RATE: Final = 20
CLASSES: Final = NAMES[:8]
METHODS: Final = {
    "zero_shot": "LabelZeroShotConfig",
    "slac": "LabelSlacConfig",
    "tlac": "LabelTlacConfig",
    "mllm_names": "LabelMllmNamesConfig",
    "what_do_you_see": "LabelWhatDoYouSeeConfig",
    "autosep": "LabelAutosepConfig",
    "near": "LabelClassifierConfig",
    "data_free": "LabelClassifierConfig",
}
QUESTIONS: Final = {"slac": 1, "tlac": 1, "mllm_names": 1, "what_do_you_see": 2, "autosep": 2}
"""Of the dummy, with pixels, about each image. ``autosep`` shows the image twice."""
CLIPS: Final = {"zero_shot", "near", "what_do_you_see"}
"""Methods in which CLIP sees each image as it does for ``near``."""
Size = tuple[int, int]


def photographs(size: Size, count: int, seed: int) -> list[bytes]:
    """JPEGs of one size with the spectrum of photographs: amplitudes fall as 1 / frequency."""
    from PIL import Image

    rng, (width, height) = np.random.default_rng(seed), size
    found = []
    for _ in range(count):
        layers, cells = np.full((height, width, 3), 128.0, np.float32), 3
        while cells < max(size):
            noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            octave = np.asarray(noise.resize(size, Image.Resampling.BICUBIC), np.float32) - 128
            layers += octave * min(0.5, DETAIL / cells)
            cells *= 2
        out = io.BytesIO()
        Image.fromarray(layers.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
        found.append(out.getvalue())
    return found


def write_archive(folder: Path, images: list[bytes], count: int) -> None:
    """Write files of which no two are equal: each JPEG has a comment with its number."""
    folder.mkdir(parents=True)
    for number, data in zip(range(count), itertools.cycle(images)):
        note = f"{number:08d} of {folder.name}".encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2) + note
        (folder / f"{number:06d}.jpg").write_bytes(data[:2] + comment + data[2:])


def prepare(root: Path, rate: float, methods: list[str]) -> None:
    """Write what the jobs take: class names, the dummy, AutoSEP's prompt, the classifiers."""
    from ray_jobs.config import FitDataFreeConfig, FitZeroShotConfig
    from ray_jobs.verbs.fit import fit

    classes = root / "classes.txt"
    classes.write_text("\n".join(CLASSES), encoding="utf-8")
    rules = [{"answer": [f"a small picture of a {name}" for name in CLASSES]}]
    dummy = {"images_per_second": rate, "rules": rules}
    (root / "dummy.json").write_text(json.dumps(dummy), encoding="utf-8")
    (root / "describe.txt").write_text("Describe what is there in detail.", encoding="utf-8")
    if not CLIPS.isdisjoint(methods):
        fit(FitZeroShotConfig(classes=str(classes), out=str(root / "near")))
    if "data_free" not in methods:
        return
    dense: dict[str, Any] = {"baseline": "zero_shot_dense", "mllm": f"dummy:{root / 'dummy.json'}"}
    fit(FitDataFreeConfig(classes=str(classes), out=str(root / "data_free"), **dense))


def label_once(method: str, root: Path, images: Path, out: Path) -> None:
    """Label an archive by the job of the verb."""
    from ray_jobs import config as settings_of
    from ray_jobs.verbs.label import label

    kind = getattr(settings_of, METHODS[method])
    given: dict[str, Any] = {"images": str(images), "out": str(out)}
    if method in QUESTIONS:
        cache = str(out.with_name(f"{out.name}-answers"))
        given |= {"mllm": f"dummy:{root / 'dummy.json'}", "response_cache": cache}
    if method in ("near", "data_free"):
        given["classifier"] = str(root / method)
    elif method != "mllm_names":
        given["classes"] = str(root / "classes.txt")
    if method == "autosep":
        given |= {"prompt": str(root / "describe.txt"), "category": "bird"}
    if method == "mllm_names":
        given["name_format"] = "line"
    record = label(kind(**given))
    if unread := {code: n for code, n in record["errors"].items() if n and code in _READING}:
        raise SystemExit(f"{method}: images that could not be read: {unread}")


_READING: Final = ("missing", "truncated", "corrupt", "not_an_image", "too_many_pixels")


def models_ms(root: Path, images: list[bytes]) -> dict[str, float]:
    """CPU milliseconds of the models themselves: of a question about an image, and of CLIP."""
    import asyncio

    from actors.classifier_store import load_classifier
    from actors.clip.image_scorer import ImageScorer
    from actors.clip.model import resolve_clip
    from actors.clip.runtime import ClipRuntime
    from actors.images.decode import decode_image, to_input_size
    from actors.mllm.dummy_file import read_dummy
    from actors.mllm.images import decode_for_mllm
    from actors.mllm.request import Request

    dummy = read_dummy(str(root / "dummy.json"))
    requests = [Request("What is it?", (decode_for_mllm(data),)) for data in images]

    async def ask() -> None:
        for request in requests:
            await dummy.respond(request)

    found = {"question": cpu_ms(lambda: asyncio.run(ask())) / len(images)}
    fitted = [name for name in ("near", "data_free") if (root / name).exists()]
    if not fitted:
        return found
    encoder = ClipRuntime(resolve_clip("fieldguide"), threads=1).load()
    how = encoder.model_info.preprocessing
    small = [to_input_size(decode_image(data, shrink_to=how.height), how) for data in images]
    pixels = np.stack([np.asarray(image) for image in small])[np.arange(64) % len(images)]
    for name in fitted:
        scorer = ImageScorer(load_classifier(str(root / name))).prepare(encoder.device)

        def score(scorer: ImageScorer = scorer) -> None:
            with encoder.lane.slot() as slot:
                encoded = scorer.encoding.of(encoder, encoder.normalised(slot.put(pixels)))
                scorer.ranked(encoded, 5, slot.take)

        found[name] = cpu_ms(score) / len(pixels)
    return found


def cpu_ms(what: Any) -> float:
    """CPU milliseconds of a call in this process, the least of five after one that is not kept."""
    took = []
    for _ in range(6):
        began = time.process_time()
        what()
        took.append(time.process_time() - began)
    return 1000 * min(took[1:])


def model_ms(method: str, alone: dict[str, float]) -> float:
    """What the models of a method take of an image's cost."""
    clip = "near" if method in CLIPS else method
    return QUESTIONS.get(method, 0) * alone["question"] + alone.get(clip, 0.0)


def measure(root: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All methods at all sizes."""
    rows = []
    for size in options.sizes:
        name, counts = f"{size[0]}x{size[1]}", [options.scale * n for n in IMAGES[size]]
        images = photographs(size, DISTINCT, 0)
        folders = [root / f"{name}-{count}" for count in counts]
        for folder, count in zip(folders, counts, strict=True):
            write_archive(folder, images, count)
        alone = models_ms(root, images)
        for method in options.methods:
            label_once(method, root, folders[0], root / "runs" / f"{name}-{method}-warm")
            costs = []
            for turn in range(options.repeats):
                used = []
                for folder in folders:
                    with CpuOfTree() as cpu:
                        label_once(
                            method, root, folder, root / "runs" / f"{folder.name}-{method}-{turn}"
                        )
                    used.append(cpu.seconds)
                slope = 1000 * (used[1] - used[0]) / (counts[1] - counts[0])
                costs.append(slope - model_ms(method, alone))
                print(f"{name} {method}: {used[0]:.1f} s, {used[1]:.1f} s", file=sys.stderr)
            rows.append(
                {
                    "method": method,
                    "size": name,
                    "bytes": round(statistics.fmean(map(len, images))),
                    "ms": statistics.median(costs),
                    "turns": costs,
                    "models_ms": model_ms(method, alone),
                }
            )
    return rows


def report(rows: list[dict[str, Any]]) -> None:
    """Print a row for each method, two columns for each size."""
    sizes = list(dict.fromkeys(row["size"] for row in rows))
    heads = [f"{size}, ms | replicas a core" for size in sizes]
    print("| method | " + " | ".join(heads) + " |\n|---|" + "---|---|" * len(sizes))
    for method in dict.fromkeys(row["method"] for row in rows):
        costs = {row["size"]: row["ms"] for row in rows if row["method"] == method}
        cells = [f"{costs[size]:.1f} | {1000 / costs[size] / REPLICA_RATE:.1f}" for size in sizes]
        print(f"| {method} | " + " | ".join(cells) + " |")


def size_of(text: str) -> Size:
    """A size of `IMAGES`."""
    width, _, height = text.partition("x")
    size = int(width), int(height)
    if size not in IMAGES:
        raise ValueError(text)
    return size


def main() -> None:
    """Draw, label, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sizes", nargs="+", type=size_of, default=list(IMAGES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1, help="so many times the images")
    parser.add_argument("--rate", type=float, default=500, help="answers a second of the dummy")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    from ray_jobs.passes.session import start_ray

    start_ray()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options.rate, options.methods)
        rows = measure(Path(folder), options)
    if options.json:
        print(json.dumps({"machine": machine.describe(), "rows": rows}))
        return
    print(f"pipeline_cost: CPU of an image outside the models; {machine.describe()}")
    report(rows)


if __name__ == "__main__":
    main()
