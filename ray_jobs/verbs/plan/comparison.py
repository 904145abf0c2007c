"""A forecast beside what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_COMPARED: Final = (
    ("seconds", "seconds"),
    ("images/s, start-up included", "images_per_second"),
    ("MLLM calls", "mllm_calls"),
    ("tokens in", "prompt_tokens"),
    ("tokens out", "output_tokens"),
    ("GPU-hours", "gpu_hours"),
    ("images with an error", "errors"),
)


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
