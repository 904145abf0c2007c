"""Applying thresholds: a new run in which labels that are not sure enough are ``abstained``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from actors.storage.tables import write_table
from methods.errors import InputError
from methods.image_ids import IdFingerprint
from ray_jobs.runs.folder import RECORD
from ray_jobs.runs.ledger import Ledger, count_labels
from ray_jobs.runs.reader import RunReader


def apply_thresholds(
    run: RunReader, out: str, below: Mapping[str, float], pooled: float, told: Mapping[str, Any]
) -> dict[str, int]:
    """Write a run with the same rows, in which labels below their threshold are ``abstained``.

    Args:
        run: the run.
        out: folder of the new run, empty or not there.
        below: thresholds by label.
        pooled: that of other labels.
        told: what its ``run.json`` keeps of the calibration.

    Returns:
        The errors of the new ledger, by code.

    Raises:
        InputError: the folder holds something.
        LedgerError: the rows written are not those of the run.
    """
    target = storage.absolute(out)
    if target.rstrip("/") == storage.absolute(run.uri).rstrip("/"):
        raise InputError(f"--apply {out} is the run itself; give a new folder")
    if storage.list_files(target):
        raise InputError(f"--apply {out} holds other things; give a new or empty folder")
    source = storage.join(storage.absolute(run.uri), "labels")
    filesystem, _ = storage.resolve(source)
    for number, path in enumerate(storage.list_files(source, ".parquet")):
        table = pq.read_table(path, filesystem=filesystem, partitioning=None)
        if table.num_rows:
            _write(_abstained(table, below, pooled), target, "labels", f"{number:06}.parquet")
    manifest = storage.join(storage.absolute(run.uri), "manifest")
    for number, path in enumerate(storage.list_files(manifest, ".parquet")):
        table = pq.read_table(path, filesystem=filesystem, partitioning=None)
        _write(table, target, "manifest", f"{number:06}.parquet")
    ledger = count_labels(storage.join(target, "labels"))
    before = count_labels(source)
    _check(ledger, before)
    record = {
        **run.record,
        "labelled": ledger.labelled,
        "errors": ledger.errors,
        "ledger": asdict(ledger),
        "calibration": {**told, "of": run.uri},
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if isinstance(record.get("identity"), dict):
        record["identity"] = {**record["identity"], "calibration": told["thresholds"]}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    storage.write_bytes(storage.join(target, RECORD), text.encode())
    return ledger.errors


def _abstained(table: pa.Table, below: Mapping[str, float], pooled: float) -> pa.Table:
    columns: list[list[Any]] = [
        table.column(name).to_pylist() if name in table.column_names else [None] * len(table)
        for name in ("label", "score", "error", "error_detail")
    ]
    labels, scores, errors, details = columns
    for row, (label, score) in enumerate(zip(labels, scores, strict=True)):
        if errors[row] is None and label is not None and score is not None:
            score = float(np.float32(score))  # as thresholds were read
            least = below.get(label, pooled)
            if score < least:
                what = "no score is sure enough" if least > 1 else f"{least:.4f} is needed"
                labels[row], scores[row] = None, None
                errors[row] = "abstained"
                details[row] = f"{label}: a score of {score:.4f}; {what}"
    kinds: dict[str, pa.DataType] = {"label": pa.string(), "score": pa.float32()}
    kinds |= {"error": pa.string(), "error_detail": pa.string()}
    for (name, kind), values in zip(kinds.items(), (labels, scores, errors, details), strict=True):
        column = pa.array(values, kind)
        at = table.column_names.index(name) if name in table.column_names else None
        table = (
            table.append_column(name, column) if at is None else table.set_column(at, name, column)
        )
    return table


def _write(table: pa.Table, target: str, part: str, name: str) -> None:
    write_table(storage.join(target, part, name), table)


def _check(ledger: Ledger, before: Ledger) -> None:
    from methods.errors import LedgerError

    fingerprint: IdFingerprint = before.fingerprint
    if problem := ledger.problem(before.rows, fingerprint):
        raise LedgerError(f"the ledger of the calibrated run does not add up: {problem}")
