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


def _fit_zero_shot(config: c.FitZeroShotConfig) -> Result:
    from ray_jobs.pipelines import zero_shot

    return zero_shot.fit(config)


def _fit_near(config: c.FitNearConfig) -> Result:
    from ray_jobs.pipelines import near

    return near.fit(config)


def _fit_autosep(config: c.FitAutosepConfig) -> Result:
    from ray_jobs.pipelines import autosep

    return autosep.fit(config)


def _fit_data_free(config: c.FitDataFreeConfig) -> Result:
    from ray_jobs.pipelines import data_free

    return data_free.fit(config)


def _label_autosep(config: c.LabelAutosepConfig) -> Result:
    from ray_jobs.pipelines import autosep

    return autosep.label(config)


def _label_mllm_names(config: c.LabelMllmNamesConfig) -> Result:
    from ray_jobs.pipelines import open_vocabulary

    return open_vocabulary.label(config)


def _label_zero_shot(config: c.LabelZeroShotConfig) -> Result:
    from ray_jobs.pipelines import zero_shot

    return zero_shot.label(config)


def _label_classifier(config: c.LabelClassifierConfig) -> Result:
    from ray_jobs.pipelines import classifier

    return classifier.label(config)


def _label_tlac(config: c.LabelSlacConfig | c.LabelTlacConfig) -> Result:
    from ray_jobs.pipelines import slac_tlac

    return slac_tlac.label(config)


def _fit_what_do_you_see(config: c.FitWhatDoYouSeeConfig) -> Result:
    from ray_jobs.pipelines import what_do_you_see

    return what_do_you_see.fit(config)


def _label_what_do_you_see(config: c.LabelWhatDoYouSeeConfig) -> Result:
    from ray_jobs.pipelines import what_do_you_see

    return what_do_you_see.label(config)


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
    "fit zero_shot": Command(c.FitZeroShotConfig, _fit_zero_shot),
    "fit what_do_you_see": Command(c.FitWhatDoYouSeeConfig, _fit_what_do_you_see),
    "fit near": Command(c.FitNearConfig, _fit_near),
    "fit autosep": Command(c.FitAutosepConfig, _fit_autosep),
    "fit data_free": Command(c.FitDataFreeConfig, _fit_data_free),
    "label zero_shot": Command(c.LabelZeroShotConfig, _label_zero_shot),
    "label slac": Command(c.LabelSlacConfig, _label_tlac),
    "label tlac": Command(c.LabelTlacConfig, _label_tlac),
    "label what_do_you_see": Command(c.LabelWhatDoYouSeeConfig, _label_what_do_you_see),
    "label autosep": Command(c.LabelAutosepConfig, _label_autosep),
    "label mllm_names": Command(c.LabelMllmNamesConfig, _label_mllm_names),
    "label classifier": Command(c.LabelClassifierConfig, _label_classifier),
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
