"""The `report` verb: a finished run in, one self-contained HTML page with pictures out.

`counting` and `choosing` read the labels table once each in batches; `thumbnails` reads only the
images that are shown; `page` fills the template.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from ray_jobs.config import ReportConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate import evaluate
from ray_jobs.verbs.evaluate.truth import align_truth, read_truth
from ray_jobs.verbs.report.page import draw_page

__all__ = ["run", "write_report"]


def run(config: ReportConfig) -> dict[str, Any]:
    """Run the verb; returns where the page is."""
    return {"report": write_report(config.run, config.truth)}


def write_report(run: str, truth: str | None = None) -> str:
    """Write ``report.html`` into a run folder.

    Args:
        run: the run folder, a path or URI.
        truth: a CSV ``path,label``; adds metrics, right/wrong marks and confusions.

    Returns:
        The path or URI of the page.

    Raises:
        InputError: the folder is no run.
        TruthError: the truth is unusable or does not belong to the run.
    """
    finished = RunReader(run)
    aligned = align_truth(read_truth(truth), finished) if truth else None
    evaluation = evaluate(finished, aligned, semantic=False) if aligned else None
    target = storage.join(finished.uri, "report.html")
    page = draw_page(finished, aligned, evaluation)
    storage.write_bytes(target, page.encode("utf-8", "replace"))
    return target
