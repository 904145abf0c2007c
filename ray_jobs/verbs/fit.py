"""The verb ``fit``: what the method learns that the settings name."""

from __future__ import annotations

from typing import Any

from ray_jobs.config import VerbConfig, method_of
from ray_jobs.config.published import say_published
from ray_jobs.pipelines.registry import find, load, reconstruction_note


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
    say_published(config)
    result: dict[str, Any] = load(method.fit)(config)
    note = reconstruction_note(method.name)
    return {**result, **({"note": note} if note else {})}
