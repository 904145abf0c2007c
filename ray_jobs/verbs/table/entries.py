"""Which row and which column of a table a run belongs to.

A row is a method with the settings that tell it from others. A model is always one of them; any
other setting is where two runs of that method on one archive differ in it: what differs between
archives alone (their classes, their prompts) belongs to the archive. Runs that differ in nothing
but the seed are one row, and one cell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import xxhash

from actors import storage
from methods.errors import InputError
from ray_jobs.datasets.writing import RECORD as DATASET
from ray_jobs.verbs.evaluate.kept import KeptEvaluation
from ray_jobs.verbs.table.fits import fit_settings, read_record

BASE, NOVEL = "base", "novel"
_PARTS: Final = {BASE: BASE, NOVEL: NOVEL, "new": NOVEL}
_MODELS: Final = ("clip", "mllm")
_OF_THE_ARCHIVE: Final = frozenset(
    "images out classes classifier prompt names synonyms response_cache seed s3 method".split()
)
_OF_THE_MACHINE: Final = re.compile(
    r".*_(replicas|replicas_max|resource|gpus|batch|tasks|cpus|size|retries|rate|concurrency|timeout"
    r"|deadline|num_seqs|utilization)|rows_per_block|train_workers"
)
_GENERIC: Final = frozenset({"images", "image", "manifest", "test", "val", ""})
_LISTS: Final = (".txt", ".parquet", ".tar")


@dataclass(frozen=True)
class Place:
    """Where in a table a figure stands.

    Attributes:
        row: title of the row.
        archive: name of the data set.
        part: ``base`` or ``novel`` classes of it; empty for all.
    """

    row: str
    archive: str
    part: str = ""


@dataclass(frozen=True)
class Entry:
    """A run at its place.

    Attributes:
        place: of its figures.
        evaluation: the run.
    """

    place: Place
    evaluation: KeptEvaluation

    @property
    def seed(self) -> int:
        """Of the fit, where there is one, else of the run."""
        settings = {**_config(self.evaluation), **fit_settings(self.evaluation.run)}
        seed = settings.get("seed", 0)
        return seed if isinstance(seed, int) else 0


def split_name(run: str) -> tuple[str, str]:
    """Split ``NAME=RUN``; the name is empty where there is none, or where a folder is called so."""
    name, mark, folder = run.partition("=")
    if not mark or not name or "://" in name or storage.exists(run):
        return "", run
    return name, folder


def arrange(runs: Sequence[tuple[str, KeptEvaluation]]) -> list[Entry]:
    """Find the place of each run.

    Args:
        runs: each with the name that the user gave its archive, or an empty one.
    """
    archives = _archives(runs)
    rows = _rows([evaluation for _, evaluation in runs])
    return [
        Entry(Place(row, *archive), evaluation)
        for row, archive, (_, evaluation) in zip(rows, archives, runs, strict=True)
    ]


def archive_key(evaluation: KeptEvaluation) -> str:
    """What is equal for two runs of one archive with one truth, and for no others."""
    digest = xxhash.xxh3_128(evaluation.images.column("image_id").to_numpy().tobytes())
    labels = "labels" if "labels" in evaluation.images.column_names else "label"
    digest.update(repr(evaluation.images.column(labels).to_pylist()).encode())
    return digest.hexdigest()


def check_archives(entries: Sequence[Entry]) -> None:
    """Refuse runs of other images under one name of an archive.

    Raises:
        InputError: with two of them.
    """
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        place = entry.place
        other = first.setdefault((place.archive, place.part), entry)
        if archive_key(other.evaluation) != archive_key(entry.evaluation):
            raise InputError(
                f"{other.evaluation.run.uri} and {entry.evaluation.run.uri} would both stand under "
                f"{place.archive!r}, but were evaluated on other images or another truth; give "
                "their archives names, NAME=RUN"
            )


def _config(evaluation: KeptEvaluation) -> dict[str, Any]:
    config = evaluation.run.record.get("config")
    return config if isinstance(config, dict) else {}


def _archives(runs: Sequence[tuple[str, KeptEvaluation]]) -> list[tuple[str, str]]:
    """Name and part of the archive of each run: as it was given, or from where its images are."""
    sources = [
        (name or _source(evaluation)).replace("\\", "/").rstrip("/").split("/")
        for name, evaluation in runs
    ]
    trimmed = [
        source if name else list(_trimmed(source))
        for source, (name, _) in zip(sources, runs, strict=True)
    ]
    parts = [_PARTS.get(source[-1], "") if len(source) > 1 else "" for source in trimmed]
    named = [source[:-1] if part else source for source, part in zip(trimmed, parts, strict=True)]
    given = {tuple(source) for source, (name, _) in zip(named, runs, strict=True) if name}
    return [
        ("/".join(source) if tuple(source) in given else _shortest(source, named), part)
        for source, part in zip(named, parts, strict=True)
    ]


def _source(evaluation: KeptEvaluation) -> str:
    """Where the images are, or the name of the data set that their list is of."""
    images = str(_config(evaluation).get("images") or evaluation.run.uri)
    record = read_record(storage.join(storage.absolute(images.rpartition("/")[0] or "."), DATASET))
    if not record.get("dataset"):
        return images
    half = record.get("half")
    return "/".join([str(record["dataset"]), *([half] if half in _PARTS else [])])


def _trimmed(source: list[str]) -> Iterator[str]:
    """The parts of a path without those that say nothing of what the archive is."""
    last = source[-1]
    for ending in _LISTS:
        last = last.removesuffix(ending)
    kept = [*source[:-1], last]
    while len(kept) > 1 and kept[-1] in _GENERIC:
        kept.pop()
    return iter(kept)


def _shortest(source: list[str], others: list[list[str]]) -> str:
    """As many last parts of a path as tell it from the others."""
    for length in range(1, len(source) + 1):
        tail = source[-length:]
        if all(other == source or other[-length:] != tail for other in others):
            return "/".join(tail)
    return "/".join(source)


def _rows(evaluations: Sequence[KeptEvaluation]) -> list[str]:
    """The row of each run: its method, and the settings that tell it from other rows."""
    settings = [_settings(each) for each in evaluations]
    methods = [str(each.run.record.get("method", "unknown")) for each in evaluations]
    told: dict[str, set[str]] = defaultdict(set)
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for method, own, each in zip(methods, settings, evaluations, strict=True):
        first = seen.setdefault((method, archive_key(each)), own)
        told[method] |= {n for n in {*first, *own} if first.get(n) != own.get(n)}
    for model in _MODELS:
        if len({own[model] for own in settings if model in own}) > 1:
            for method, own in zip(methods, settings, strict=True):
                told[method] |= {model} & own.keys()
    return [
        ", ".join([method, *(_said(n, own[n]) for n in sorted(told[method]) if n in own)])
        for method, own in zip(methods, settings, strict=True)
    ]


def _settings(evaluation: KeptEvaluation) -> dict[str, str]:
    """The settings of a run and its fit that may tell rows apart, as text; of a file, its name."""
    found = {}
    own = _config(evaluation)
    fitted = fit_settings(evaluation.run)
    # a classifier labels with the model of its fit unless another place of it is named
    unsaid = {name: fitted[name] for name in fitted if own.get(name) is None}
    for name, value in {**own, **unsaid}.items():
        if name in _OF_THE_ARCHIVE or (name not in _MODELS and _OF_THE_MACHINE.fullmatch(name)):
            continue
        text = str(value)
        found[name] = text.rsplit("/", 1)[-1] if name not in _MODELS else text
    return found


def _said(name: str, value: str) -> str:
    words = name.replace("_", " ")
    return {"True": words, "False": f"no {words}", "None": f"{words} default"}.get(
        value, f"{words} {value}"
    )
