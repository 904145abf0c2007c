"""FiftyOne's format for image classification (FiftyOneImageClassificationDataset).

``labels.json`` has the classes and, by key, label, confidence and attributes; ``data.json`` says
where the image of each key is. An image without a label, because of an error, has null. Images
that could not be read are left out.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

from ray_jobs.verbs.export.image_files import placed
from ray_jobs.verbs.export.json_stream import JsonStream
from ray_jobs.verbs.export.rows import ExportRow, RunExport


def write_fiftyone(export: RunExport, path: str) -> dict[str, Any]:
    """Write ``labels.json``, ``data.json`` and, where images are no files here, ``images/``."""
    os.makedirs(path)
    written = 0
    with (
        open(os.path.join(path, "labels.json"), "w", encoding="utf-8") as labels_file,
        open(os.path.join(path, "data.json"), "w", encoding="utf-8") as data_file,
    ):
        labels_file.write(f'{{"classes": {json.dumps(export.classes)}, "labels": ')
        with JsonStream(labels_file, "{}") as labels, JsonStream(data_file, "{}") as data:
            for row in export.rows(sources=True):
                file = placed(export, row, path)
                if file is not None:
                    labels.item(_labels(export, row), row.key)
                    data.item(file, row.key)
                    written += 1
        labels_file.write("}\n")
    return {"written": written}


def _labels(export: RunExport, row: ExportRow) -> Any:
    attributes = {
        "image_id": str(row.image_id),  # 64 bits: too long for a number of JSON
        "path": row.path,
        "method": export.method,
        "model": export.model,
        "version": export.version,
    }
    found = [
        {
            "label": label,
            **({} if score is None or math.isnan(score) else {"confidence": score}),
            "attributes": attributes,
        }
        for label, score in row.scored()
    ]
    if export.run.multi_label and row.error is None:
        return found
    return found[0] if found else None
