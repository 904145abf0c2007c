"""The commands behind a paper's table: data sets, fits, labels and evaluations, in order."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from methods.errors import InputError
from ray_jobs.commands import COMMANDS
from ray_jobs.config import DatasetConfig, ReproduceConfig, VerbConfig
from ray_jobs.config.base import configured
from ray_jobs.config.names import did_you_mean, flag_of
from ray_jobs.datasets.base import Table
from ray_jobs.datasets.registry import find_dataset
from ray_jobs.verbs.dataset import read_dataset
from ray_jobs.verbs.reproduce.rows import Paper, PaperRow
from ray_jobs.verbs.table.entries import Place

Kind = Literal["dataset", "fit", "label", "evaluate"]
_NO_PROMPT: Final = "synonyms"
"""A setting whose file is written only for data sets that have other words for their classes."""


@dataclass(frozen=True)
class PaperStep:
    """One command.

    Attributes:
        verb: as the command line has it, ``label tlac``.
        settings: of it; values are plain.
        place: of the run in the table; None of data sets.
        images: that it reads, to label or to learn from.
        classes: of the data set.
    """

    verb: str
    settings: Mapping[str, Any]
    place: Place | None = None
    images: int = 0
    classes: int = 0

    @property
    def kind(self) -> Kind:
        """The verb without its method."""
        kind: Any = self.verb.partition(" ")[0]
        return kind

    def command(self) -> str:
        """As one would type it."""
        words = ["onoma", *self.verb.split()]
        if self.verb == "label classifier":
            words = ["onoma", "label"]  # --classifier says which method
        for name, value in self.settings.items():
            words += _typed(name, value)
        return " ".join(map(shlex.quote, words))

    def config(self) -> VerbConfig:
        """Its settings, checked.

        Raises:
            InputError: one cannot work.
        """
        return configured(COMMANDS[self.verb].config, self.settings)

    def run(self) -> dict[str, Any]:
        """Run it."""
        return COMMANDS[self.verb].run(self.config())


@dataclass(frozen=True)
class Found:
    """A data set that was found: how many images there are to label, and to learn from."""

    test: int
    train: int
    classes: int
    synonyms: bool
    notes: tuple[str, ...] = field(default_factory=tuple)


def find_datasets(paper: Paper, config: ReproduceConfig) -> dict[str, Found]:
    """Read the lists of a paper's data sets below ``--root``.

    Raises:
        InputError: one is not among the paper's, or those that are not there, with the reason.
    """
    wanted = [find_dataset(name).name for name in config.datasets] or list(paper.datasets)
    for name in wanted:
        if name not in paper.datasets:
            raise InputError(
                f"--datasets {name}: the table of {paper.name} is of {', '.join(paper.datasets)}"
                f"{did_you_mean(name, paper.datasets)}"
            )
    found, absent = {}, {}
    for name in wanted:
        try:
            found[name] = _found(paper, name, config)
        except InputError as error:
            absent[name] = str(error)
    if absent:
        first = next(iter(absent))
        left = ", ".join(found) or "none"
        raise InputError(
            f"{len(absent)} of the {len(wanted)} data sets of {paper.name} cannot be read below "
            f"--root {config.root}: {', '.join(absent)} ({first}: {absent[first]}); those that can "
            f"({left}) are chosen with --datasets"
        )
    return found


def steps_of(paper: Paper, config: ReproduceConfig, found: Mapping[str, Found]) -> list[PaperStep]:
    """All commands of a paper's table, in order."""
    out = config.out or f"onoma-{paper.name}"
    steps: list[PaperStep] = []
    for name, counts in found.items():
        folders = {"data": _data(out, paper, name), "train": f"{out}/data/{name}-train"}
        steps.append(_dataset(paper, config, name, folders["data"], counts, learn=False))
        if paper.train is not None:
            steps.append(_dataset(paper, config, name, folders["train"], counts, learn=True))
        for row in paper.rows:
            for seed in range(config.seed, config.seed + config.seeds):
                steps += _runs(paper, row, config, name, counts, folders, seed, out)
    return steps


