"""A folder that ``datasets.load_dataset`` reads: Parquet with images and class labels.

The features (an Image, a ClassLabel with its names) are in the files' metadata, where the library
looks for them. Rows with an error are kept: their label is null, and so is an image that could not
be read.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from ray_jobs.verbs.export.rows import ExportRow, RunExport

_ROWS: Final = 500
_BYTES: Final = 64 << 20
_BYTES_PER_FILE: Final = 512 << 20
_CARD: Final = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---
Labels that {method} of Onoma {version} gave ({model}). No person made them.
"""


def write_hugging_face(export: RunExport, path: str) -> dict[str, Any]:
    """Write ``data/train-00000.parquet`` and on, and ``README.md``."""
    os.makedirs(os.path.join(path, "data"))
    schema = _schema(export)
    numbers = {label: at for at, label in enumerate(export.classes)}
    rows: list[dict[str, Any]] = []
    written = files = size = in_file = 0
    writer: pq.ParquetWriter | None = None

    def flush() -> None:
        nonlocal writer, files, in_file, size
        if writer is None:
            name = os.path.join(path, "data", f"train-{files:05d}.parquet")
            writer, files, in_file = pq.ParquetWriter(name, schema), files + 1, 0
        writer.write_table(pa.Table.from_pylist(rows, schema))
        in_file, size = in_file + size, 0
        rows.clear()
        if in_file >= _BYTES_PER_FILE:
            writer.close()
            writer = None

    for row in export.rows(sources=True):
        cell = _cell(export, row, numbers)
        rows.append(cell)
        size += len(cell["image"]["bytes"]) if cell["image"] else 0
        written += 1
        if len(rows) == _ROWS or size >= _BYTES:
            flush()
    flush()
    if writer is not None:
        writer.close()
    card = _CARD.format(method=export.method, version=export.version, model=export.model)
    with open(os.path.join(path, "README.md"), "w", encoding="utf-8") as file:
        file.write(card)
    return {"written": written, "files": files}


def _schema(export: RunExport) -> pa.Schema:
    names = {"names": export.classes, "_type": "ClassLabel"}
    texts = ("path", "error", "error_detail", "method", "model", "version")
    label: dict[str, Any] = {"label": names, "score": {"dtype": "float32", "_type": "Value"}}
    kinds = [("label", pa.int64()), ("score", pa.float32())]
    if export.run.multi_label:
        label = {
            "labels": {"feature": names, "_type": "Sequence"},
            "scores": {"feature": label["score"], "_type": "Sequence"},
        }
        kinds = [("labels", pa.list_(pa.int64())), ("scores", pa.list_(pa.float32()))]
    features = {
        "image": {"_type": "Image"},
        "image_id": {"dtype": "int64", "_type": "Value"},
        **label,
        **{name: {"dtype": "string", "_type": "Value"} for name in texts},
    }
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [("image", image), ("image_id", pa.int64()), *kinds, *((n, pa.string()) for n in texts)]
    )
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _cell(export: RunExport, row: ExportRow, numbers: dict[str, int]) -> dict[str, Any]:
    labels = [numbers[label] for label in row.labels]
    values: dict[str, Any] = {"labels": labels, "scores": row.scores}
    if not export.run.multi_label:
        values = {
            "label": labels[0] if labels else None,
            "score": row.scores[0] if row.scores else None,
        }
    return {
        "image": _image(row),
        "image_id": row.image_id,
        **values,
        "path": row.path,
        "error": row.error,
        "error_detail": row.error_detail,
        "method": export.method,
        "model": export.model,
        "version": export.version,
    }


def _image(row: ExportRow) -> dict[str, Any] | None:
    if row.unreadable:
        return None
    try:
        return {"bytes": fetch_bytes(row.source), "path": row.path.rpartition("/")[2]}
    except ImageError:
        return None
