"""The verbs of the command line, one row each: settings, what runs, and a line of help.

Settings and functions are named by strings, ``module:name``, and imported when they are needed:
``onoma --help`` and wrong use answer at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray_jobs.pipelines.registry import METHODS, load

if TYPE_CHECKING:
    from ray_jobs.config import VerbConfig


@dataclass(frozen=True)
class Command:
    """One verb, of one method where a verb has methods.

    Attributes:
        name: as the command line has it, ``label slac``.
        settings: ``module:Class`` of its config class.
        function: ``module:function`` of what runs: from the settings to the result, a dict.
        summary: what it does, for ``--help``.
        positional: the setting that needs no flag; its values come first, one or, where it is a
            list, several.
    """

    name: str
    settings: str
    function: str
    summary: str
    positional: str | None = None

    @property
    def config(self) -> type[VerbConfig]:
        """The config class."""
        found: type[VerbConfig] = load(self.settings)
        return found

    def run(self, config: Any) -> dict[str, Any]:
        """Run the verb; returns what ``--json`` prints."""
        result: dict[str, Any] = load(self.function)(config)
        return result


@dataclass(frozen=True)
class PlanCommand(Command):
    """The verb ``plan`` of a method: settings and function are those of ``label``."""

    @property
    def config(self) -> type[VerbConfig]:
        """The config class: that of the job, and the settings of a plan."""
        from ray_jobs.config.plan import plan_of

        return plan_of(load(self.settings))

    def run(self, config: Any) -> dict[str, Any]:
        """Run a pilot of the job and forecast it."""
        from ray_jobs.verbs.plan.pilot import plan_labelling

        return plan_labelling(config, load(self.function))


_FIT, _LABEL = "ray_jobs.verbs.fit:fit", "ray_jobs.verbs.label:label"
_CONFIG, _VERBS = "ray_jobs.config", "ray_jobs.verbs"

_ROWS = [
    Command(
        "demo", f"{_CONFIG}:DemoConfig", f"{_VERBS}.demo:run",
        "the whole story on the field guide, with a report",
    ),
    Command(
        "doctor", f"{_CONFIG}:DoctorConfig", f"{_VERBS}.doctor:examine",
        "what is ready here, what is missing, what to do",
    ),
    Command(
        "manifest", f"{_CONFIG}:ManifestConfig", f"{_VERBS}.manifest:manifest",
        "list an archive's images with stable ids",
    ),
    Command(
        "dataset", f"{_CONFIG}:DatasetConfig", f"{_VERBS}.dataset:run",
        "a data set of the papers on disk as images, classes and truth: dataset NAME --root DIR",
        positional="name",
    ),
    Command(
        "embed", f"{_CONFIG}:EmbedConfig", f"{_VERBS}.embed:embed",
        "encode an archive by CLIP once, for every later job and search",
    ),
    Command(
        "search", f"{_CONFIG}:SearchConfig", f"{_VERBS}.search:search",
        "the images nearest to a text or an image: search DIR \"a red bird\"", positional="words",
    ),
    *(Command(f"fit {m.name}", m.fit_settings, _FIT, m.does) for m in METHODS if m.fit),
    *(Command(f"label {m.name}", m.label_settings, _LABEL, m.does) for m in METHODS if m.label),
    *(PlanCommand(f"plan {m.name}", m.label_settings, _LABEL, m.does) for m in METHODS if m.label),
    Command(
        "status", f"{_CONFIG}.status:StatusConfig", f"{_VERBS}.status:status",
        "how far a run is, here or in a bucket: status RUN", positional="run",
    ),
    Command(
        "submit", f"{_CONFIG}:SubmitConfig", f"{_VERBS}.submit:submit",
        "run a verb on a cluster: submit --address URL -- VERB ...",
    ),
    Command(
        "evaluate", f"{_CONFIG}:EvaluateConfig", f"{_VERBS}.evaluate:run",
        "compare a run with the truth",
    ),
    Command(
        "audit", f"{_CONFIG}:AuditConfig", f"{_VERBS}.audit:run",
        "how right a run's labels seem to be, no label of a person read: audit RUN --with RUN ...",
        positional="run",
    ),
    Command(
        "calibrate", f"{_CONFIG}:CalibrateConfig", f"{_VERBS}.calibrate:run",
        "thresholds for a wanted precision from reviewed images: calibrate RUN --reviewed FILE",
        positional="run",
    ),
    Command(
        "table", f"{_CONFIG}:TableConfig", f"{_VERBS}.table:run",
        "one table from many evaluated runs: table RUN ...", positional="runs",
    ),
    Command(
        "reproduce", f"{_CONFIG}:ReproduceConfig", f"{_VERBS}.reproduce:run",
        "a paper's headline table: reproduce PAPER --root DATA ...", positional="paper",
    ),
    Command(
        "report", f"{_CONFIG}:ReportConfig", f"{_VERBS}.report:run",
        "a page of a run, or one that compares several: report RUN ...", positional="run",
    ),
    Command(
        "repair", f"{_CONFIG}:RepairConfig", f"{_VERBS}.repair:repair",
        "make a run folder whole that two jobs wrote to: repair RUN", positional="run",
    ),
    Command(
        "review", f"{_CONFIG}:ReviewConfig", f"{_VERBS}.review:run",
        "a page to confirm or correct a sample, and what it says of all: review RUN",
        positional="run",
    ),
    Command(
        "export", f"{_CONFIG}:ExportConfig", f"{_VERBS}.export:run",
        "a run's labels for another tool: export RUN --to FORMAT --out PATH", positional="run",
    ),
    Command(
        "serve", f"{_CONFIG}:ServeConfig", f"{_VERBS}.serve:serve_classifiers",
        "an HTTP endpoint for classifiers: serve CLASSIFIER ...", positional="classifiers",
    ),
    Command(
        "completion", f"{_CONFIG}.completion:CompletionConfig", f"{_VERBS}.completion:complete",
        "a script that completes commands in a shell: completion bash|zsh|fish",
        positional="shell",
    ),
    Command(
        "fieldguide draw", f"{_CONFIG}:DrawConfig", f"{_VERBS}.draw:draw",
        "draw a test archive with its truth",
    ),
]  # fmt: skip

COMMANDS: dict[str, Command] = {row.name: row for row in _ROWS}
"""Every command by its name."""

OF_METHODS = {
    "fit": "make a classifier: fit METHOD --out DIR ...",
    "label": "label an archive: label METHOD|--classifier DIR --images SRC --out RUN ...",
    "plan": "a pilot and a forecast of a labelling job: plan METHOD, settings as for label",
}
"""The verbs that have methods, with a line of help each."""


def methods_of(verb: str) -> dict[str, Command]:
    """Return the commands of a verb of several words by the word that follows: methods, mostly."""
    split = (name.partition(" ") for name in COMMANDS)
    return {word: COMMANDS[f"{verb} {word}"] for first, _, word in split if word and first == verb}
