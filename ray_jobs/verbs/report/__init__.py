"""The `report` verb: finished runs in, one self-contained HTML page with pictures out.

`counting` and `choosing` read the labels table once each in batches; `thumbnails` reads only the
images that are shown; `page` fills the template. `comparison` is the page of several runs.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from methods.errors import InputError
from ray_jobs.config import ReportConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate import evaluate
from ray_jobs.verbs.evaluate.truth import align_truth, read_truth
from ray_jobs.verbs.report.comparison import write_comparison
from ray_jobs.verbs.report.page import draw_page

__all__ = ["run", "write_comparison", "write_report"]


def run(config: ReportConfig) -> dict[str, Any]:
    """Run the verb; returns where the page is.

    Returns:
        ``report``, the page; of several runs also as ``comparison``.
    """
    if len(config.run) == 1:
        return {"report": write_report(config.run[0], config.truth, config.out)}
    page = write_comparison(config.run, config.truth, config.out, config.seed)
    return {"report": page, "comparison": page}


def write_report(run: str, truth: str | None = None, out: str | None = None) -> str:
    """Write ``report.html`` into a run folder.

    Args:
        run: the run folder, a path or URI.
        truth: a CSV ``path,label``; adds metrics, right/wrong marks and confusions.
        out: another place for the page.

    Returns:
        The path or URI of the page.

    Raises:
        InputError: the folder is no run, or the page cannot be written.
        TruthError: the truth is unusable or does not belong to the run.
    """
    finished = RunReader(run)
    aligned = align_truth(read_truth(truth), finished) if truth else None
    evaluation = evaluate(finished, aligned, semantic=False) if aligned else None
    target = storage.absolute(out) if out else storage.join(finished.uri, "report.html")
    page = draw_page(finished, aligned, evaluation)
    try:
        storage.write_bytes(target, page.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror or error})") from error
    return target
