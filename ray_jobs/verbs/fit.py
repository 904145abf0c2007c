"""The verb ``fit``: what the method learns that the settings name."""

from __future__ import annotations

from typing import Any

from ray_jobs.config import VerbConfig, method_of
from ray_jobs.pipelines.registry import find, load


def fit(config: VerbConfig) -> dict[str, Any]:
    """Learn with a method and write its folder; an interrupted fit goes on where it was.

    Returns:
        What the method says of its result.

    Raises:
        InputError: files, models, the archive, the folder or a setting cannot work.
    """
    method = find(method_of(type(config)))
    if method is None or not method.fit:
        raise TypeError(f"{type(config).__name__} is of no method that learns")
    result: dict[str, Any] = load(method.fit)(config)
    return result
