"""The verbs of the command line: which config each takes, and what it runs.

Imports happen when a verb runs: ``onoma --help`` and wrong use answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ray_jobs import config as c
from ray_jobs.config import VerbConfig
from ray_jobs.pipelines.registry import METHODS, load

Result = dict[str, Any]


def _manifest(config: c.ManifestConfig) -> Result:
    from methods.errors import InputError
    from ray_jobs.runs.manifest import write_manifest

    if not config.out.endswith(".parquet"):
        raise InputError(
            f"--out {config.out}: the manifest is one Parquet file; end it in .parquet"
        )
    try:
        manifest = write_manifest(config.images, config.out)
    except PermissionError as error:
        raise InputError(f"--out {config.out}: cannot be written (no permission)") from error
    return {"manifest": config.out, "images": manifest.images, "skipped": manifest.skipped}


_FIT, _LABEL = "ray_jobs.verbs.fit:fit", "ray_jobs.verbs.label:label"


def _run(target: str, config: Any) -> Result:
    result: Result = load(target)(config)
    return result


def _evaluate(config: c.EvaluateConfig) -> Result:
    from ray_jobs.verbs.evaluate import evaluate_run

    return evaluate_run(
        config.labels, config.truth, sentences=config.sentences, mllm_run=config.mllm_run
    )


def _report(config: c.ReportConfig) -> Result:
    from ray_jobs.verbs.report import write_report

    return {"report": write_report(config.run, config.truth)}


def _demo(config: c.DemoConfig) -> Result:
    from ray_jobs.verbs import demo

    return demo.run(config)


def _doctor(_config: c.DoctorConfig) -> Result:
    from ray_jobs.verbs import doctor

    return doctor.examine()


def _serve(config: c.ServeConfig) -> Result:
    from ray_jobs.verbs.serve import serve_classifiers

    return serve_classifiers(config)


def _submit(config: c.SubmitConfig) -> Result:
    from ray_jobs.verbs import submit

    return submit.submit(config)


def _plan(label: Callable[[Any], Result], config: Any) -> Result:
    from ray_jobs.verbs.plan.pilot import plan_labelling

    return plan_labelling(config, label)


def _draw(config: c.DrawConfig) -> Result:
    from ray_jobs.verbs import draw

    return draw.draw(config)


@dataclass(frozen=True)
class Command:
    """One verb (of one method): its config class, what runs, and which flag needs no name.

    Values of that flag come first, one or, where it is a list, several.
    """

    config: type[VerbConfig]
    run: Callable[[Any], Result]
    positional: str | None = None


COMMANDS: dict[str, Command] = {
    "demo": Command(c.DemoConfig, _demo),
    "doctor": Command(c.DoctorConfig, _doctor),
    "manifest": Command(c.ManifestConfig, _manifest),
    **{
        f"fit {method.name}": Command(load(method.fit_settings), partial(_run, _FIT))
        for method in METHODS
        if method.fit
    },
    **{
        f"label {method.name}": Command(load(method.label_settings), partial(_run, _LABEL))
        for method in METHODS
        if method.label
    },
    "submit": Command(c.SubmitConfig, _submit),
    "evaluate": Command(c.EvaluateConfig, _evaluate),
    "report": Command(c.ReportConfig, _report, positional="run"),
    "serve": Command(c.ServeConfig, _serve, positional="classifiers"),
    "fieldguide draw": Command(c.DrawConfig, _draw),
}
COMMANDS |= {
    f"plan {name.removeprefix('label ')}": Command(
        c.plan_of(command.config), partial(_plan, command.run)
    )
    for name, command in COMMANDS.items()
    if name.startswith("label ") and issubclass(command.config, c.ArchiveConfig)
}
