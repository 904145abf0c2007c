"""One page of several runs over the same images: figures beside one another, and where they differ.

`aligned` puts the runs side by side in integers, `measured` measures them where there is truth,
`differing` chooses pictures, `rows` makes the tables and `page` fills the template.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.report.comparison.aligned import align_runs
from ray_jobs.verbs.report.comparison.measured import measure_runs
from ray_jobs.verbs.report.comparison.page import draw_comparison
from ray_jobs.verbs.table.entries import split_name

PAGE = "comparison.html"


def write_comparison(
    runs: Sequence[str], truth: str | None = None, out: str | None = None, seed: int = 0
) -> str:
    """Write a page that compares runs.

    Args:
        runs: run folders, paths or URIs, or ``NAME=RUN``; two or more over the same images.
        truth: a CSV ``path,label``; adds accuracy with intervals and paired differences.
        out: the page [default: ``comparison.html`` in the first run's folder].
        seed: of the resamples.

    Returns:
        The path or URI of the page.

    Raises:
        InputError: a folder is no run or is given twice, the runs are of other images, some give
            one label an image and some several, or the page cannot be written.
        TruthError: the truth is unusable or does not belong to the runs.
    """
    named = [split_name(run) for run in runs]
    readers = [RunReader(folder) for _, folder in named]
    _check(readers)
    titles = titles_of(readers, [name for name, _ in named])
    evaluations = measure_runs(readers, truth) if truth is not None else None
    names = [(each.figures.get("names") or {}) for each in evaluations or ()]
    aligned = align_runs(readers, names or None)
    page = draw_comparison(titles, aligned, evaluations, seed)
    target = storage.absolute(out) if out else storage.join(readers[0].uri, PAGE)
    try:
        storage.write_bytes(target, page.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror or error})") from error
    return target


def titles_of(runs: Sequence[RunReader], given: Sequence[str]) -> list[str]:
    """What each run is called: as the user says, by method, or by folder where methods repeat."""
    methods = [str(run.record.get("method") or _folder(run)) for run in runs]
    titles = []
    for run, name, method in zip(runs, given, methods, strict=True):
        twice = methods.count(method) > 1 and _folder(run) != method
        titles.append(name or (f"{method}, {_folder(run)}" if twice else method))
    return [
        title if titles.count(title) == 1 else f"{title} ({run.uri})"
        for title, run in zip(titles, runs, strict=True)
    ]


def _folder(run: RunReader) -> str:
    return run.uri.rstrip("/").rpartition("/")[2] or run.uri


def _check(runs: Sequence[RunReader]) -> None:
    places = [storage.absolute(run.uri) for run in runs]
    for run, place in zip(runs, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{run.uri} is given twice; a comparison needs different runs")
        if run.multi_label != runs[0].multi_label:
            one, several = (run, runs[0]) if runs[0].multi_label else (runs[0], run)
            raise InputError(
                f"{one.uri} gives one label an image and {several.uri} several; compare runs of "
                "one kind"
            )
