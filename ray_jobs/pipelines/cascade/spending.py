"""From a budget to a number of images: of the archive that is labelled, or that is planned."""

from __future__ import annotations

import json
import math
from typing import Any, Final

import numpy as np

from actors import storage
from actors.mllm.journal import read_calls
from methods.cascade.budget import parse_budget
from methods.cascade.choosing import Ids
from methods.errors import InputError
from ray_jobs.config import LabelCascadeConfig, PlanConfig
from ray_jobs.config.cascade import DEFAULT_BUDGET
from ray_jobs.pipelines.cascade.inputs import CascadeInputs
from ray_jobs.runs.folder import RECORD, RunFolder
from ray_jobs.runs.forecast import find_forecast

PILOT: Final = "pilot"
ASK: Final = "ask"
"""Names of the passes that ask, and of the manifests of their images."""

ALLOWED: Final = "calls_allowed"
"""What ``run.json`` calls the most calls that a budget allows."""
_HOUR: Final = 3600.0


def images_allowed(run: RunFolder, config: LabelCascadeConfig, inputs: CascadeInputs) -> int:
    """Images that may be asked about, of all in the archive."""
    images, hourly = int(run.record["images"]), None
    if inputs.budget is None:
        said = run.record.get("expected")
        if said is not None:
            return math.floor(images * float(said["picked"]["share"]) + 1e-9)
        return parse_budget(DEFAULT_BUDGET).images(images)
    if inputs.budget.unit == "hours":
        hourly = hourly_images(config, run.record["identity"])
        if hourly is None:
            raise InputError(f"--budget {config.budget}: the forecast beside the run has gone")
    return inputs.budget.images(images, inputs.calls_each, hourly)


def calls_allowed(inputs: CascadeInputs, images: int) -> int:
    """Calls that may be made in all, for so many images."""
    budget = inputs.budget
    if budget is not None and budget.unit == "calls":
        return int(budget.amount)
    return images * inputs.calls_each


def journal_of(run: RunFolder) -> str:
    """Folder of the journal of the run's calls."""
    return storage.join(run.uri, "calls")


def calls_of(run: RunFolder, asked: Ids, calls_each: int) -> int:
    """Calls that images have cost by the end, those counted whose answers were lost."""
    calls = read_calls(journal_of(run), {})
    own = np.isin(calls.ids, asked)
    return calls_each * len(asked) + int(np.maximum(0, calls.made[own] - calls_each).sum())


def hourly_images(config: LabelCascadeConfig, identity: dict[str, Any]) -> float | None:
    """Images that the model answers in an hour of its GPUs, by the run's forecast; None without.

    On a machine without a GPU, in an hour of the pass.
    """
    forecast = find_forecast(storage.absolute(config.out), identity) or {}
    rates = [each for each in forecast.get("passes", []) if each["name"] == ASK]
    return _hourly(rates[0]["images_per_second"], rates[0]["gpus"]) if rates else None


def _hourly(images_per_second: float, gpus: float) -> float:
    return images_per_second * _HOUR / max(gpus, 1.0)


def check_hours(
    config: LabelCascadeConfig, inputs: CascadeInputs, identity: dict[str, Any]
) -> None:
    """Refuse a budget in hours of which nothing says how many images it is.

    Raises:
        InputError: there is no forecast, and no run that has chosen with one.
    """
    if inputs.budget is None or inputs.budget.unit != "hours" or isinstance(config, PlanConfig):
        return
    uri = storage.join(storage.absolute(config.out), RECORD)
    goes_on = config.update or bool(config.retry_errors)
    begun = json.loads(storage.read_bytes(uri)) if storage.exists(uri) else {}
    chosen = ASK in begun.get("cascade", {}) and not goes_on
    if not chosen and hourly_images(config, identity) is None:
        raise InputError(
            f"--budget {config.budget}: how many images these hours are says the forecast of "
            "onoma plan cascade with the same settings, and there is none beside --out "
            f"{config.out}; run it first, or give a share (20%) or a number of calls (5000)"
        )


def planned_images(
    config: LabelCascadeConfig, record: dict[str, Any], forecast: Any, images: int
) -> int | None:
    """How many images a pass of the planned job is over, by the record of its pilot.

    Args:
        config: of the plan.
        record: of the pilot.
        forecast: of the pass, over all images.
        images: of the archive.

    Returns:
        None for all of them.
    """
    if forecast.name != ASK:
        return None
    each = 1 if config.prompt is None else 2
    if config.threshold is not None:
        return math.floor(images * record["cascade"]["share_below_threshold"])
    budget = parse_budget(config.budget or DEFAULT_BUDGET)
    return budget.images(images, each, _hourly(forecast.images_per_second, forecast.gpus))
