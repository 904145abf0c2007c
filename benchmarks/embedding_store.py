"""A second list of classes over an embedded archive, beside the first, which encodes its images.

    uv run python -m benchmarks.embedding_store [--rows 1000000] [--images 4000] [--clip fieldguide]

Drawn birds are labelled by `onoma label zero_shot`, embedded by `onoma embed`, and labelled again
with another list of classes, once from the images and once from the store: labels and scores of
the two are compared. Then a store of `--rows` random unit features of the same CLIP is labelled.

The first rate is that of the images beyond the first quarter, (count - count / 4) / (seconds of the
pass over all - seconds of the pass over a quarter): processes, imports and model loading cancel
out, which a few thousand images would not pay for. The second has no such favour: it is that of the
pass, and in bold that of the whole job: making the classifier, listing the archive, joining it with
the store, labelling, counting the ledger.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from benchmarks import machine

ROOT = "s3://archive/photos"


def synthetic(folder: Path, rows: int, clip: str) -> None:
    """Write a store of random unit features, with its manifest."""
    from actors.clip.model import resolve_clip
    from actors.embedding_store import (
        SHOWN_SETTINGS,
        embedding_schema,
        feature_column,
        rows_per_part,
        write_part,
        write_record,
    )
    from methods.image_ids import image_id
    from ray_jobs.config import EmbedConfig

    model = resolve_clip(clip)
    width, rng = model.embed_dim, np.random.default_rng(0)
    settings = EmbedConfig(images="-", out="-")
    (folder / "manifest").mkdir(parents=True)
    step = rows_per_part(width, "float16")
    for number, start in enumerate(range(0, rows, step)):
        count = min(step, rows - start)
        paths = [f"{at // 1000:06d}/{at:09d}.jpg" for at in range(start, start + count)]
        found = rng.standard_normal((count, width), np.float32)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        nothing = pa.nulls(count, pa.string())
        table = pa.table(
            {
                "image_id": [image_id(path) for path in paths],
                "path": paths,
                "uri": [f"{ROOT}/{path}" for path in paths],
                "digest": pa.nulls(count, pa.binary(16)),
                "feature": feature_column(found.astype(np.float16), np.ones(count, np.bool_)),
                "error": nothing,
                "error_detail": nothing,
            },
            schema=embedding_schema(width, "float16"),
        )
        write_part(str(folder), number, [table])
        listed = table.select(["image_id", "path", "uri"])
        pq.write_table(listed, folder / "manifest" / f"part-{number:05d}.parquet")
    write_record(
        str(folder),
        {
            "clip": model.record(),
            "dimension": width,
            "dtype": "float16",
            "precision": "auto",
            "reading": {name: getattr(settings, name) for name in SHOWN_SETTINGS},
            "archive": ROOT,
            "images": rows,
            "count": rows,
            "errors": {},
        },
    )


def other_classes(classes: Path, target: Path) -> str:
    """Write the second list of classes: the first one's backwards, and some that are no birds."""
    names = classes.read_text("utf-8").splitlines()[::-1]
    target.write_text("\n".join([*names, "a red car", "a house", "an old tree"]) + "\n", "utf-8")
    return str(target)


def quarter(birds: Path, target: Path) -> str:
    """List every fourth image of a drawn archive; returns the list."""
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())[::4]
    target.write_text("".join(f"{path}\n" for path in files), "utf-8")
    return str(target)


def labelled(**settings: Any) -> dict[str, Any]:
    """Run `onoma label zero_shot`; returns its run.json."""
    from ray_jobs.config import LabelZeroShotConfig
    from ray_jobs.verbs.label import label

    return label(LabelZeroShotConfig(**settings))


