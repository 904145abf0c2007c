"""The gate: does the endpoint answer what a labelling job writes?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow.dataset as pads
import pyarrow.parquet as pq

from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from actors.images.limits import DEFAULT_MAX_PIXELS
from methods.errors import InputError
from ray_jobs.config import LabelClassifierConfig, ServeConfig
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.reservoir import draw
from serve.catalogue import Catalogue, LoadedClassifier
from serve.client import Client, EndpointError

_SHOWN: Final = 10


def check(config: ServeConfig, catalogue: Catalogue, url: str) -> dict[str, Any]:
    """Compare the endpoint's answers with the labels of a job, for each classifier, on a sample.

    The job and the endpoint read the same images. An image agrees if its labels are the same and no
    score of its best classes differs by ``check_drift`` or more; an image that the job has an error
    for must be refused with the same code.

    Returns:
        For each classifier ``images``, ``agree``, ``largest_drift`` and ``differences`` (the first
        ten).

    Raises:
        InputError: the archive is not there, or the endpoint runs another version.
    """
    assert config.check is not None
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary, Client(url) as client:
        manifest = str(Path(temporary) / "sample.parquet")
        chosen = partial(draw, size=config.check_images, seed=config.seed)
        write_manifest(config.check, manifest, chosen)
        rows = pq.read_table(manifest, partitioning=None).to_pylist()
        for name, loaded in catalogue.loaded.items():
            if (running := _version(client, name)) != loaded.version:
                raise InputError(f"the endpoint runs version {running} of {name}, not this one")
            labels = _by_job(config, loaded, manifest, str(Path(temporary) / f"run-{len(found)}"))
            found[name] = _compared(config, client, loaded, rows, labels)
    return found


def _version(client: Client, name: str) -> str:
    versions = {each.name: each.version for each in client.classifiers().classifiers}
    return versions.get(name, "none")


def _by_job(
    config: ServeConfig, loaded: LoadedClassifier, manifest: str, out: str
) -> dict[int, dict[str, Any]]:
    """Label the sample as `onoma label` does; rows by image id."""
    from ray_jobs.verbs.label import label

    label(
        LabelClassifierConfig(
            images=manifest,
            out=out,
            classifier=loaded.folder,
            clip=config.clip,
            precision=config.precision,
            max_pixels=min(config.max_pixels, DEFAULT_MAX_PIXELS),
            exact_decode=config.exact_decode,
            as_stored=config.as_stored,
        )
    )
    table = pads.dataset(str(Path(out) / "labels"), partitioning=None).to_table()
    return {row["image_id"]: row for row in table.to_pylist()}


def _compared(
    config: ServeConfig,
    client: Client,
    loaded: LoadedClassifier,
    rows: list[dict[str, Any]],
    labels: Mapping[int, dict[str, Any]],
) -> dict[str, Any]:
    agree, largest = 0, 0.0
    differences: list[str] = []
    for row in rows:
        wanted = labels[row["image_id"]]
        problem, drift = _difference(client, loaded.name, row, wanted, config.check_drift)
        largest = max(largest, drift)
        if problem is None:
            agree += 1
        elif len(differences) < _SHOWN:
            differences.append(f"{row['path']}: {problem}")
    return {
        "images": len(rows),
        "agree": agree,
        "largest_drift": round(largest, 6),
        "differences": differences,
    }


def _difference(
    client: Client, name: str, row: Mapping[str, Any], wanted: Mapping[str, Any], limit: float
) -> tuple[str | None, float]:
    """What differs for one image, in words (None: nothing), and by how much scores differ."""
    try:
        data = fetch_bytes(row)
    except ImageError as error:
        same = error.code == wanted["error"]
        return (None if same else f"now {error.code}, {wanted['error']} in the job"), 0.0
    try:
        answer = client.classify([data], classifier=name, top_k=min(100, _ranked(wanted))).images[0]
    except EndpointError as error:
        code = error.faults[0].code if error.faults else error.code
        same = wanted["error"] == code
        return (None if same else f"refused ({error}), {_told(wanted)} in the job"), 0.0
    if wanted["error"] is not None:
        return f"labelled, {wanted['error']} in the job", 0.0
    scores = dict(zip(wanted["top_labels"], wanted["top_scores"], strict=True))
    # a class that only one side ranks is there with a score close to the last, or drift shows it
    last = min(scores.values())
    drift = max(abs(each.score - scores.get(each.label, last)) for each in answer.top)
    given = [each.label for each in answer.labels]
    expected = _labels(wanted)
    if set(given) != set(expected) or given[:1] != expected[:1]:
        return f"{', '.join(given) or 'no label'}, {_told(wanted)} in the job", drift
    if drift >= limit:
        return f"scores differ by {drift:.6f}", drift
    return None, drift


def _ranked(wanted: Mapping[str, Any]) -> int:
    return max(1, len(wanted["top_labels"]))


def _told(wanted: Mapping[str, Any]) -> str:
    if wanted["error"] is not None:
        return str(wanted["error"])
    return ", ".join(_labels(wanted)) or "no label"


def _labels(wanted: Mapping[str, Any]) -> list[str]:
    """The labels of a row of either kind of labels table."""
    return wanted["labels"] if "labels" in wanted else [wanted["label"]]