def _runs(
    paper: Paper,
    row: PaperRow,
    config: ReproduceConfig,
    name: str,
    counts: Found,
    folders: Mapping[str, str],
    seed: int,
    out: str,
) -> Iterator[PaperStep]:
    """The fit, the labels and the evaluation of one cell with one seed."""
    others = {need for each in paper.rows for need in each.needs} - {*row.needs}
    more = {name: value for name, value in config.more.items() if name not in others}
    config = config.model_copy(update={"more": more})
    place = Place(row.title, name, "" if paper.half == "all" else paper.half)
    home = f"{out}/runs/{folders['data'].rsplit('/', 1)[-1]}"
    run = f"{home}/{_file_name(row.title)}-seed{seed}"
    known = {
        **folders,
        "fit": f"{run}-fit",
        "images of train": str(counts.train),
        "classes of data": str(counts.classes),
    }
    of = paper.of.get(name, {})
    if row.fit:
        asked = {**of, **row.fit_settings}
        if not counts.synonyms:
            asked.pop(_NO_PROMPT, None)
        settings = _settings(row.fit, asked, config, known, seed, f"{run}-fit")
        yield PaperStep(row.fit, settings, place, counts.train, counts.classes)
    label = {"images": "{data}/images.txt", **of, **row.settings}
    settings = _settings(row.label, label, config, known, seed, run)
    yield PaperStep(row.label, settings, place, counts.test, counts.classes)
    truth = {"labels": run, "truth": f"{folders['data']}/truth.csv"}
    if "sacc" in paper.metrics:
        truth["classes"] = f"{folders['data']}/classes.txt"
        if config.sentences:
            truth["sentences"] = config.sentences
    yield PaperStep("evaluate", truth, place, counts.test, counts.classes)


def _settings(
    verb: str,
    wanted: Mapping[str, Any],
    config: ReproduceConfig,
    known: Mapping[str, str],
    seed: int,
    out: str,
) -> dict[str, Any]:
    """The settings of a fit or a label: the row's, those that all have, and the user's."""
    fields = COMMANDS[verb].config.model_fields
    common = {
        "as_published": True,
        "precision": "fp32",
        "exact_decode": True,
        "mllm": config.mllm,
        "clip": config.clip,
        "seed": seed,
        "s3": config.s3 or None,
    }
    named = {"classes": "{data}/classes.txt", **wanted}
    mine = {**common, **named, **config.more, "out": out}
    chosen = {n: v for n, v in mine.items() if n in fields and v is not None}
    if verb == "label classifier":
        chosen.pop("clip", None)  # the classifier knows its model
        chosen.pop("classes", None)
    return {name: _filled(value, known) for name, value in chosen.items()}


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace(f"{{{name}}}", text)
    return value


def _found(paper: Paper, name: str, config: ReproduceConfig) -> Found:
    table = _read(paper, name, config, learn=False)
    train = _read(paper, name, config, learn=True) if paper.train is not None else None
    return Found(
        len(table.images),
        len(train.images) if train is not None else 0,
        len(table.classes),
        find_dataset(name).multi_label and any(each.others for each in table.classes),
        table.notes,
    )


def _read(paper: Paper, name: str, config: ReproduceConfig, *, learn: bool) -> Table:
    settings = _dataset_settings(paper, name, config, "unused", learn=learn)
    return read_dataset(find_dataset(name), DatasetConfig(**settings))[0]


def _dataset(
    paper: Paper, config: ReproduceConfig, name: str, out: str, counts: Found, *, learn: bool
) -> PaperStep:
    settings = _dataset_settings(paper, name, config, out, learn=learn)
    return PaperStep(
        "dataset", settings, None, counts.train if learn else counts.test, counts.classes
    )


def _dataset_settings(
    paper: Paper, name: str, config: ReproduceConfig, out: str, *, learn: bool
) -> dict[str, Any]:
    fields = DatasetConfig.model_fields
    own = {n: v for n, v in paper.of.get(name, {}).items() if n in fields}
    part = {
        "split": "test",
        "classes": paper.half,
        **((paper.train or {}) if learn else paper.test),
    }
    own = {n: v for n, v in own.items() if n in ("names", "protocol")}
    return {"name": name, "root": config.root, "out": out, **own, **part, "seed": config.seed}


def _data(out: str, paper: Paper, name: str) -> str:
    return f"{out}/data/{name}" + ("" if paper.half == "all" else f"-{paper.half}")


def _file_name(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower())


def _typed(name: str, value: Any) -> list[str]:
    """A setting as words of a command line."""
    if name == "name":
        return [str(value)]
    if value is True:
        return [flag_of(name)]
    if value is False:
        return [flag_of(f"no_{name}")]
    if isinstance(value, list | tuple):
        return [word for each in value for word in (flag_of(name), str(each))]
    if isinstance(value, dict):
        return [word for n, v in value.items() for word in (flag_of(name), f"{n}={v}")]
    return [flag_of(name), str(value)]
