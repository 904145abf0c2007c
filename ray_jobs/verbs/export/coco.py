"""COCO's JSON with labels of whole images: annotations that have a category and no box.

Ids count from 1, as COCO's do; the stable id of an image is its ``onoma_image_id``, a text. An
image with an error has ``error`` and no annotation. Sizes are not given: no image is read.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ray_jobs.verbs.export.json_stream import JsonStream
from ray_jobs.verbs.export.rows import ExportRow, RunExport


def write_coco(export: RunExport, path: str) -> dict[str, Any]:
    """Write one JSON file: ``info``, ``licenses``, ``categories``, ``images``, ``annotations``."""
    numbers = {label: at for at, label in enumerate(export.classes, 1)}
    about = f"labels of {export.method} ({export.model})"
    head = {"description": about, "version": f"onoma {export.version}"}
    categories = [{"id": at, "name": label} for label, at in numbers.items()]
    written = count = 0
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(head)}, "licenses": [], ')
        file.write(f'"categories": {json.dumps(categories)},\n"images": ')
        with JsonStream(file, "[]") as images:
            for written, row in enumerate(export.rows(), 1):
                images.item(_image(row, written))
        file.write(',\n"annotations": ')
        with JsonStream(file, "[]") as annotations:
            for at, row in enumerate(export.rows(), 1):  # the same order again
                for label, score in row.scored():
                    count += 1
                    own = {"id": count, "image_id": at, "category_id": numbers[label]}
                    known = score is not None and not math.isnan(score)
                    annotations.item({**own, "iscrowd": 0, **({"score": score} if known else {})})
        file.write("}\n")
    return {"written": written, "annotations": count}


def _image(row: ExportRow, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": row.path,
        "coco_url": row.uri,
        "onoma_image_id": str(row.image_id),
        **({"error": row.error} if row.error else {}),
    }
