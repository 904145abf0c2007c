"""The forecast of a run, kept in a folder beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from actors import storage
from methods.json_text import json_text

_FILE: Final = "forecast.json"


def plan_folder(out: str) -> str:
    """The folder of the plan of a run: beside it, since a run folder holds nothing else."""
    return f"{storage.absolute(out)}.plan"


def save_forecast(out: str, forecast: Mapping[str, Any]) -> None:
    """Keep the forecast of a run."""
    text = json_text(forecast, indent=1)
    storage.write_bytes(storage.join(plan_folder(out), _FILE), text.encode())


def find_forecast(out: str, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the forecast of a run that was planned with the same settings; None without one."""
    uri = storage.join(plan_folder(out), _FILE)
    if not storage.exists(uri):
        return None
    try:
        forecast = dict(json.loads(storage.read_bytes(uri)))
    except ValueError:
        return None
    return forecast if forecast.get("identity") == settings_of(identity) else None


def settings_of(identity: Mapping[str, Any]) -> dict[str, Any]:
    """A run's identity without its archive: the pilot's archive is a sample."""
    return {name: value for name, value in identity.items() if name != "images"}
