"""Label Studio: tasks with predictions to start from, and the labelling interface for them.

Images that are files of this machine are addressed through Label Studio's local files
(``/data/local-files/?d=``, with ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=/``), others by their own
address. An image without a label because of an error is a task without a prediction; images that
could not be read are left out.
"""

from __future__ import annotations

import math
import os
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from actors import storage
from ray_jobs.runs.reviewed import NONE_FITS
from ray_jobs.verbs.export.image_files import placed
from ray_jobs.verbs.export.json_stream import JsonStream
from ray_jobs.verbs.export.rows import ExportRow, RunExport


def write_label_studio(export: RunExport, path: str) -> dict[str, Any]:
    """Write ``tasks.json`` and ``interface.xml``."""
    os.makedirs(path)
    written = 0
    with open(os.path.join(path, "tasks.json"), "w", encoding="utf-8") as file:
        with JsonStream(file, "[]") as tasks:
            for row in export.rows(sources=True):
                address = _address(export, row, path)
                if address is not None:
                    tasks.item(_task(export, row, address))
                    written += 1
        file.write("\n")
    with open(os.path.join(path, "interface.xml"), "w", encoding="utf-8") as file:
        file.write(_interface(export))
    return {"written": written}


def _address(export: RunExport, row: ExportRow, path: str) -> str | None:
    uri = row.source["uri"]
    remote = bool(uri) and row.is_file and not storage.is_local(uri)
    if remote and not export.copy_images and not row.unreadable:
        return str(uri)
    file = placed(export, row, path)
    return None if file is None else "/data/local-files/?d=" + quote(os.fsencode(file).lstrip(b"/"))


def _task(export: RunExport, row: ExportRow, address: str) -> dict[str, Any]:
    task: dict[str, Any] = {
        "data": {
            "image": address,
            "image_id": str(row.image_id),
            "path": row.path,
            **({"error": row.error} if row.error else {}),
        }
    }
    if row.labels:
        known = [score for score in row.scores if not math.isnan(score)]
        task["predictions"] = [
            {
                "model_version": f"{export.method} ({export.model}), onoma {export.version}",
                **({"score": min(known)} if known else {}),
                "result": [
                    {
                        "from_name": "label",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": row.labels},
                    }
                ],
            }
        ]
    return task


def _interface(export: RunExport) -> str:
    choice = "multiple" if export.run.multi_label else "single"
    lines = [f"    <Choice value={quoteattr(label)}/>" for label in (*export.classes, NONE_FITS)]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true"/>',
            f'  <Choices name="label" toName="image" choice="{choice}" showInLine="true">',
            *lines,
            "  </Choices>",
            "</View>\n",
        ]
    )
