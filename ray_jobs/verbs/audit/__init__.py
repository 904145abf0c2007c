"""The `audit` verb: how good a run's labels seem to be, and which to look at; no label is read.

`labellers` says who labelled and what each asks, `pictures` looks at pixels, `words` says it all,
`page` shows it.
The statistics are in `methods.audit`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors import storage
from methods.audit.accuracy import LEVEL, CredibleInterval, Estimated, estimate
from methods.audit.dependence import Suspicion, suspicions
from methods.audit.outstanding import balance, far_images, twins_by_features, twins_by_hash
from methods.audit.patterns import ABSENT, agreement
from methods.errors import InputError
from ray_jobs.config import AuditConfig
from ray_jobs.verbs.audit.labellers import (
    Archive,
    Labeller,
    all_labellers,
    chosen,
    read_archive,
    read_features,
)
from ray_jobs.verbs.audit.page import draw_page
from ray_jobs.verbs.audit.pictures import Looked, look_at_pictures
from ray_jobs.verbs.audit.words import assumptions

AUDIT_FILE, AUDIT_PAGE = "audit.json", "audit.html"


def run(config: AuditConfig) -> dict[str, Any]:
    """Audit a run and keep the result in its folder.

    Returns:
        ``run, images, labelled, errors, accuracy`` (``estimate, low, high, level``, fractions;
        None where nobody else labelled), ``labellers, assumptions, per_class, likely_errors,
        balance, near_duplicates, far, writing, looked, note, out, page``.

    Raises:
        InputError: no run, runs over other images, several labels an image, no embeddings.
    """
    archive, parts = read_archive(config.run)
    labellers = all_labellers(archive, parts, config.with_)
    counted = chosen(labellers)
    found, note = _estimated(archive, counted, config.seed)
    classes = archive.run.classes or sorted({name for name in archive.labels if name})
    named = archive.run.named
    shown = list(named.names) if named is not None else classes
    features = read_features(config.embeddings, archive.ids) if config.embeddings else None
    looked = look_at_pictures(archive, config.look, classes, shown, config.seed)
    result = {
        "run": archive.run.uri,
        "images": len(archive.ids),
        "labelled": sum(label is not None for label in archive.labels),
        "errors": archive.errors,
        "accuracy": found and {**_told(found.accuracy), "level": LEVEL},
        "labellers": _described(labellers, counted),
        "assumptions": assumptions(labellers, counted, _doubts(labellers)) if found else [],
        "per_class": _per_class(labellers[0], found),
        "likely_errors": _likely_errors(archive, labellers, found, config.top),
        "balance": balance([name for name in archive.labels if name], classes),
        "near_duplicates": _twins(archive, features, looked)[: config.top],
        "far": [_row(archive, at) for at in far_images(_distance(archive))[: config.top].tolist()],
        "writing": looked.writing,
        "looked": looked.note,
        "note": note,
    }
    out = storage.join(storage.absolute(config.run), AUDIT_FILE)
    result["out"] = out
    result["page"] = page_file = storage.join(storage.absolute(config.run), AUDIT_PAGE)
    page = draw_page(archive, result, pictures=config.look > 0)
    try:
        storage.write_bytes(out, json.dumps(result, indent=1, ensure_ascii=False).encode())
        storage.write_bytes(page_file, page.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"audit {config.run}: {AUDIT_FILE} cannot be written ({error})") from error
    return result


def _estimated(
    archive: Archive, labellers: Sequence[Labeller], seed: int
) -> tuple[Estimated | None, str | None]:
    if len(labellers) == 1:
        return (
            None,
            "nobody but this run has labelled these images, and one labeller agrees with itself; "
            "give --with a run of another model over the same images",
        )
    labels = np.stack([each.codes for each in labellers], axis=1)
    used = labels[labels != ABSENT]
    n_classes = max(len(archive.run.classes), len(np.unique(used)), 2)
    found = estimate(
        labels,
        archive.score,
        [each.pair for each in _doubts(labellers)],
        n_classes,
        seed,
        [each.confidence for each in labellers],
    )
    few = "fewer than 50 images: the interval is wide" if len(labels) < 50 else None
    return found, few


def _doubts(labellers: Sequence[Labeller]) -> list[Suspicion]:
    labels = np.stack([each.codes for each in labellers], axis=1)
    return suspicions(labels, [each.sources for each in labellers])


def _told(interval: CredibleInterval) -> dict[str, float]:
    return {name: round(value, 5) for name, value in interval._asdict().items()}


def _described(labellers: Sequence[Labeller], counted: Sequence[Labeller]) -> list[dict[str, Any]]:
    shares = agreement(np.stack([each.codes for each in labellers], axis=1))
    return [
        {
            "name": each.name,
            "asks": sorted(each.sources),
            "labelled": int((each.codes != ABSENT).sum()),
            "counted": each in counted,
            "agrees": None if np.isnan(shares[0, at]) else round(float(shares[0, at]), 5),
        }
        for at, each in enumerate(labellers)
    ]


def _per_class(first: Labeller, found: Estimated | None) -> list[dict[str, Any]]:
    """The classes, those likeliest to be wrong first."""
    if found is None:
        return []
    rows = [
        {
            "label": first.spelled[code],
            "images": int((first.codes == code).sum()),
            **_told(interval),
        }
        for code, interval in found.per_class.items()
    ]
    return sorted(rows, key=lambda row: (row["estimate"], row["label"]))


def _row(archive: Archive, at: int) -> dict[str, Any]:
    score = float(archive.score[at])
    return {
        "image_id": int(archive.ids[at]),
        "path": archive.paths[at],
        "label": archive.labels[at],
        "score": round(score, 5) if np.isfinite(score) else None,
    }


def _likely_errors(
    archive: Archive, labellers: Sequence[Labeller], found: Estimated | None, top: int
) -> list[dict[str, Any]]:
    """Labelled images by how likely their label is wrong; ties by score, the least first."""
    labelled = labellers[0].codes != ABSENT
    right = np.round(found.right, 9) if found else np.zeros(len(archive.ids))
    order = np.lexsort((archive.ids, np.nan_to_num(archive.score, nan=0.0), right))
    best = [at for at in order.tolist() if labelled[at]][:top]
    rows = []
    for at in best:
        votes = Counter(int(each.codes[at]) for each in labellers[1:] if each.codes[at] != ABSENT)
        votes.pop(int(labellers[0].codes[at]), None)
        suggested = labellers[0].spelled[votes.most_common(1)[0][0]] if votes else None
        sure = round(float(found.right[at]), 5) if found else None
        rows.append({**_row(archive, at), "right": sure, "suggested": suggested})
    return rows


def _distance(archive: Archive) -> NDArray[np.float64]:
    """How far images are from all classes: the classifier's distance, or else 1 less the score."""
    if np.isfinite(archive.distance).any():
        return archive.distance
    return 1.0 - archive.score


def _twins(
    archive: Archive, features: NDArray[np.float32] | None, looked: Looked
) -> list[dict[str, Any]]:
    """Pairs of near-duplicates that have different labels."""
    pairs: list[tuple[int, int, float]]
    if features is not None:
        pairs = twins_by_features(features)
    else:
        alike = twins_by_hash(looked.hashes)
        places = looked.positions
        pairs = [(places[i], places[j], 1 - bits / 256) for i, j, bits in alike]
    rows = []
    for i, j, alike_by in pairs:
        one, other = archive.labels[i], archive.labels[j]
        if one is not None and other is not None and one != other:
            rows.append(
                {
                    "image_ids": [int(archive.ids[i]), int(archive.ids[j])],
                    "paths": [archive.paths[i], archive.paths[j]],
                    "labels": [one, other],
                    "alike": round(alike_by, 5),
                }
            )
    return sorted(rows, key=lambda row: (-row["alike"], row["paths"]))
