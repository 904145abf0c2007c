"""The contract of a method: from files and models to passes, and what it counts.

A labelling method is a `LabelMethod`, a learning one a `FitMethod`; `ray_jobs.pipelines.registry`
lists both by name. What all of them do alike, from the manifest to the ledger, is in
`ray_jobs.passes.label_job` and `ray_jobs.passes.fit_job`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from actors.clip.model import ClipModel
from actors.labels.table import CUT
from actors.mllm.model import MllmModel
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import Call, Pass
from ray_jobs.runs.folder import RunFolder


class Inputs(Protocol):
    """What a job works with, resolved before Ray or a model starts: files read, models found."""

    @property
    def clip(self) -> ClipModel | None:
        """The CLIP model; None without one."""
        ...

    @property
    def mllm(self) -> MllmModel | None:
        """The multimodal LLM; None without one."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Class names that models are asked about; none where they are discovered."""
        ...

    def identity(self, config: Any) -> dict[str, Any]:
        """What decides the rows (or what is learned) beside how images are read."""
        ...


I = TypeVar("I", bound=Inputs)  # noqa: E741 - the inputs of a method


@dataclass(frozen=True)
class Counter:
    """Values of columns of the labels table, counted into ``run.json`` and shown.

    Attributes:
        key: in ``run.json``.
        columns: whose values are counted, by the name that they get there; a single one named
            ``""`` is counted into ``key`` itself.
        heading: in the report.
        row: of the console's table, with ``{name}`` and ``{value}``.
        meanings: of the values, in the order of the report: title and hint. Empty where any value
            may come.
    """

    key: str
    columns: Mapping[str, str]
    heading: str
    row: str
    meanings: Mapping[str, tuple[str, str]] = field(default_factory=dict)


ANSWERS_CUT: Final = Counter(
    key="answers_cut",
    columns={"used as far as it goes": CUT},
    heading="Answers that the token limit cut",
    row="cut, {name}: {value}",
)
"""How many answers the token limit cut, of methods whose labels have the column."""


class Told(NamedTuple):
    """A share that a run's record tells of itself, in the report and in the last table of its job.

    Attributes:
        title: of what.
        share: from 0 to 1.
        hint: of how many, and beside what.
    """

    title: str
    share: float
    hint: str


def _nothing(_record: Mapping[str, Any]) -> Sequence[Told]:
    return ()


@dataclass(frozen=True)
class LabelMethod(Generic[I]):
    """A method that labels an archive.

    Attributes:
        name: of the method.
        columns: of its labels table.
        resolve: from settings to inputs; neither Ray nor a model starts.
        passes: what the job does, in order; the last one is named ``label``.
        counters: what is counted of its labels.
        responses: columns of its labels table that hold a model's own words, with a caption each.
        parts: of a method that fuses parts: title and hint of each, the fused one included. The
            column ``PART_label`` is what a part alone would say.
        finish: what else is kept when the labels are there; returns what goes into ``run.json``.
        relabels: whether the label of an image depends on others, so that all labels are written
            again, without asking anything, when images come in.
        planned_images: of a method with passes over some of the images: from the settings of a
            plan, the ``run.json`` of its pilot, the `PassForecast` of a pass over all images and
            their number, how many the pass will be over; None for all of them.
        asks: the query behind each column of ``responses``, by its name in the run's identity.
        tells: what the ``run.json`` of a finished run tells beside what is counted of its labels.
    """

    name: str
    columns: pa.Schema
    resolve: Callable[[Any], I]
    passes: Callable[[Any, I], Sequence[Pass | Call]]
    counters: tuple[Counter, ...] = ()
    responses: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    finish: Callable[[Job, I], dict[str, Any]] | None = None
    relabels: bool = False
    planned_images: Callable[[Any, dict[str, Any], Any, int], int | None] | None = None
    asks: Mapping[str, str] = field(default_factory=dict)
    tells: Callable[[Mapping[str, Any]], Sequence[Told]] = _nothing


@dataclass(frozen=True)
class FitMethod(Generic[I]):
    """A method that learns from images without labels, or from names alone.

    Attributes:
        name: of the method.
        resolve: from settings to inputs; neither Ray nor a model starts.
        fit: learns, and writes what it learned into the run folder; returns what goes into
            ``run.json`` beside it.
        result: what the verb returns, from the finished ``run.json``.
        draw: draws the images to learn from, before Ray starts; None where none are read.
        forget: deletes what was only needed to resume, once the fit is finished.
    """

    name: str
    resolve: Callable[[Any], I]
    fit: Callable[[Job, I], dict[str, Any]]
    result: Callable[[RunFolder, I], dict[str, Any]]
    draw: Callable[[RunFolder, Any], None] | None = None
    forget: Callable[[RunFolder], None] | None = None
