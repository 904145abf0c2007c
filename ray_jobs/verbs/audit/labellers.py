"""Who labelled the images of an archive: the run, its parts, other runs, and what each asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors import storage
from actors.embedding_store import open_store, unit_features
from methods.audit.accuracy import MOST_LABELLERS
from methods.audit.patterns import ABSENT
from methods.classifier import CONFIG_FILE
from methods.errors import InputError
from ray_jobs.runs.reader import RunReader

_OF_CLIP = {"zero_shot", "classifier", "near"}
_PARTS_OF_CLIP = {"image", "clip"}


@dataclass(frozen=True)
class Archive:
    """The rows of the audited run, n images.

    Attributes:
        run: the run.
        ids: int64 (n,).
        paths: of the images.
        labels: the run's labels, None with an error.
        score: float64 (n,), NaN without one.
        distance: float64 (n,), of a classifier's run; all NaN of others.
        errors: how many have an error, by code.
    """

    run: RunReader
    ids: NDArray[np.int64]
    paths: list[str]
    labels: list[str | None]
    score: NDArray[np.float64]
    distance: NDArray[np.float64]
    errors: dict[str, int]


@dataclass(frozen=True, eq=False)
class Labeller:
    """One who gives labels to the images of the archive.

    Attributes:
        name: what a person calls it.
        codes: int64 (n,), `ABSENT` without a label.
        sources: the models that know the classes for it: of a classifier that learned from a
            multimodal LLM's answers that one, and not the CLIP whose features it reads.
        confidence: the mean of its scores where they are probabilities.
        spelled: how a label is written, by code.
    """

    name: str
    codes: NDArray[np.int64]
    sources: frozenset[str]
    confidence: float | None
    spelled: list[str]


class _Codes:
    """One code for every label, whatever its case; names of classes are those of their ids."""

    def __init__(self, run: RunReader) -> None:
        self._codes: dict[str, int] = {}
        self.spelled: list[str] = []
        self._ids: dict[str, str] = {}
        if run.named is not None:
            for own, name in zip(run.named.ids, run.named.names, strict=True):
                self._ids.setdefault(name.casefold().strip(), own.casefold().strip())

    def of(self, labels: Sequence[str | None]) -> NDArray[np.int64]:
        found = np.full(len(labels), ABSENT, dtype=np.int64)
        for at, label in enumerate(labels):
            if label is not None:
                key = label.casefold().strip()
                code = self._codes.setdefault(self._ids.get(key, key), len(self._codes))
                if code == len(self.spelled):
                    self.spelled.append(label)
                found[at] = code
        return found


def read_archive(uri: str) -> tuple[Archive, dict[str, list[str | None]]]:
    """Read the rows of a run, and the labels of its parts.

    Raises:
        InputError: no run, or one that gives several labels an image.
    """
    run = RunReader(uri)
    if run.multi_label:
        raise InputError(
            f"audit {uri}: gives several labels an image, and agreement is measured of runs that "
            "give one"
        )
    columns = ["image_id", "path", "labels", "scores", "error", *run.parts.values()]
    has_distance = "distance" in run.columns
    if has_distance:
        columns.append("distance")
    ids: list[int] = []
    paths: list[str] = []
    labels: list[str | None] = []
    scores: list[float] = []
    distances: list[float] = []
    errors: dict[str, int] = {}
    parts: dict[str, list[str | None]] = {part: [] for part in run.parts}
    for batch in run.batches(columns):
        ids += batch.column("image_id").to_pylist()
        paths += batch.column("path").to_pylist()
        labels += [own[0] if own else None for own in batch.column("labels").to_pylist()]
        scores += [_number(own[0] if own else None) for own in batch.column("scores").to_pylist()]
        for code in batch.column("error").to_pylist():
            if code is not None:
                errors[code] = errors.get(code, 0) + 1
        for part, column in run.parts.items():
            parts[part] += batch.column(column).to_pylist()
        if has_distance:
            distances += [_number(value) for value in batch.column("distance").to_pylist()]
    if not ids:
        raise InputError(f"audit {uri}: its labels table has no rows")
    far = np.array(distances) if has_distance else np.full(len(ids), np.nan)
    table = np.array(ids, dtype=np.int64)
    return Archive(run, table, paths, labels, np.array(scores), far, errors), parts


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def all_labellers(
    archive: Archive, parts: dict[str, list[str | None]], others: Sequence[str]
) -> list[Labeller]:
    """The run first, then other runs in their order, then the run's parts.

    Raises:
        InputError: another run has no image of this one, or gives several labels an image.
    """
    codes = _Codes(archive.run)
    own = _sources(archive.run)
    first = Labeller("this run", codes.of(archive.labels), own, _confidence(archive), codes.spelled)
    found = [first]
    for uri in others:
        found.append(_other(archive, uri, codes))
    for part, labels in parts.items():
        asks = {s for s in own if s.startswith("clip" if part in _PARTS_OF_CLIP else "mllm")}
        found.append(
            Labeller(f"part {part}", codes.of(labels), frozenset(asks) or own, None, codes.spelled)
        )
    return found


def chosen(labellers: Sequence[Labeller]) -> list[Labeller]:
    """The run, and those that share no model with it or with one another, four in all.

    Two of one model agree where it is sure of itself, right or wrong, so the second says little,
    and much that is wrong of the others. Where all share a model with the run, one of
    them is counted, best one whose scores are probabilities.
    """
    first, *others = labellers
    picked = [first]
    for each in others:
        apart = not any(each.sources & one.sources for one in picked)
        if apart and len(picked) < MOST_LABELLERS:
            picked.append(each)
    if len(picked) == 1 and others:
        picked.append(min(others, key=lambda each: (each.confidence is None, len(each.sources))))
    return picked


def _other(archive: Archive, uri: str, codes: _Codes) -> Labeller:
    run = RunReader(uri)
    if run.multi_label:
        raise InputError(f"--with {uri}: gives several labels an image; give runs that give one")
    labels: list[str | None] = [None] * len(archive.ids)
    order = np.argsort(archive.ids, kind="stable")
    scores: list[float] = []
    met = 0
    for batch in run.batches(["image_id", "labels", "scores"]):
        ids = batch.column("image_id").to_numpy()
        at = np.searchsorted(archive.ids[order], ids)
        at[at == len(order)] = 0
        given = batch.column("labels").to_pylist()
        scores += [_number(own[0]) for own in batch.column("scores").to_pylist() if own]
        for row, place in enumerate(order[at].tolist()):
            if archive.ids[place] == ids[row]:
                met += 1
                labels[place] = given[row][0] if given[row] else None
    if not met:
        raise InputError(
            f"--with {uri}: has no image of {archive.run.uri}; give runs over the same images"
        )
    confidence = _mean(np.array(scores)) if _probabilities(run) else None
    return Labeller(uri, codes.of(labels), _sources(run), confidence, codes.spelled)


def _sources(run: RunReader) -> frozenset[str]:
    """The models that decide a run's labels; its own folder where it does not say which."""
    made = _made(run)
    teacher = _teacher(made)
    if teacher is not None and "start" not in made:
        return frozenset({f"mllm {teacher}"})
    models = run.record.get("models") or {}
    kinds: tuple[str, ...] = ("clip",) if _method(run) in _OF_CLIP else ("mllm",)
    if run.parts:
        kinds = ("clip", "mllm")
    named = {
        f"{kind} {models[kind]['fingerprint']}"
        for kind in kinds
        if isinstance(models.get(kind), dict) and "fingerprint" in models[kind]
    }
    if teacher is not None:  # a cascade's head started at what CLIP knows
        named.add(f"mllm {teacher}")
    return frozenset(named or {f"run {run.uri}"})


