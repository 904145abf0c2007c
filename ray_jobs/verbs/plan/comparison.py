"""A forecast beside what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from actors import storage

_FILE: Final = "forecast.json"
_COMPARED: Final = (
    ("seconds", "seconds"),
    ("images/s, start-up included", "images_per_second"),
    ("MLLM calls", "mllm_calls"),
    ("tokens in", "prompt_tokens"),
    ("tokens out", "output_tokens"),
    ("GPU-hours", "gpu_hours"),
    ("images with an error", "errors"),
)


def plan_folder(out: str) -> str:
    """The folder of the plan of a run: beside it, since a run folder holds nothing else."""
    return f"{storage.absolute(out)}.plan"


def save_forecast(out: str, forecast: Mapping[str, Any]) -> None:
    """Keep the forecast of a run."""
    text = json.dumps(forecast, indent=1, ensure_ascii=False)
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


def compare(record: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Set a finished run's figures beside its forecast: name, forecast, what happened."""
    forecast = record.get("forecast")
    if not forecast:
        return []
    happened = {**record, "errors": sum(record.get("errors", {}).values())}
    happened["gpu_hours"] = gpu_hours(record)
    expected = {**forecast, "errors": forecast["errors"] * record["images"]}
    return [
        (name, float(expected[key]), float(happened.get(key) or 0))
        for name, key in _COMPARED
        if expected[key] or happened.get(key)
    ]


def gpu_hours(record: Mapping[str, Any]) -> float:
    """GPU-hours that the passes of a run held."""
    timings = record.get("timings", {})
    held = {
        name: max((done["gpus"] for done in work.values()), default=0.0)
        for name, work in record.get("work", {}).items()
    }
    return sum(gpus * timings.get(name, 0.0) for name, gpus in held.items()) / 3600
