"""The `table` verb: many evaluated runs in, one table out.

`entries` says which row and which archive a run is of, `measures` measures and compares, `layout`
makes the table, `formats` writes it.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from methods.errors import InputError
from ray_jobs.config.table import LayoutConfig, TableConfig
from ray_jobs.verbs.evaluate.kept import read_kept
from ray_jobs.verbs.table.entries import Entry, arrange, check_archives, split_name
from ray_jobs.verbs.table.formats import written
from ray_jobs.verbs.table.layout import ResultsTable, lay_out
from ray_jobs.verbs.table.measures import Baselines, Measures
from ray_jobs.verbs.table.spending import TokenPrices


def run(config: TableConfig) -> dict[str, Any]:
    """Make the table.

    Returns:
        ``format``, ``table`` (the text), ``out``, and the table as plain values: ``columns``
        (their titles) and ``rows`` (one dictionary each, figures as fractions).

    Raises:
        InputError: a folder is no evaluated run, runs do not fit together, or the file cannot be
            written.
    """
    names = [*config.runs, *(run for run in config.against if not _among(run, config.runs))]
    entries = arrange([(name, read_kept(folder)) for name, folder in map(split_name, names)])
    check_archives(entries)
    folders = {storage.absolute(split_name(run)[1]) for run in config.against}
    baselines = [e for e in entries if storage.absolute(e.evaluation.run.uri) in folders]
    table = make_table(entries, config, Baselines(baselines))
    return {**table_result(table, config), "out": write_table(table, config, config.out)}


def make_table(entries: list[Entry], config: LayoutConfig, baselines: Baselines) -> ResultsTable:
    """Measure runs and lay the table out.

    Raises:
        InputError: no run has any of the metrics, or there is no baseline of a run's archive.
    """
    measures = Measures(config.resamples, config.seed, baselines)
    prices = TokenPrices(config.price_in, config.price_out, config.gpu_hour)
    wanted = [*(config.metrics or measures.METRICS)]
    found = [each for each in wanted if any(measures.has(e.evaluation, each) for e in entries)]
    if not found:
        runs = [entry.evaluation for entry in entries]
        have = [each for each in measures.METRICS if any(measures.has(run, each) for run in runs)]
        said, known = (
            ", ".join(measures.METRICS[each] for each in names) for names in (wanted, have)
        )
        raise InputError(
            f"no run has {said}; the runs have {known or 'no figure that a table shows'}"
        )
    return lay_out(entries, found, measures, prices)


def table_result(table: ResultsTable, config: LayoutConfig) -> dict[str, Any]:
    """What ``--json`` prints of a table."""
    return {"format": config.format, "table": written(table, config.format), **table.plain()}


def write_table(table: ResultsTable, config: LayoutConfig, out: str | None) -> str | None:
    """Write a table to a file; returns where it is.

    Raises:
        InputError: the file cannot be written.
    """
    if out is None:
        return None
    try:
        storage.write_bytes(storage.absolute(out), written(table, config.format).encode())
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from error
    return storage.absolute(out)


def _among(run: str, runs: list[str]) -> bool:
    folder = storage.absolute(split_name(run)[1])
    return any(storage.absolute(split_name(each)[1]) == folder for each in runs)
