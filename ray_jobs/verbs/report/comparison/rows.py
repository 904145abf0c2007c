"""The rows of the comparison's tables: a run each, with what it got right and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors import storage
from ray_jobs.pages.label_search import SearchedLabel
from ray_jobs.pages.links import link_to
from ray_jobs.pages.quality import Unjudged, read_unjudged
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.report.comparison.aligned import AlignedRuns
from ray_jobs.verbs.report.comparison.measured import (
    MeasuredFigure,
    RunsApart,
    apart,
    best_of,
    deciding_metric,
    metrics_of,
)
from ray_jobs.verbs.table.measures import Measures
from ray_jobs.verbs.table.spending import spending


@dataclass(frozen=True)
class ComparedRun:
    """A row of the table; texts are hostile.

    Attributes:
        title: of the run.
        method: that labelled.
        uri: of the run folder.
        link: of its own report, where a browser can open it.
        images, labelled, errors: of its labels table; errors by code.
        calls, tokens: of the MLLM, those of its fit included; None where the run does not say.
        reused: answers that were not asked for again.
        seconds: of labelling.
        figures: by metric; empty without truth.
        from_first, from_best: differences; None of that run itself, or without truth.
        best: whether its figure is the highest.
        unjudged: what is known without truth.
    """

    title: str
    method: str
    uri: str
    link: str | None
    images: int
    labelled: int
    errors: dict[str, int]
    calls: float | None
    tokens: float | None
    reused: int
    seconds: float | None
    unjudged: Unjudged
    figures: dict[str, MeasuredFigure] = field(default_factory=dict)
    from_first: RunsApart | None = None
    from_best: RunsApart | None = None
    best: bool = False


def compared_runs(
    titles: Sequence[str],
    aligned: AlignedRuns,
    evaluations: Sequence[KeptEvaluation] | None,
    seed: int,
) -> list[ComparedRun]:
    """Make the rows, in the order of the runs."""
    measures = Measures(seed=seed)
    rows = []
    for at, (title, run) in enumerate(zip(titles, aligned.runs, strict=True)):
        took = spending(run)
        report = storage.join(storage.absolute(run.uri), "report.html")
        rows.append(
            ComparedRun(
                title=title,
                method=str(run.record.get("method", "unknown")),
                uri=run.uri,
                link=link_to(report) if storage.exists(report) else None,
                images=aligned.images[at],
                labelled=aligned.images[at] - sum(aligned.errors[at].values()),
                errors=aligned.errors[at],
                calls=took.calls if took else _number(run.record.get("mllm_calls")),
                tokens=took.prompt_tokens + took.output_tokens if took else None,
                reused=int(_number(run.record.get("answers_reused")) or 0),
                seconds=_number(run.record.get("seconds")),
                unjudged=read_unjudged(run.uri, aligned.images[at]),
                **_measured(measures, evaluations, at),
            )
        )
    return rows


def _measured(
    measures: Measures, evaluations: Sequence[KeptEvaluation] | None, at: int
) -> dict[str, Any]:
    if not evaluations:
        return {}
    own, best = evaluations[at], best_of(evaluations)
    found = {}
    for metric in metrics_of(evaluations):
        if measures.has(own, metric) and (interval := measures.interval(own, metric)) is not None:
            found[metric] = MeasuredFigure(measures.value(own, metric), interval)
    return {
        "figures": found,
        "from_first": apart(measures, own, evaluations[0]),
        # where the first is the best, one column says all
        "from_best": apart(measures, own, best) if best is not evaluations[0] else None,
        "best": _figure(own, own, best) == _figure(best, own, best),
    }


def _figure(evaluation: KeptEvaluation, *of: KeptEvaluation) -> float:
    return float(evaluation.figures[deciding_metric(*of)])


def searched_labels(
    aligned: AlignedRuns,
    evaluations: Sequence[KeptEvaluation] | None,
    named: Mapping[str, str],
) -> list[SearchedLabel]:
    """All labels of all runs, those that the runs give most often first.

    Args:
        aligned: the runs.
        evaluations: with truth, which adds how many are right.
        named: what labels that are ids are called.
    """
    totals: dict[str, int] = {}
    for counts in aligned.counts:
        for label, count in counts.items():
            totals[label] = totals.get(label, 0) + count
    right = [_right(each, aligned.ids.shape[0]) for each in evaluations or ()]
    return [
        SearchedLabel(
            label=f"{name} ({label})" if (name := named.get(label, label)) != label else label,
            also="",
            counts=[counts.get(label, 0) for counts in aligned.counts],
            right=[None if own is None else own.get(label, 0) for own in right],
        )
        for label in sorted(totals, key=lambda label: (-totals[label], label))
    ]


def _right(evaluation: KeptEvaluation, images: int) -> dict[str, int] | None:
    """How many images of a class a run names rightly; None where that is not said of its labels."""
    figures = evaluation.figures
    if figures.get("names") or figures["images"] != images:
        return None
    return {row["label"]: row["correct"] for row in figures["per_class"]}


def _number(value: Any) -> float | None:
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if fine else None
