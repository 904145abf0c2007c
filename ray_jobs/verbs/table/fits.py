"""The fit behind a run: what made its classifier, or the prompt that it asks with."""

from __future__ import annotations

import json
from typing import Any

from actors import storage
from ray_jobs.runs.folder import RECORD
from ray_jobs.runs.reader import RunReader


def fit_settings(run: RunReader) -> dict[str, Any]:
    """The settings of a run's fit: a classifier remembers them; a prompt's folder may be there.

    Empty where there was no fit, or nothing is known of it.
    """
    made = read_record(run.first_classifier).get("made")
    config = made.get("config") if isinstance(made, dict) else None
    if not isinstance(config, dict):
        config = fit_record(run, "prompt").get("config")
    return config if isinstance(config, dict) else {}


def fit_record(run: RunReader, setting: str) -> dict[str, Any]:
    """The ``run.json`` of the folder of a fit, where it is still there; else empty.

    Args:
        run: that uses it.
        setting: of the run that names the folder, ``classifier`` or ``prompt``.
    """
    config = run.record.get("config")
    folder = config.get(setting) if isinstance(config, dict) else None
    if not isinstance(folder, str) or not folder:
        return {}
    return read_record(storage.join(storage.absolute(folder), RECORD))


def read_record(uri: str) -> dict[str, Any]:
    """Read a JSON object; empty where there is none."""
    try:
        found = json.loads(storage.read_bytes(uri)) if storage.exists(uri) else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
