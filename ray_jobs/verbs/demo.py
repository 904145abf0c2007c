"""The demo: draw an archive, label it without reading a label, then compare and report.

draw -> fit and label by each method -> evaluate -> report.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from methods.errors import InputError
from ray_jobs.config import (
    DemoConfig,
    FitAutosepConfig,
    FitNearConfig,
    LabelAutosepConfig,
    LabelClassifierConfig,
    LabelSlacConfig,
    LabelTlacConfig,
    LabelWhatDoYouSeeConfig,
    LabelZeroShotConfig,
)

logger = logging.getLogger(__name__)

METHODS = ("zero_shot", "slac", "tlac", "autosep", "near", "what_do_you_see")
"""In this order: TLAC finds SLAC's answers in the answers table."""

_NAMED_BY_MLLM = 300
"""Images that NeaR has named."""

_SEARCH: dict[str, Any] = {"sample": 90, "rounds": 2, "improvements": ["all"]}
"""Of AutoSEP: two rounds are enough for what the field guide's model can be asked for."""

_OF_THE_RUN = ("images_per_second", "mllm_calls", "answers_reused")
_SETTINGS = "demo.json"
_BROKEN: dict[str, bytes] = {
    "broken/no-bytes.jpg": b"",
    "broken/letter.jpg": b"Dear archivist, this is a letter and not a picture.\n",
    "broken/half-copied.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
}


def run(config: DemoConfig) -> dict[str, Any]:
    """Run the demo in ``config.out``; run again, it resumes or finds itself finished.

    Returns:
        ``methods``: metrics by method; ``seconds``; ``report``: path of the report.

    Raises:
        InputError: the folder holds something else.
    """
    from ray_jobs.passes.mllm_pool import field_guide_replicas
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.report import write_report

    started = time.time()
    out = Path(config.out).absolute()
    archive = draw_once(out, config)
    truth = str(archive / "truth.csv")
    methods, reports = {}, {}
    with field_guide_replicas():  # so that its engine starts once for all methods
        for method in METHODS:
            say(f"labelling {archive / 'images'} with {method}; no label is read")
            run_folder = str(out / method)
            record = label(method, archive, run_folder, config.seed)
            metrics = evaluate_run(run_folder, truth, semantic=False)
            kept = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
            methods[method] = kept | {key: record[key] for key in _OF_THE_RUN}
            reports[method] = write_report(run_folder, truth)
    return {
        "methods": methods,
        "seconds": round(time.time() - started, 1),
        "report": reports[METHODS[-1]],
        "reports": reports,
    }


def label(method: str, archive: Path, run_folder: str, seed: int) -> dict[str, Any]:
    """Label the drawn archive with one method; returns the content of ``run.json``."""
    from ray_jobs.pipelines import slac_tlac, what_do_you_see, zero_shot

    settings: dict[str, Any] = {"images": str(archive / "images"), "out": run_folder, "seed": seed}
    if method == "near":
        return _name_and_label(settings)
    settings["classes"] = str(archive / "classes.txt")
    if method == "autosep":
        return _search_and_label(settings)
    if method == "zero_shot":
        return zero_shot.label(LabelZeroShotConfig(**settings))
    if method == "slac":
        return slac_tlac.label(LabelSlacConfig(**settings))
    if method == "tlac":
        return slac_tlac.label(LabelTlacConfig(**settings))
    return what_do_you_see.label(LabelWhatDoYouSeeConfig(**settings))


def _search_and_label(settings: dict[str, Any]) -> dict[str, Any]:
    """Learn a prompt with AutoSEP beside the run and label with it."""
    from ray_jobs.pipelines import autosep

    learned = f"{settings['out']}-prompt"
    made = autosep.fit(FitAutosepConfig(**{**settings, "out": learned}, category="bird", **_SEARCH))
    return _with_calls_of(made, autosep.label(LabelAutosepConfig(**settings, prompt=learned)))


def _name_and_label(settings: dict[str, Any]) -> dict[str, Any]:
    """Fit NeaR beside the run and label with it; the record counts the calls of both."""
    from ray_jobs.pipelines import classifier, near

    made = near.fit(
        FitNearConfig(
            **{**settings, "out": f"{settings['out']}-classifier"},
            sample=_NAMED_BY_MLLM,
            category="bird",
            unit="species",
        )
    )
    config = LabelClassifierConfig(**settings, classifier=made["classifier"])
    return _with_calls_of(made, classifier.label(config))


def _with_calls_of(made: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """A run's record that counts what its fit asked as well."""
    return {**record, **{key: record[key] + made[key] for key in ("mllm_calls", "answers_reused")}}


def draw_once(out: Path, config: DemoConfig) -> Path:
    """Draw the archive with a few broken files in it, as real archives have; once for a folder.

    Raises:
        InputError: the folder holds something else, or a demo of other settings.
    """
    from fieldguide.archive import draw_archive

    settings = {"count": config.count, "seed": config.seed}
    record, archive = out / _SETTINGS, out / "archive"
    if record.is_file():
        if json.loads(record.read_text("utf-8")) != settings:
            raise InputError(
                f"--out {config.out} holds a demo with other settings; give another folder"
            )
        return archive
    if out.exists() and (not out.is_dir() or set(os.listdir(out)) - {"archive"}):
        raise InputError(f"--out {config.out} holds other things; give a new or empty folder")
    say(f"drawing {config.count} birds into {archive}")
    try:
        draw_archive(archive, config.count, config.seed)
        for name, data in _BROKEN.items():
            path = archive / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        record.write_text(json.dumps(settings), "utf-8")
    except PermissionError as error:
        raise InputError(f"--out {config.out}: cannot be written (no permission)") from error
    return archive


def say(text: str) -> None:
    """Tell the person what is happening."""
    logger.warning("%s", text)
