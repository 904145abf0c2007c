"""``progress.json`` beside ``run.json``: how far a job is, written while it runs, and its sentence.

It has a file of its own, so that what decides the run (``run.json``) is not written over every few
seconds. Whoever reads it knows a job that died without a word by the age of its last sign.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

from actors import storage
from methods.errors import InputError

FILE: Final = "progress.json"
RUN: Final = "run.json"

JobState = Literal["running", "finished", "failed", "stopped"]
"""What a job says of itself; a reader may find that a running one is ``dead``."""

LOCAL_S: Final = 5.0
REMOTE_S: Final = 15.0
_MISSED: Final = 3
_SLACK_S: Final = 30.0


def write_progress(run: str, state: JobState, figures: Mapping[str, Any]) -> None:
    """Write how far a job is.

    Args:
        run: the run folder.
        state: of the job.
        figures: plain values.
    """
    now = time.time()
    told = {"state": state, "updated_at": now, "every_seconds": interval(run), **figures}
    text = json.dumps(told, indent=1, ensure_ascii=False)
    storage.write_bytes(storage.join(run, FILE), text.encode())


def interval(run: str) -> float:
    """Seconds between two writings: fewer where one costs no request."""
    return LOCAL_S if storage.is_local(run) else REMOTE_S


def read_progress(run: str) -> dict[str, Any]:
    """Read ``progress.json``; empty where there is none, or it is being written."""
    try:
        found = json.loads(storage.read_bytes(storage.join(run, FILE)))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_record(run: str) -> dict[str, Any]:
    """Read ``run.json`` of a run or a fit.

    Raises:
        InputError: there is none, or it is none.
    """
    uri = storage.join(run, RUN)
    if not storage.exists(uri):
        raise InputError(f"{run} holds no {RUN}; give the folder that --out of label or fit named")
    try:
        found = json.loads(storage.read_bytes(uri))
    except ValueError as error:
        raise InputError(f"{uri} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{uri} is not a JSON object")
    return found


def state_of(record: Mapping[str, Any], progress: Mapping[str, Any], now: float) -> str:
    """Say what became of a job: a `JobState`, or ``dead``.

    Args:
        record, progress: the content of its two files.
        now: seconds since 1970.
    """
    if record.get("state") == "finished":
        return "finished"
    told = str(progress.get("state", ""))
    if told in ("failed", "stopped"):
        return told
    every = float(progress.get("every_seconds", REMOTE_S))
    silent = now - float(progress.get("updated_at", 0.0))
    return "dead" if silent > _MISSED * every + _SLACK_S else "running"


def line(figures: Mapping[str, Any]) -> str:
    """Say how far a running job is, on one line.

    Args:
        figures: of `ray_jobs.runs.pass_progress.PassProgress.figures`, perhaps with ``pass_number``
            and ``passes``; only ``pass`` and ``seconds`` where nothing is counted.
    """
    name, done, total = figures.get("pass", "start"), figures.get("done"), figures.get("images")
    if (figures.get("passes") or 1) > 1 and figures.get("pass_number"):
        name = f"{name} ({figures['pass_number']} of {figures['passes']})"
    if done is None:
        return f"{name}: {span(figures.get('seconds', 0.0))}"
    said = [f"{done:,} texts" if total is None else f"{done:,} of {total:,} images"]
    if total:
        said[0] += f" ({done / total:.0%})"
    if rate := figures.get("images_per_second"):
        said.append(f"{rate:,.1f}{'/s' if total is None else ' images/s'}")
    if (left := figures.get("seconds_left")) is not None:
        said.append(f"{span(left)} left")
    if errors := figures.get("errors"):
        said.append("errors: " + ", ".join(f"{code} {n:,}" for code, n in errors.items()))
    if (answered := figures.get("output_tokens_per_second")) is not None:
        read = figures.get("prompt_tokens_per_second") or 0.0
        said.append(f"tokens/s {read:,.0f} in, {answered:,.0f} out")
    if slowest := figures.get("bottleneck"):
        said.append(f"bottleneck {slowest}")
    return f"{name}: {', '.join(said)}"


def span(seconds: float) -> str:
    """A time as people say it: ``8 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = round(seconds)
    for unit, size, below, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
