"""The verb ``repair``: a run folder that two jobs wrote to, made whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors import storage
from methods.errors import InputError
from methods.image_ids import IdFingerprint
from ray_jobs.config import RepairConfig
from ray_jobs.passes.run_pass import LABEL
from ray_jobs.pipelines.registry import label_method_of_run
from ray_jobs.runs.claim import claimed
from ray_jobs.runs.error_examples import error_examples
from ray_jobs.runs.folder import FINISHED, FORMAT, RUNNING, RunFolder, read_record
from ray_jobs.runs.ledger import count_labels, count_of
from ray_jobs.runs.once import Ids, TableState, ids_of, look_at, mend
from ray_jobs.runs.usage import count_usage


def repair(config: RepairConfig) -> dict[str, Any]:
    """Leave one row of each image in every table of a run, and count anew.

    Returns:
        ``run``, whether it was ``repaired``, the rows ``removed`` by table, how many images are
        ``missing`` from the labels, and what was done as a ``message``.

    Raises:
        InputError: it is no run folder, or one of another version, or a job writes there.
    """
    uri = storage.absolute(config.run)
    if not storage.exists(uri):
        raise InputError(f"{config.run}: no such folder; give the --out of a label or fit command")
    run = _open(uri, config.run)
    with claimed(config.run, finished=True):
        run = _open(uri, config.run)
        images = _images(run, config.run)
        states = _tables(run, images)
        spoilt = {name: state for name, state in states.items() if not state.whole}
        for state in spoilt.values():
            mend(state)
        missing = _missing(states, images)
        if spoilt:
            _count_anew(run, missing)
    return {
        "run": uri,
        "repaired": bool(spoilt),
        "removed": {name: each.doubled + each.strange for name, each in spoilt.items()},
        "missing": missing,
        "message": _message(spoilt, missing, run),
    }


def _open(uri: str, given: str) -> RunFolder:
    record = read_record(uri, given)
    if record is None:
        raise InputError(f"{given} is no run folder: it has no run.json")
    if record.get("format") != FORMAT:
        raise InputError(f"{given} is a run of another version of onoma, which repairs it")
    return RunFolder(uri, record)


def _images(run: RunFolder, given: str) -> Ids | None:
    """Ids of the manifest; None where the run has none, as some fits have.

    Raises:
        InputError: it is not the manifest that the run was counted against.
    """
    counted = run.record.get("manifest")
    if counted is None:
        return None
    ids = ids_of(run.manifest)
    if asdict(IdFingerprint().add(ids)) != dict(counted["fingerprint"]):
        raise InputError(
            f"{given}: its manifest lists {len(ids)} images and is not the one that run.json "
            f"counts, of {counted['images']}; this cannot be repaired, label with a new --out"
        )
    return ids


def _tables(run: RunFolder, images: Ids | None) -> dict[str, TableState]:
    """What is wrong with each table of a run."""
    states = {}
    for folder in storage.list_folders(storage.join(run.uri, "stages")):
        name = folder.rpartition("/")[2]
        states[name] = look_at(storage.join(run.uri, "stages", name), run.checkpoint(name))
    if images is not None:
        states["labels"] = look_at(run.labels, run.checkpoint(LABEL), images)
    return states


def _missing(states: dict[str, TableState], images: Ids | None) -> int:
    if images is None:
        return 0
    return int(len(images) - np.isin(images, states["labels"].ids).sum())


def _count_anew(run: RunFolder, missing: int) -> None:
    """Have ``run.json`` say what the tables hold now."""
    stages = _asked(run)
    if stages:
        run.save(**count_usage(run, stages).record())
    if "manifest" not in run.record:
        return
    ledger = count_labels(run.labels)
    run.save(
        labelled=ledger.labelled,
        errors=ledger.errors,
        error_examples=error_examples(run.labels, ledger.errors),
        ledger=asdict(ledger),
    )
    method = label_method_of_run(run.record)
    # a job that had not come to its end has more to keep; the same command does that
    ended = not missing and "labelled_by" in run.record and "seconds" in run.record
    if ended and method is not None:
        run.save(**count_of(run.labels, method.counters))
    run.save(state=FINISHED if ended else RUNNING)


def _asked(run: RunFolder) -> dict[str, list[str]]:
    """By stage table, the columns that hold what a multimodal LLM said."""
    found = {}
    for folder in storage.list_folders(storage.join(run.uri, "stages")):
        name = folder.rpartition("/")[2]
        table = storage.join(run.uri, "stages", name)
        filesystem, _ = storage.resolve(table)
        for path in storage.list_files(table, ".parquet"):
            schema = pq.read_schema(path, filesystem=filesystem)
            if columns := [each.name for each in schema if _is_response(each.type)]:
                found[name] = columns
                break
    return found


def _is_response(kind: pa.DataType) -> bool:
    names = {each.name for each in kind} if pa.types.is_struct(kind) else set()
    return {"engine", "reused", "prompt_tokens", "output_tokens"} <= names


def _message(spoilt: dict[str, TableState], missing: int, run: RunFolder) -> str:
    """What was done, in a sentence or two."""
    if not spoilt:
        rest = f"; {missing:,} images are still to label" if missing else ""
        return f"every table has one row of each image, nothing was changed{rest}"
    parts = []
    for name, state in spoilt.items():
        what = [
            (state.doubled, "rows that were there twice"),
            (state.strange, "rows of images that the manifest does not list"),
            (len(state.unreadable), "files that cannot be read"),
        ]
        told = ", ".join(f"{count:,} {text}" for count, text in what if count)
        parts.append(
            f"{name}: removed {told}" if told else f"{name}: its checkpoint is right again"
        )
    end = "; the run is finished" if run.finished else "; run its command again to finish the rest"
    return "; ".join(parts) + end
