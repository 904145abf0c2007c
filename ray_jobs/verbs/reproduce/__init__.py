"""The `reproduce` verb: the runs of a paper's headline table, then the table beside the paper's.

`papers` and the tables beside it say what they are, in the words of `rows`; `steps` which commands
they take, `calls` and `forecasts` what these will take; the table is that of ``onoma table``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from actors import storage
from ray_jobs.config import ReproduceConfig
from ray_jobs.verbs.evaluate.kept import read_kept
from ray_jobs.verbs.reproduce.forecasts import FORECAST, forecasts
from ray_jobs.verbs.reproduce.papers import find_paper, with_rows
from ray_jobs.verbs.reproduce.rows import MEAN, Paper
from ray_jobs.verbs.reproduce.steps import Found, PaperStep, find_datasets, steps_of
from ray_jobs.verbs.table import table_result, write_table
from ray_jobs.verbs.table.entries import Entry
from ray_jobs.verbs.table.layout import Cell, ResultsTable, lay_out
from ray_jobs.verbs.table.measures import Measures
from ray_jobs.verbs.table.spending import TokenPrices

logger = logging.getLogger(f"onoma.{__name__}")

_UNKNOWN, _ADDED = "unknown", "not in it"
_ENDINGS = {"markdown": "md", "csv": "csv", "latex": "tex"}


def run(config: ReproduceConfig) -> dict[str, Any]:
    """Make the runs, or say what they would be.

    Returns:
        ``paper, title, notes``, the table as `ray_jobs.verbs.table.run` gives it, and ``out``, the
        file with the table; of a dry run ``commands`` and ``forecast`` (one dictionary a fit or
        label, and ``total``), and no ``out``.

    Raises:
        InputError: no such paper, data sets that are not there, or settings that cannot work.
    """
    paper = with_rows(find_paper(config.paper), config.rows, config.more)
    found = find_datasets(paper, config)
    steps = steps_of(paper, config, found)
    for step in steps:
        step.config()  # a setting that cannot work is told before hours of work
    notes = [*paper.notes, *(f"{name}: {note}" for name in found for note in found[name].notes)]
    result = {"paper": paper.name, "title": paper.title, "notes": notes}
    if config.dry_run:
        table = _table(paper, config, found, steps, [])
        told = forecasts(paper, config, steps)
        return {
            **result,
            "commands": [step.command() for step in steps],
            "forecast": {"runs": told, "total": _total(told)},
            **table_result(table, config),
            "out": None,
        }
    entries = [
        Entry(step.place, read_kept(str(step.settings["labels"])))
        for step in _done(steps)
        if step.kind == "evaluate" and step.place is not None
    ]
    table = _table(paper, config, found, steps, entries)
    home = config.out or f"onoma-{paper.name}"
    out = storage.join(storage.absolute(home), f"table.{_ENDINGS[config.format]}")
    return {**result, **table_result(table, config), "out": write_table(table, config, out)}


def _done(steps: Sequence[PaperStep]) -> Sequence[PaperStep]:
    """Run every step; a run that is finished is found so by the step itself."""
    for number, step in enumerate(steps, start=1):
        logger.info("%d of %d: %s", number, len(steps), step.command())
        step.run()
    return steps


def _table(
    paper: Paper,
    config: ReproduceConfig,
    found: Mapping[str, Found],
    steps: Sequence[PaperStep],
    entries: list[Entry],
) -> ResultsTable:
    places = [step.place for step in steps if step.kind == "label" and step.place is not None]
    # row by row, as the paper has them, data sets in its order
    order = {row.title: number for number, row in enumerate(paper.rows)}
    places.sort(key=lambda place: order[place.row])
    measures = Measures(config.resamples, config.seed)
    metrics: list[Any] = config.metrics or list(paper.metrics)
    return lay_out(
        entries,
        metrics,
        measures,
        TokenPrices(config.price_in, config.price_out, config.gpu_hour),
        planned=places,
        beside=_published(paper, list(found)),
    )


def _published(paper: Paper, datasets: Sequence[str]) -> dict[str, dict[str, Cell]]:
    """By row, what the paper prints, in columns of its own."""
    keys = [key for key in (*datasets, MEAN) if any(key in row.figures for row in paper.rows)]
    # of how many, since ours may be the mean of fewer
    of = {MEAN: f"{MEAN} of {paper.mean_of or len(paper.datasets)}"}
    titles = {key: f"paper, {of.get(key, key)}" for key in keys} or {"": "paper"}
    return {
        row.title: {
            title: row.figures.get(key, _ADDED if row.added else _UNKNOWN)
            for key, title in titles.items()
        }
        for row in paper.rows
    }


def _total(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything together; what is not forecast for every run that labels is left out."""
    total: dict[str, Any] = {"mllm_calls": sum(each["mllm_calls"] for each in told)}
    labels = [each for each in told if each["verb"].startswith("label")]
    for name in FORECAST:
        if labels and all(each.get(name) is not None for each in labels):
            total[name] = round(sum(each[name] for each in labels), 4)
    return total
