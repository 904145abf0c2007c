"""CSV and JSON lines: one row an image, errors included.

In CSV several labels of an image are joined by ``|``, as truth files have them, and so are their
scores; JSON lines hold lists where the run gives several labels.
"""

from __future__ import annotations

import csv
import json
import math
from typing import Any, Final

from ray_jobs.verbs.export.rows import ExportRow, RunExport

COLUMNS: Final = (
    *("image_id", "path", "uri", "label", "score", "error", "error_detail"),
    *("method", "model", "version"),
)


def write_csv(export: RunExport, path: str) -> dict[str, Any]:
    """Write one CSV file in UTF-8 with the header `COLUMNS`."""
    about = [export.method, export.model, export.version]
    written = 0
    with open(path, "w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in export.rows():
            scores = "|".join(f"{score:.6g}" for score in row.scores)
            own = [row.image_id, row.path, row.uri, "|".join(row.labels), scores]
            writer.writerow([*own, row.error or "", row.error_detail or "", *about])
            written += 1
    return {"written": written}


def write_jsonl(export: RunExport, path: str) -> dict[str, Any]:
    """Write one JSON object a line: ``label``, ``score``, or ``labels``, ``scores``."""
    written = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in export.rows():
            file.write(json.dumps(facts(export, row), ensure_ascii=False) + "\n")
            written += 1
    return {"written": written}


def facts(export: RunExport, row: ExportRow) -> dict[str, Any]:
    """What is known of an image, as JSON has it; ids are numbers of 64 bits."""
    scores = [None if math.isnan(score) else round(score, 6) for score in row.scores]
    labels: dict[str, Any] = {"labels": row.labels, "scores": scores}
    if not export.run.multi_label:
        labels = {
            "label": row.labels[0] if row.labels else None,
            "score": scores[0] if scores else None,
        }
    return {
        "image_id": row.image_id,
        "path": row.path,
        "uri": row.uri,
        **labels,
        "error": row.error,
        "error_detail": row.error_detail,
        "method": export.method,
        "model": export.model,
        "version": export.version,
    }
