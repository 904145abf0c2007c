"""Small run folders and truth files, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from methods.image_ids import image_id


def write_run(
    folder: Path,
    *blocks: list[dict[str, Any]],
    config: Any = None,
    method: str = "zero_shot",
    **record: Any,
) -> str:
    """Write one labels file per block, as Ray Data does; columns of nulls stay of type null.

    Args:
        folder: where to; made if it is not there.
        blocks: rows.
        config, method, record: for run.json.
    """
    (folder / "labels").mkdir(parents=True)
    for number, rows in enumerate(blocks):
        full = [{"image_id": image_id(row["path"]), "uri": row["path"], **row} for row in rows]
        pq.write_table(pa.Table.from_pylist(full), folder / "labels" / f"{number}.parquet")
    content = {"method": method, "config": config or {}, **record}
    (folder / "run.json").write_text(json.dumps(content))
    return str(folder)


def one(path: str, label: str | None, error: str | None = None) -> dict[str, Any]:
    return {"path": path, "label": label, "error": error}


def many(path: str, labels: list[str] | None, error: str | None = None, **top: float) -> Any:
    ranked = {"top_labels": list(top), "top_scores": list(top.values())}
    scores = None if labels is None else [top[name] for name in labels]
    return {"path": path, "labels": labels, "scores": scores, "error": error, **ranked}


def write_truth(folder: Path, **labels: str) -> str:
    rows = "".join(f"{path},{label}\n" for path, label in labels.items())
    (folder / "truth.csv").write_text(f"path,label\n{rows}")
    return str(folder / "truth.csv")
