"""The demo: draw archives, label them without reading a label, then compare and report.

draw -> fit and label by each method -> evaluate -> report -> one page that compares those of the
birds. Scenes have several labels each, and a report of their own.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods.errors import InputError
from ray_jobs.config import DemoConfig, VerbConfig
from ray_jobs.config.names import did_you_mean
from ray_jobs.pipelines.registry import LABEL_WITH_CLASSIFIER, METHODS, Method, load
from ray_jobs.verbs.fit import fit
from ray_jobs.verbs.label import label

if TYPE_CHECKING:
    from fieldguide.editions import Kind

logger = logging.getLogger(f"onoma.{__name__}")

_OF_THE_RUN = ("images_per_second", "mllm_calls", "answers_reused")
_SETTINGS = "demo.json"
_FOLDERS: dict[Kind, str] = {"birds": "archive", "scenes": "scenes"}
_BROKEN: dict[str, bytes] = {
    "broken/no-bytes.jpg": b"",
    "broken/letter.jpg": b"Dear archivist, this is a letter and not a picture.\n",
    "broken/half-copied.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
}


def run(config: DemoConfig) -> dict[str, Any]:
    """Run the demo in ``config.out``; run again, it resumes or finds itself finished.

    Returns:
        ``methods``: metrics by method; ``seconds``; ``report``: path of the last report, on birds
        if there is one; ``reports`` of each method; ``comparison``: of the page over all methods
        for birds, None where they are fewer than two.

    Raises:
        InputError: the folder holds something else, or the demo shows no such method.
    """
    from fieldguide.editions import MODEL_OF
    from ray_jobs.passes.mllm_pool import field_guide_replicas
    from ray_jobs.verbs.evaluate import evaluate_run
    from ray_jobs.verbs.report import write_comparison, write_report
    from ray_jobs.verbs.report.comparison import PAGE

    started = time.time()
    out = Path(config.out).absolute()
    shown = shown_methods(config.methods)
    draw_once(out, config)
    model = MODEL_OF[config.edition]
    given = {"seed": config.seed, "clip": model, "mllm": model}
    methods, reports = {}, {}
    # its engine starts once for all methods, and while the first one, which does without, runs
    with field_guide_replicas(model) as replicas:
        replicas.warm_up()
        for method in shown:
            archive = out / _FOLDERS[method.demo_archive]
            truth = str(archive / "truth.csv")
            say(f"labelling {archive / 'images'} with {method.name}; no label is read")
            run_folder = str(out / method.name)
            record = demonstrate(method, archive, run_folder, given)
            metrics = evaluate_run(run_folder, truth, semantic=False)
            kept = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
            methods[method.name] = kept | of_the_run(record)
            reports[method.name] = write_report(run_folder, truth)
    birds = [method.name for method in shown if method.demo_archive == "birds"]
    runs = [f"{name}={out / name}" for name in birds]
    truth = str(out / _FOLDERS["birds"] / "truth.csv")
    comparison = write_comparison(runs, truth, str(out / PAGE)) if len(runs) > 1 else None
    return {
        "methods": methods,
        "seconds": round(time.time() - started, 1),
        "report": reports[(birds or list(reports))[-1]],
        "reports": reports,
        "comparison": comparison,
    }


def shown_methods(wanted: list[str] | None) -> list[Method]:
    """The methods that the demo shows, in the registry's order: TLAC finds SLAC's responses.

    Raises:
        InputError: one is wanted that the demo does not show.
    """
    shown = [method for method in METHODS if method.demo is not None]
    names = [method.name for method in shown]
    if wanted is None:
        return shown
    if wrong := [name for name in wanted if name not in names]:
        meant = did_you_mean(wrong[0], names)
        raise InputError(
            f"--methods {wrong[0]}: the demo has no such method{meant}; it shows {', '.join(names)}"
        )
    return [method for method in shown if method.name in wanted]


def of_the_run(record: dict[str, Any]) -> dict[str, Any]:
    """What a method's run counted: all images, those without truth and with an error too."""
    counts = {"images": record["images"], "errors": sum(record["errors"].values())}
    return counts | {key: record[key] for key in _OF_THE_RUN}


def demonstrate(
    method: Method, archive: Path, run_folder: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Fit beside the run what a method learns, and label the drawn archive with it.

    Args:
        method: to show.
        archive: as drawn.
        run_folder: to write.
        given: settings of fit and label, as far as each has them.

    Returns:
        The content of ``run.json``, with what the fit asked counted in.
    """
    given = {
        "images": str(archive / "images"),
        "classes": str(archive / "classes.txt"),
        "out": run_folder,
        **given,
    }
    own = method.demo or {}
    if not method.takes_fit:
        return label(_settings(load(method.label_settings), {**given, **own}))
    learned = f"{run_folder}-{method.takes_fit}"
    fitting = _settings(load(method.fit_settings), {**given, "out": learned, **own})
    made = fit(fitting)
    kind = method.label_settings or LABEL_WITH_CLASSIFIER
    discovered = {"classes": None} if method.discovers_names else {}
    record = label(_settings(load(kind), {**given, **discovered, method.takes_fit: learned}))
    counts = {key: record[key] + made[key] for key in ("mllm_calls", "answers_reused")}
    return {**record, **counts}


def _settings(kind: type[VerbConfig], values: dict[str, Any]) -> Any:
    """Settings of one kind from those values that it has."""
    return kind(**{name: value for name, value in values.items() if name in kind.model_fields})


def draw_once(out: Path, config: DemoConfig) -> None:
    """Draw birds and scenes, with a few broken files as real archives have; once for a folder.

    Raises:
        InputError: the folder holds something else, or a demo of other settings.
    """
    from fieldguide.archive import draw_archive

    settings = {"count": config.count, "seed": config.seed, "edition": config.edition}
    record = out / _SETTINGS
    drawn = record.is_file()
    if drawn:
        if {"edition": "1"} | json.loads(record.read_text("utf-8")) != settings:
            raise InputError(
                f"--out {config.out} holds a demo with other settings; give another folder"
            )
    elif out.exists() and (not out.is_dir() or set(os.listdir(out)) - set(_FOLDERS.values())):
        raise InputError(f"--out {config.out} holds other things; give a new or empty folder")
    try:
        for kind, folder in _FOLDERS.items():
            archive = out / folder
            if drawn and archive.is_dir():
                continue
            say(f"drawing {config.count} {kind} into {archive}")
            draw_archive(archive, config.count, config.seed, kind, edition=config.edition)
            for name, data in _BROKEN.items():
                path = archive / "images" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        record.write_text(json.dumps(settings), "utf-8")
    except PermissionError as error:
        raise InputError(f"--out {config.out}: cannot be written (no permission)") from error


def say(text: str) -> None:
    """Tell the person what is happening."""
    logger.info("%s", text)
