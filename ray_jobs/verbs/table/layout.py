"""A table of runs: a row for each method and metric, a column for each archive, then the means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from methods.metrics_summary import harmonic_mean, spread
from ray_jobs.verbs.table.entries import BASE, NOVEL, Entry, Place
from ray_jobs.verbs.table.measures import Measures
from ray_jobs.verbs.table.spending import Spending, TokenPrices, total

MEAN: Final = "mean"
HARMONIC: Final = "H"
METHOD, METRIC = "method", "metric"


@dataclass(frozen=True)
class FigureCell:
    """A figure, as a fraction, and how sure it is.

    Attributes:
        value: of one run, or the mean of several.
        low, high: its 95 % interval over images; None of several runs and of means.
        deviation: over seeds; None of one run.
        runs: how many.
        difference, p: against the baseline; None without one.
    """

    value: float
    low: float | None = None
    high: float | None = None
    deviation: float | None = None
    runs: int = 1
    difference: float | None = None
    p: float | None = None


Cell = FigureCell | float | int | str | None
"""None is a place without a figure."""


@dataclass(frozen=True)
class ResultsTable:
    """A table.

    Attributes:
        columns: titles.
        rows: cells by title; a row may lack some.
    """

    columns: list[str]
    rows: list[dict[str, Cell]]

    def plain(self) -> dict[str, Any]:
        """The table as plain values."""
        return {
            "columns": self.columns,
            "rows": [{name: _plain(row.get(name)) for name in self.columns} for row in self.rows],
        }


@dataclass
class _Figures:
    """The figures of one metric in one row: by archive and part, those of each run."""

    cells: dict[tuple[str, str], FigureCell] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[float]] = field(default_factory=dict)


def lay_out(
    entries: Sequence[Entry],
    metrics: Sequence[str],
    measures: Measures,
    prices: TokenPrices,
    *,
    planned: Sequence[Place] = (),
    beside: Mapping[str, Mapping[str, Cell]] | None = None,
) -> ResultsTable:
    """Make the table.

    Args:
        entries: runs at their places.
        metrics: whose figures are shown, each in a row of its own.
        measures: measures them.
        prices: of what they took.
        planned: places that the table has with or without a run, in order; those of the entries
            follow.
        beside: by row, more cells by title, in columns of their own behind the means.

    Raises:
        InputError: there are baselines, and none is of a run's archive.
    """
    places = list(dict.fromkeys([*planned, *(entry.place for entry in entries)]))
    columns = list(dict.fromkeys((place.archive, place.part) for place in places))
    more = list(dict.fromkeys(name for cells in (beside or {}).values() for name in cells))
    rows: list[dict[str, Cell]] = []
    for row in dict.fromkeys(place.row for place in places):
        own = [entry for entry in entries if entry.place.row == row]
        costs = _costs(own, prices)
        for metric in metrics:
            figures = _figures(own, metric, measures)
            if not figures.cells and own:
                continue
            titles: dict[str, Cell] = {METHOD: row, METRIC: Measures.METRICS[metric]}
            rows.append(
                {
                    **titles,
                    **_by_archive(figures, columns),
                    **_means(figures, columns),
                    **(beside or {}).get(row, {}),
                    **costs,
                }
            )
    heads = [METHOD, METRIC, *_heads(columns), *more, *_cost_heads(prices)]
    return ResultsTable(heads, rows)


def _figures(entries: Sequence[Entry], metric: str, measures: Measures) -> _Figures:
    found = _Figures()
    for place in dict.fromkeys(entry.place for entry in entries):
        runs = [
            entry
            for entry in sorted(entries, key=lambda each: each.seed)
            if entry.place == place and measures.has(entry.evaluation, metric)
        ]
        if not runs:
            continue
        values = [measures.value(entry.evaluation, metric) for entry in runs]
        mean, deviation, count = spread(values)
        cell = FigureCell(mean, deviation=deviation, runs=count)
        if count == 1:
            interval = measures.interval(runs[0].evaluation, metric)
            paired = measures.paired(runs[0].evaluation, metric)
            if interval is not None:
                cell = replace(cell, low=interval.low, high=interval.high)
            if paired is not None:
                cell = replace(cell, difference=paired.difference, p=paired.p)
        key = place.archive, place.part
        found.cells[key], found.runs[key] = cell, values
    return found


def _head(archive: str, part: str) -> str:
    return f"{archive} {part}".strip()


def _sets(columns: Sequence[tuple[str, str]], part: str) -> list[tuple[str, str]]:
    return [each for each in columns if each[1] == part]


def _halved(columns: Sequence[tuple[str, str]]) -> list[str]:
    """The archives of which there are base and novel classes."""
    return [archive for archive, part in columns if part == BASE and (archive, NOVEL) in columns]


def _heads(columns: Sequence[tuple[str, str]]) -> list[str]:
    """The titles of archives and means, in order."""
    halved = _halved(columns)
    heads = []
    for archive in dict.fromkeys(archive for archive, _ in columns):
        heads += [_head(*each) for each in columns if each[0] == archive]
        heads += [_head(archive, HARMONIC)] if archive in halved else []
    means = [part for part in ("", BASE, NOVEL) if len(_sets(columns, part)) > 1]
    heads += [_head(MEAN, part) for part in means]
    return [*heads, _head(MEAN, HARMONIC)] if {BASE, NOVEL} <= {*means} else heads


def _by_archive(figures: _Figures, columns: Sequence[tuple[str, str]]) -> dict[str, Cell]:
    found: dict[str, Cell] = {_head(*key): cell for key, cell in figures.cells.items()}
    for archive in _halved(columns):
        base, novel = (figures.cells.get((archive, part)) for part in (BASE, NOVEL))
        if base is not None and novel is not None:
            found[_head(archive, HARMONIC)] = _harmonic(base, novel)
    return found


def _means(figures: _Figures, columns: Sequence[tuple[str, str]]) -> dict[str, Cell]:
    """The unweighted means over archives; none where the row lacks one of them."""
    found: dict[str, FigureCell] = {}
    for part in ("", BASE, NOVEL):
        sets = _sets(columns, part)
        if len(sets) > 1 and all(each in figures.cells for each in sets):
            found[part] = _mean([figures.runs[each] for each in sets])
    cells: dict[str, Cell] = {_head(MEAN, part): cell for part, cell in found.items()}
    if BASE in found and NOVEL in found:
        cells[_head(MEAN, HARMONIC)] = _harmonic(found[BASE], found[NOVEL])
    return cells


def _mean(runs: Sequence[Sequence[float]]) -> FigureCell:
    """The mean over archives; its deviation over seeds where each has as many runs."""
    counts = {len(each) for each in runs}
    mean = spread([spread(each).mean for each in runs]).mean
    if len(counts) > 1:
        return FigureCell(mean, runs=min(counts))
    over_seeds = spread([spread(each).mean for each in zip(*runs, strict=True)])
    return FigureCell(mean, deviation=over_seeds.deviation, runs=over_seeds.runs)


def _harmonic(base: FigureCell, novel: FigureCell) -> FigureCell:
    value = harmonic_mean(max(base.value, 0.0), max(novel.value, 0.0))
    return FigureCell(value, runs=min(base.runs, novel.runs))


_CALLS, _IN, _OUT, _GPU, _PRICE = "MLLM calls", "tokens in", "tokens out", "GPU-hours", "price"


def _cost_heads(prices: TokenPrices) -> list[str]:
    return [_CALLS, _IN, _OUT, _GPU, *([_PRICE] if prices.known else [])]


def _costs(entries: Sequence[Entry], prices: TokenPrices) -> dict[str, Cell]:
    places = list(dict.fromkeys(entry.place for entry in entries))
    took: Spending | None = total(
        [[e.evaluation.run for e in entries if e.place == place] for place in places]
    )
    if took is None or not entries:
        return {}
    return {
        _CALLS: round(took.calls),
        _IN: round(took.prompt_tokens),
        _OUT: round(took.output_tokens),
        _GPU: round(took.gpu_hours, 4),
        _PRICE: round(took.price(prices), 2),
    }


def _plain(cell: Cell) -> Any:
    if not isinstance(cell, FigureCell):
        return cell
    return {name: value for name, value in asdict(cell).items() if value is not None}
