"""Which weights of What Do You See's parts name most images, on archives drawn to try them on.

    uv run python -m benchmarks.fusion_weights [--seeds 4101 4102 4103] [--count 300] \
        [--edition 2 --clip fieldguide-2 --mllm fieldguide-2]

Each archive is labelled once by the real command, which asks the model; all weights are then tried
on the same answers and features. The seeds are for development: figures about the method come from
other ones.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.classifier_store import load_classifier
from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.images.decode import decode_image, to_input_size
from methods.what_do_you_see import PARTS, Part, fuse

IMAGE = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
TEXT = (0.0, 0.5, 1.0)

Features = dict[Part, NDArray[np.float32]]


def label(root: Path, seed: int, options: argparse.Namespace) -> Path:
    """Draw an archive and label it; returns the run folder."""
    from fieldguide.archive import draw_archive
    from ray_jobs.config import LabelWhatDoYouSeeConfig
    from ray_jobs.verbs.label import label

    archive, run = root / f"archive{seed}", root / f"run{seed}"
    draw_archive(archive, options.count, seed, edition=options.edition)
    images, classes = str(archive / "images"), str(archive / "classes.txt")
    models = {"clip": options.clip, "mllm": options.mllm}
    label(LabelWhatDoYouSeeConfig(images=images, classes=classes, out=str(run), **models))
    return run


def features(root: Path, seed: int, encoder: ClipEncoder) -> tuple[Features, NDArray[np.int64]]:
    """Encode what a run saw and heard; returns the features of each part and the true classes."""
    import pyarrow.parquet as pq

    run, archive = root / f"run{seed}", root / f"archive{seed}"
    columns = ["path", "description", "prediction"]
    table = pq.read_table(run / "labels", columns=columns, partitioning=None)
    rows: list[dict[str, Any]] = table.to_pylist()
    with (archive / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["path"]: row["label"] for row in csv.DictReader(file)}
    how = encoder.model_info.preprocessing
    files = [archive / "images" / row["path"] for row in rows]
    pixels = [np.asarray(to_input_size(decode_image(file.read_bytes()), how)) for file in files]
    parts: Features = {
        "image": encoder.encode_pixels(np.stack(pixels)),
        "description": encoder.encode_texts([row["description"] for row in rows]),
        "prediction": encoder.encode_texts([row["prediction"] for row in rows]),
    }
    labels = load_classifier(str(run / "classifier")).labels
    return parts, np.array([labels.index(truth[row["path"]]) for row in rows])


def main() -> None:
    """Label, try all weights, print what each gives."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[4101, 4102, 4103])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--edition", choices=("1", "2"), default="1", help="of the drawn world")
    parser.add_argument("--clip", default="fieldguide", help="as onoma label takes it")
    parser.add_argument("--mllm", default="fieldguide", help="as onoma label takes it")
    options = parser.parse_args()
    encoder = ClipEncoder(resolve_clip(options.clip))
    found: dict[tuple[float, ...], list[float]] = {}
    singles = [tuple(float(part == other) for other in PARTS) for part in PARTS]
    tried = [*singles, *itertools.product(IMAGE, TEXT, TEXT)]
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with tempfile.TemporaryDirectory() as folder, field_guide_replicas(options.mllm):
        root = Path(folder)
        for seed in options.seeds:
            label(root, seed, options)
            parts, truth = features(root, seed, encoder)
            matrix = load_classifier(str(root / f"run{seed}" / "classifier")).matrix
            for weights in tried:
                query = fuse(parts, dict(zip(PARTS, weights, strict=True)))
                right = (query @ matrix.T).argmax(axis=1) == truth
                found.setdefault(weights, []).append(float(right.mean()))
    print("".join(f"{name:>12}" for name in (*PARTS, *map(str, options.seeds), "mean", "lowest")))
    for weights, shares in sorted(found.items(), key=lambda item: -np.mean(item[1])):
        cells = [f"{value:>12g}" for value in weights] + [f"{value:>12.3f}" for value in shares]
        print("".join(cells) + f"{np.mean(shares):>12.3f}{min(shares):>12.3f}")


if __name__ == "__main__":
    main()
