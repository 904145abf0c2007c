"""From a run to the HTML page: gathers what the template shows and fills it.

Labels, paths, answers and error details are hostile input: the template escapes everything, styles
get numbers only, and a content security policy forbids requests and every script but the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from methods.json_text import json_text
from ray_jobs.pages.label_names import label_filters
from ray_jobs.pages.label_search import SearchedLabel, script_hash, search_data, search_script
from ray_jobs.pages.quality import read_unjudged
from ray_jobs.pages.quotes import quote_sources
from ray_jobs.pages.templates import FOLDER, templates
from ray_jobs.pipelines.registry import label_method_of_run
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.truth import Truth
from ray_jobs.verbs.plan.comparison import compare
from ray_jobs.verbs.report import charts, figures
from ray_jobs.verbs.report.choosing import Choice, Gallery, Mistake
from ray_jobs.verbs.report.counting import Counts, count
from ray_jobs.verbs.report.judge import Judge
from ray_jobs.verbs.report.next_steps import next_steps
from ray_jobs.verbs.report.shots import Shot, make_shot
from ray_jobs.verbs.report.thumbnails import Thumbnail, draw_thumbnails

SHOWN_CLASSES: Final = 200

Rows = Iterable[Mapping[str, Any]]


def draw_page(run: RunReader, truth: Truth | None, evaluation: dict[str, Any] | None) -> str:
    """Return the whole page.

    Args:
        run: the run.
        truth: aligned truth, or None.
        evaluation: the result of `ray_jobs.verbs.evaluate.evaluate`, when there is truth.
    """
    names = evaluation.get("names") if evaluation else None
    judge = Judge(truth, names) if truth else None
    counts = count(run)
    worst = evaluation["confusions"] if evaluation else []
    choice = Choice(counts, judge, [(p["true"], p["predicted"], p["count"]) for p in worst])
    choice.read(run)
    galleries, mistakes = choice.galleries(), choice.mistakes()
    thumbnails = draw_thumbnails(run, _shown_rows(counts, galleries, mistakes))

    method = label_method_of_run(run.record)
    sources = quote_sources(run)
    unjudged = read_unjudged(run.uri, counts.images)

    def shots(rows: Rows) -> list[Shot]:
        return [
            make_shot(row, thumbnails.get(row["image_id"], Thumbnail()), judge, sources)
            for row in rows
        ]

    environment = templates(Path(__file__).parent)
    environment.globals["shots"] = shots
    named, also = label_filters(run.named)
    environment.filters.update(named=named, also=also)
    return environment.get_template("page.html.j2").render(
        css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script_hash=script_hash(),
        search_script=search_script(),
        search_title="Search all labels",
        searched=_searched(counts, choice, evaluation, run),
        sources=list(sources.values()),
        unjudged=unjudged,
        steps=next_steps(run, truth is not None, unjudged),
        state=figures.unfinished(run),
        multi_label=run.multi_label,
        counts=counts,
        facts=figures.facts(run, counts),
        tiles=[*figures.tiles(run, counts), *figures.told(run, method)],
        counted=figures.counted(run, method.counters if method else ()),
        part_figures=figures.parts(evaluation, method.parts) if evaluation and method else [],
        comparison=compare(run.record),
        metrics=figures.metrics(run, evaluation) if evaluation else [],
        evaluation=evaluation,
        name_of={true: name for name, true in names.items()} if names else {},
        per_class=_largest(evaluation["per_class"]) if evaluation else [],
        distribution=figures.distribution(counts, choice.labels, evaluation, names),
        galleries=galleries,
        mistakes=mistakes,
        score_shares=figures.score_shares(choice.histogram),
        histogram=charts.draw_histogram(choice.histogram) if choice.histogram else None,
        errors=sorted(counts.errors.items(), key=lambda item: (-item[1], item[0])),
        config=json_text(run.record.get("config", {}), indent=2),
        versions=run.record.get("versions") or {},
    )


def _searched(
    counts: Counts, choice: Choice, evaluation: dict[str, Any] | None, run: RunReader
) -> dict[str, Any]:
    """All labels for the search box, the most frequent first; those with a gallery lead to it."""
    named, also = label_filters(run.named)
    names = (evaluation or {}).get("names") or {}
    right = {row["label"]: row["correct"] for row in (evaluation or {}).get("per_class", ())}
    judged = bool(right) and not names and evaluation and evaluation["images"] == counts.images
    ranked = sorted(counts.labels.items(), key=lambda item: (-item[1], item[0]))
    anchors = {label: f"label-{at}" for at, (label, _) in enumerate(choice.labels, 1)}
    return search_data(
        ["Images"],
        [
            SearchedLabel(
                label=named(label),
                also="" if also(label) == label else also(label),
                counts=[images],
                right=[right.get(label, 0)] if judged else [],
                anchor=anchors.get(label, ""),
            )
            for label, images in ranked
        ],
    )


def _shown_rows(counts: Counts, galleries: list[Gallery], mistakes: list[Mistake]) -> Rows:
    yield from counts.least_certain
    for samples in counts.error_samples.values():
        yield from samples
    for gallery in galleries:
        yield from gallery.most_certain
        yield from gallery.random
    for mistake in mistakes:
        yield from mistake.mistaken
        yield from mistake.typical


def _largest(per_class: list[dict[str, Any]]) -> list[dict[str, Any]]:
    largest = sorted(per_class, key=lambda row: (-row["images"], row["label"]))[:SHOWN_CLASSES]
    return sorted(largest, key=lambda row: (row["f1"], row["label"]))