def _teacher(made: Mapping[str, Any]) -> str | None:
    """Fingerprint of the multimodal LLM whose answers a classifier made so has learned."""
    found = (made.get("mllm") or {}).get("fingerprint")
    return None if found is None else str(found)


def _made(run: RunReader) -> dict[str, Any]:
    """How the run's classifier was made; nothing where it has none."""
    config = storage.join(run.uri, "classifier", CONFIG_FILE)
    if not storage.exists(config):
        return {}
    return dict(json.loads(storage.read_bytes(config)).get("made") or {})


def _method(run: RunReader) -> str:
    return str(run.record.get("labelled_by") or run.record.get("method"))


def _probabilities(run: RunReader) -> bool:
    """Whether scores are CLIP's own; a classifier that was trained is surer than it should be."""
    return _method(run) in _OF_CLIP and _teacher(_made(run)) is None


def _confidence(archive: Archive) -> float | None:
    return _mean(archive.score) if _probabilities(archive.run) else None


def _mean(scores: NDArray[np.float64]) -> float | None:
    known = scores[np.isfinite(scores)]
    return float(known.mean()) if len(known) else None


def read_features(folder: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of images by id, unit float32 (n, D); zeros where the store has none.

    Raises:
        InputError: the folder is no finished store, or holds no image of the run.
    """
    store = open_store(folder)
    found = np.zeros((len(ids), store.width), np.float32)
    order = np.argsort(ids, kind="stable")
    met = 0
    for batch in store.batches(["image_id", "feature"]):
        own = batch.column("image_id").to_numpy()
        at = np.searchsorted(ids[order], own)
        at[at == len(order)] = 0
        place = order[at]
        here = ids[place] == own
        met += int(here.sum())
        found[place[here]] = unit_features(batch.column("feature"))[here]
    if not met:
        raise InputError(f"--embeddings {folder}: has no image of the run; embed the same archive")
    return found
