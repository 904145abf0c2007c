"""What the runs of a table will take: questions by their settings, the rest by a pilot.

A pilot is that of ``onoma plan``: for each row that needs no fit, the very job on a few images of
one data set. What it took is carried over to the row's other data sets by their images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from actors import storage
from ray_jobs.config import ReproduceConfig, plan_of
from ray_jobs.runs.folder import RECORD
from ray_jobs.verbs.plan.forecast import Prices, forecast_job
from ray_jobs.verbs.reproduce.calls import calls_at_most
from ray_jobs.verbs.reproduce.rows import Paper
from ray_jobs.verbs.reproduce.steps import PaperStep

FORECAST: Final = ("seconds", "gpu_hours", "prompt_tokens", "output_tokens", "cost")
"""What a pilot forecasts of a run."""


def forecasts(
    paper: Paper, config: ReproduceConfig, steps: Sequence[PaperStep]
) -> list[dict[str, Any]]:
    """What each fit and label will take.

    Returns:
        Plain values, one dictionary a step: ``row, dataset, verb, images, mllm_calls`` (at most),
        and of runs that a pilot stands for `FORECAST`.
    """
    pilots, cores = _pilots(paper, config, steps) if config.pilot else ({}, 0)
    prices = Prices(config.gpu_hour, None, config.price_in, config.price_out)
    found = []
    for step in steps:
        if step.kind not in ("fit", "label") or step.place is None:
            continue
        told: dict[str, Any] = {
            "row": step.place.row,
            "dataset": step.place.archive,
            "verb": step.verb,
            "images": step.images,
            "mllm_calls": calls_at_most(step),
        }
        if step.kind == "label" and step.place.row in pilots:
            whole = forecast_job(pilots[step.place.row], step.images, cores, prices)
            told |= {name: whole[name] for name in FORECAST}
        found.append(told)
    return found


def _pilots(
    paper: Paper, config: ReproduceConfig, steps: Sequence[PaperStep]
) -> tuple[dict[str, Mapping[str, Any]], int]:
    """By row, the ``run.json`` of its pilot; and the CPU cores that they had."""
    # a dry run without pilots starts nothing, and imports nothing that does
    from ray_jobs.passes.session import start_ray
    from ray_jobs.verbs.label import label
    from ray_jobs.verbs.plan.pilot import plan_labelling

    written: set[str] = set()
    found: dict[str, Mapping[str, Any]] = {}
    fitted = {row.title for row in paper.rows if row.fit}
    lists = {str(step.settings["out"]): step for step in steps if step.kind == "dataset"}
    for step in steps:
        if step.kind != "label" or step.place is None or step.place.row in {*found, *fitted}:
            continue
        data = str(step.settings["images"]).rpartition("/")[0]
        if data not in written:
            lists[data].run()
            written.add(data)
        kind: Any = type(step.config())
        planned: Any = plan_of(kind)
        forecast = plan_labelling(planned(**step.settings, pilot=config.pilot), label)
        record = storage.read_bytes(storage.join(forecast["pilot"], RECORD))
        found[step.place.row] = json.loads(record)
    return found, start_ray().cores if found else 0
