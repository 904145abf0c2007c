"""The verb ``status``: how far a run is, from the two files that it keeps of that."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from actors import storage
from ray_jobs.config.status import StatusConfig
from ray_jobs.runs.progress import line, read_progress, read_record, span, state_of

_AGAIN: Final = "run the same command again to go on"
_OF_RECORD: Final = ("method", "images", "labelled", "seconds", "images_per_second", "finished_at")


def status(config: StatusConfig) -> dict[str, Any]:
    """Read how far a run is; neither Ray nor a model starts.

    Returns:
        ``run``, ``method``, ``state`` (``running``, ``finished``, ``failed``, ``stopped`` or
        ``dead``), ``says`` (a sentence), and what is known of ``images``, ``labelled``, ``errors``
        and of the pass under way (`ray_jobs.runs.pass_progress`).

    Raises:
        InputError: the folder is no run's.
    """
    run = storage.absolute(config.run)
    record, progress, now = read_record(run), read_progress(run), time.time()
    state = state_of(record, progress, now)
    silent = round(max(0.0, now - float(progress.get("updated_at", now))), 1)
    if state == "finished":
        known: dict[str, Any] = {name: record[name] for name in _OF_RECORD if name in record}
        known["errors"] = record.get("errors", {})
        known["done"] = record.get("images")
    else:
        known = {"method": record.get("method"), "images": record.get("images")}
        told = {name: value for name, value in progress.items() if name not in ("state", "why")}
        known |= {name: value for name, value in told.items() if value is not None}
        known["seconds_since_sign"] = silent
        if why := progress.get("why"):
            known["why"] = why
    return {"run": run, "state": state, "says": sentence(state, record, progress, silent), **known}


def sentence(
    state: str, record: Mapping[str, Any], progress: Mapping[str, Any], silent: float
) -> str:
    """Say the state of a run to a person.

    Args:
        state: of the run.
        record, progress: the content of its two files.
        silent: seconds since its last sign.
    """
    if state == "finished":
        if "labelled" not in record:
            return f"finished: {record.get('method')}"
        failed = sum(record.get("errors", {}).values())
        errors = f", {failed:,} with an error" if failed else ""
        return f"finished: {record['labelled']:,} of {record['images']:,} images labelled{errors}"
    where = line(progress) if progress else "nothing is known of how far it is"
    if state == "running":
        return f"running {span(progress.get('seconds', 0.0))}; {where}"
    if state == "failed":
        why = str(progress.get("why") or "no reason is known").rstrip(".")
        again = "" if _AGAIN.split(" to ")[0] in why else f"; {_AGAIN}"
        return f"failed: {why}{again}; it was at {where}"
    if state == "stopped":
        return f"stopped by the user at {where}; {_AGAIN}"
    since = f" for {span(silent)}" if progress else ""
    return f"dead: no sign of life{since}, last at {where}; {_AGAIN}"
