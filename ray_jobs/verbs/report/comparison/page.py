"""From compared runs to the HTML page; what is shown is as hostile as in the report of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from ray_jobs.pages.label_search import script_hash, search_data, search_script
from ray_jobs.pages.numbers import Figure, percent, whole
from ray_jobs.pages.quotes import quote_sources
from ray_jobs.pages.templates import FOLDER, templates
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.evaluate.truth import Truth
from ray_jobs.verbs.report.comparison.aligned import AlignedRuns
from ray_jobs.verbs.report.comparison.differing import (
    DifferingImages,
    differing_groups,
    read_chosen,
)
from ray_jobs.verbs.report.comparison.measured import best_of, metrics_of
from ray_jobs.verbs.report.comparison.rows import ComparedRun, compared_runs, searched_labels
from ray_jobs.verbs.report.judge import Judge
from ray_jobs.verbs.report.next_steps import next_steps_of_several
from ray_jobs.verbs.report.shots import Shot, make_shot
from ray_jobs.verbs.report.thumbnails import Thumbnail, draw_thumbnails
from ray_jobs.verbs.table.measures import Measures

_PAGES: Final = Path(__file__).parent
_LONGER_SIDE: Final = 360  # pictures are few here, and what runs see differently is often small


@dataclass(frozen=True)
class Opinion:
    """What one run says of an image.

    Attributes:
        title: of the run.
        shot: its label, words and mark; None where the run has no such image.
        error: the code of its row; empty without one.
    """

    title: str
    shot: Shot | None
    error: str = ""


@dataclass(frozen=True)
class ComparedImage:
    """An image with what each run says of it.

    Attributes:
        shot: of its picture, path and truth.
        opinions: of the runs, in order.
        labels: all that any run or the truth says, for the search box.
    """

    shot: Shot
    opinions: list[Opinion]
    labels: str


def draw_comparison(
    titles: Sequence[str],
    aligned: AlignedRuns,
    evaluations: Sequence[KeptEvaluation] | None,
    seed: int,
) -> str:
    """Return the whole page.

    Args:
        titles: of the runs.
        aligned: the runs.
        evaluations: of each, when there is truth.
        seed: of the resamples.
    """
    rows = compared_runs(titles, aligned, evaluations, seed)
    groups = differing_groups(aligned, titles, evaluations)
    named = _names(aligned.runs)
    same, every = aligned.unanimous()
    best = best_of(evaluations).run if evaluations else aligned.runs[0]
    audited = rows[0].unjudged.accuracy is not None
    environment = templates(_PAGES)
    environment.filters["named"] = lambda label: _shown(label, named)
    metrics = metrics_of(evaluations) if evaluations else []
    sources = [
        (t, list(quote_sources(r).values())) for t, r in zip(titles, aligned.runs, strict=True)
    ]
    return environment.get_template("page.html.j2").render(
        css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script_hash=script_hash(),
        search_script=search_script(),
        search_title="All labels",
        searched=search_data(titles, searched_labels(aligned, evaluations, named)),
        multi_label=aligned.runs[0].multi_label,
        images=len(aligned.ids),
        rows=rows,
        metrics=[(metric, Measures.METRICS[metric]) for metric in metrics],
        metric_names=Measures.METRICS,
        first_is_best=not evaluations or best is aligned.runs[0],
        best_title=titles[list(aligned.runs).index(best)],
        truth_images=evaluations[0].figures["images"] if evaluations else 0,
        notes=_notes(rows, aligned, evaluations, titles),
        titles=titles,
        agreement=[[float(share) for share in row] for row in aligned.agreement()],
        tiles=_tiles(aligned, same, every),
        level=max((r.unjudged.accuracy.level for r in rows if r.unjudged.accuracy), default=0.9),
        audits=any(row.unjudged.known for row in rows),
        groups=_pictured(groups, aligned, titles, evaluations, named),
        sources=[pair for pair in sources if pair[1]],
        steps=next_steps_of_several(aligned.runs, best, bool(evaluations), audited),
    )


def _tiles(aligned: AlignedRuns, same: int, every: int) -> list[Figure]:
    share = percent(same / every) if every else "-"
    return [
        Figure("Images", whole(len(aligned.ids)), "of the first run"),
        Figure("All runs say the same", share, f"on {whole(same)} of {whole(every)} images"),
        Figure("Not all the same", whole(every - same), "images that all runs label"),
    ]


def _notes(
    rows: Sequence[ComparedRun],
    aligned: AlignedRuns,
    evaluations: Sequence[KeptEvaluation] | None,
    titles: Sequence[str],
) -> list[str]:
    notes = [
        f"{whole(strangers)} images of {row.title} are not in {titles[0]} and are left out below "
        "the table"
        for row, strangers in zip(rows, aligned.strangers, strict=True)
        if strangers
    ]
    said = [each.figures.get("note") for each in evaluations or ()]
    return [*dict.fromkeys(note for note in said if note), *notes]


def _names(runs: Sequence[RunReader]) -> dict[str, str]:
    found: dict[str, str] = {}
    for run in runs:
        if run.named is not None and not run.named.is_plain:
            for key, name in zip(run.named.ids, run.named.names, strict=True):
                found.setdefault(key, name)
    return found


def _shown(label: str, named: Mapping[str, str]) -> str:
    name = named.get(label, label)
    return f"{name} ({label})" if name != label else label


def _pictured(
    groups: Sequence[DifferingImages],
    aligned: AlignedRuns,
    titles: Sequence[str],
    evaluations: Sequence[KeptEvaluation] | None,
    named: Mapping[str, str],
) -> list[tuple[DifferingImages, list[ComparedImage]]]:
    wanted = [number for group in groups for number in group.image_ids]
    rows = [read_chosen(run, wanted) for run in aligned.runs]
    judges = _judges(evaluations) if evaluations else [None] * len(rows)
    first = rows[0]  # the images are the first run's
    thumbnails = draw_thumbnails(
        aligned.runs[0], (first[number] for number in wanted), _LONGER_SIDE
    )
    sources = [quote_sources(run) for run in aligned.runs]

    def image(number: int) -> ComparedImage:
        thumbnail = thumbnails.get(number, Thumbnail())
        opinions = []
        for title, own, judge, source in zip(titles, rows, judges, sources, strict=True):
            row = own.get(number)
            shot = row and make_shot({**row, "key": 0.0}, thumbnail, judge, source)
            opinions.append(Opinion(title, shot or None, (row or {}).get("error") or ""))
        shot = make_shot({**first[number], "key": 0.0}, thumbnail, judges[0], {})
        said = [label for each in opinions if each.shot for label in each.shot.labels]
        told = dict.fromkeys([*said, *(shot.truth or ())])
        return ComparedImage(shot, opinions, " ".join(_shown(label, named) for label in told))

    return [(group, [image(number) for number in group.image_ids]) for group in groups]


def _judges(evaluations: Sequence[KeptEvaluation]) -> list[Judge | None]:
    images = evaluations[0].images
    several = "labels" in images.column_names
    labels: Any = images.column("labels" if several else "label").combine_chunks()
    if not several:
        labels = _lists_of_one(labels)
    ids, paths = images.column("image_id").to_numpy(), images.column("path").combine_chunks()
    truth = Truth(ids, paths, labels)
    return [Judge(truth, each.figures.get("names")) for each in evaluations]


def _lists_of_one(labels: Any) -> Any:
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.array(range(len(labels) + 1), pa.int32()), labels)