def compared(one: Path, two: Path) -> tuple[int, int, float]:
    """How many labels two runs have, how many are the same, and how far scores are apart."""
    rows = []
    for run in (one, two):
        table = pads.dataset(str(run / "labels"), partitioning=None).to_table(
            ["image_id", "label", "score"]
        )
        rows.append(table.sort_by("image_id"))
    same = sum(a == b for a, b in zip(*(t.column("label").to_pylist() for t in rows), strict=True))
    scores = [table.column("score").to_numpy() for table in rows]
    return rows[0].num_rows, same, float(np.abs(scores[0] - scores[1]).max())


def measure(work: Path, rows: int, images: int, clip: str) -> dict[str, Any]:
    """Run all of it; returns the figures."""
    from fieldguide.archive import draw_archive
    from ray_jobs.config import EmbedConfig
    from ray_jobs.passes.session import start_ray
    from ray_jobs.verbs.embed import embed

    draw_archive(work / "birds", images, seed=4711)
    archive, classes = str(work / "birds" / "images"), work / "birds" / "classes.txt"
    others = other_classes(classes, work / "others.txt")
    start_ray()
    given: dict[str, Any] = {"images": quarter(work / "birds", work / "quarter.txt"), "clip": clip}
    labelled(**given, classes=others, out=str(work / "again"))
    few = labelled(**given, classes=str(classes), out=str(work / "few"))
    first = labelled(images=archive, clip=clip, classes=str(classes), out=str(work / "first"))
    beyond = first["timings"]["label"] - few["timings"]["label"]
    encoding = (first["images"] - few["images"]) / beyond
    tell(f"encoding: {encoding:,.0f} images/s; {few['timings']}, {first['timings']}")
    synthetic(work / "large", rows, clip)
    tell(f"{rows:,} random features are written")
    listed = {"images": str(work / "large" / "manifest"), "embeddings": str(work / "large")}
    second = labelled(**listed, clip=clip, classes=others, out=str(work / "second"))
    assert second["embeddings"]["encoded"] == 0
    tell(f"from the store: {rows:,} in {second['seconds']:,.1f} s; timings {second['timings']}")
    shutil.rmtree(work / "large")
    embed(EmbedConfig(**given, out=str(work / "store")))
    stored = {**given, "classes": others, "embeddings": str(work / "store")}
    labelled(**stored, out=str(work / "stored"))
    count, same, drift = compared(work / "again", work / "stored")
    return {
        "rows": rows,
        "images": images,
        "encoding": encoding,
        "pass": rows / second["timings"]["label"],
        "job": rows / second["seconds"],
        "seconds": second["seconds"],
        "ratio": rows / second["seconds"] / encoding,
        "compared": count,
        "same": same,
        "drift": drift,
    }


def tell(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


def report(found: dict[str, Any]) -> str:
    """The figures as a table."""
    ratio_of_pass = found["pass"] / found["encoding"]
    return "\n".join(
        [
            f"On {machine.describe()}; load before: {os.getloadavg()[2]:.1f}.",
            "",
            "| | rows | images/s | ratio |",
            "|---|---|---|---|",
            f"| first list: images encoded, start-up left out | {found['images']:,} "
            f"| {found['encoding']:,.0f} | 1 |",
            f"| second list: from the store, the pass alone | {found['rows']:,} "
            f"| {found['pass']:,.0f} | {ratio_of_pass:.1f} |",
            f"| second list: from the store, the whole job ({found['seconds']:,.0f} s) "
            f"| {found['rows']:,} | {found['job']:,.0f} | **{found['ratio']:.1f}** |",
            "",
            f"Labels of {found['compared']:,} images by the second list, from images and from "
            f"the store: {found['same']:,} are the same; scores differ by "
            f"{found['drift']:.6f} at most.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large store")
    parser.add_argument("--images", type=int, default=4000, help="that are drawn and encoded")
    parser.add_argument("--clip", default="fieldguide", help="as onoma label takes it")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON as well")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    work = Path(tempfile.mkdtemp(prefix="embedding-store-"))
    try:
        found = measure(work, options.rows, options.images, options.clip)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(report(found))
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
