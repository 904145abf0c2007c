"""A run that goes on: its archive has grown, or rows with an error are to be asked about again.

Both change what a finished run has on disk so that an ordinary resume does the rest: the manifest
gets the new images, and rows to be made again leave the tables and the checkpoints that know them.
``run.json`` says what is under way before a table is touched, so that a job that dies in between
finishes the removal when it starts again: never two rows of one image, never none.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.storage.tables import write_table
from methods.errors import ANSWER_CODES
from methods.image_ids import IdFingerprint
from ray_jobs.runs.folder import FIRST_MANIFEST, RUNNING, RunFolder
from ray_jobs.runs.ledger import batches_of, image_ids_of
from ray_jobs.runs.manifest_update import extend_manifest, forget_updates
from ray_jobs.runs.sources.table_columns import TableColumns
from ray_jobs.runs.stage_tables import stage_table
from ray_jobs.runs.usage import EARLIER, Usage, add_answers

logger = logging.getLogger(f"onoma.{__name__}")

ALL: Final = "all"
"""In place of codes: every error."""

GROWN: Final = "grown"
"""How often a run has gone on, in ``run.json``: what is decided for all images is decided again."""

_RETRY_FILE: Final = "retry.parquet"
_RETRYING, _RELABEL, _UPDATES = "retrying", "relabel", "updates"
_WORKERS: Final = 8


@dataclass(frozen=True)
class RunTables:
    """What the passes of a run write.

    Attributes:
        by_image: names of stage tables with a row for each image.
        whole: of those that are made anew when images come in, such as of distinct descriptions.
        asked: the queries of those that ask.
        label: name of the pass that writes the labels table.
        relabels: whether a label depends on other images than its own, so that all are made anew.
    """

    by_image: tuple[str, ...]
    whole: tuple[str, ...]
    asked: Mapping[str, Sequence[str]]
    label: str
    relabels: bool = False


def update(
    run: RunFolder, images: str, tables: RunTables, columns: TableColumns | None = None
) -> int:
    """List the archive again, and take in what is new.

    Returns:
        How many images came in.

    Raises:
        InputError: the archive is not there, is empty, or two of its images have one id.
    """
    number = int(run.record.get(_UPDATES, 0)) + 1
    found = extend_manifest(images, run.manifest, number, columns)
    if found.gone:
        logger.warning(
            "%d of the run's images are no longer in %s, such as %s; their rows stay",
            found.gone,
            images,
            found.example,
        )
    if found.skipped:
        logger.warning("%s: %s", images, found.skipped)
    gone = {"gone": {"images": found.gone, "example": found.example}}
    if not found.added:
        logger.info("no new images in %s", images)
        if run.record.get("gone", {"images": 0, "example": ""}) != gone["gone"]:
            run.save(**gone)
        return 0
    before = run.record["manifest"]
    ids = _both(IdFingerprint(**before["fingerprint"]), found.fingerprint)
    count = before["images"] + found.added
    logger.info("%d new images; with those there were, %d", found.added, count)
    manifest = {**before, "images": count, "fingerprint": asdict(ids), "skipped": found.skipped}
    run.save(
        **gone,
        **{FIRST_MANIFEST: run.record.get(FIRST_MANIFEST, before), _UPDATES: number},
        **_opened(run, tables),
        manifest=manifest,
        images=count,
    )
    return found.added


def retry(run: RunFolder, codes: Sequence[str], tables: RunTables) -> int:
    """Take out the rows with some errors, so that they are made again.

    Args:
        run: the run.
        codes: of errors, or `ALL`.
        tables: of the run.

    Returns:
        How many rows.
    """
    ids, errors = _failed(run.labels, codes)
    if not len(ids):
        said = "an error" if ALL in codes else " or ".join(codes)
        logger.info("no row of %s has %s: nothing to ask again", run.uri, said)
        return 0
    told = dict(sorted(Counter(errors).items()))
    logger.info(
        "asking again about %d images: %s",
        len(ids),
        ", ".join(f"{code} {count}" for code, count in told.items()),
    )
    _keep_ids(run, ids, errors)
    usage = Usage.of(run.record.get(EARLIER))
    again = _asked_anew(ids, errors)
    for name in tables.by_image:
        _count_rows(usage, run, name, tables.asked.get(name, ()), ids, again)
    run.save(
        **{_RETRYING: {"errors": told, "removed": False}},
        **_opened(run, tables, usage),
    )
    settle(run, tables)
    return len(ids)


def settle(run: RunFolder, tables: RunTables) -> None:
    """Finish what an attempt had begun: an update's files, the removal of rows."""
    if "manifest" in run.record:
        forget_updates(run.manifest, int(run.record.get(_UPDATES, 0)))
    retrying = run.record.get(_RETRYING)
    if retrying and not retrying["removed"]:
        ids, _ = _retried(run)
        for name in tables.by_image:
            _remove(stage_table(run, name), ids)
            _remove(run.checkpoint(name), ids)
        _remove(run.labels, ids)
        _remove(run.checkpoint(tables.label), ids)
        run.save(**{_RETRYING: {**retrying, "removed": True}})
    if run.record.get(_RELABEL):
        storage.delete_folder(run.labels)
        storage.delete_folder(run.checkpoint(tables.label))
        run.save(**{_RELABEL: False})


def asked_anew(run: RunFolder) -> NDArray[np.int64] | None:
    """Images whose answers in the response cache are not to be used: they could not be.

    Returns:
        Their ids, sorted, int64 (n,); None where there are none.
    """
    if not run.record.get(_RETRYING):
        return None
    ids = _asked_anew(*_retried(run))
    return ids if len(ids) else None


def end_retry(run: RunFolder) -> None:
    """Say that the rows have been made again."""
    retrying = run.record.pop(_RETRYING, None)
    if retrying:
        run.save(retried=retrying["errors"])
        filesystem, path = storage.resolve(storage.join(run.uri, _RETRY_FILE))
        filesystem.delete_file(path)


def _opened(run: RunFolder, tables: RunTables, usage: Usage | None = None) -> dict[str, Any]:
    """What ``run.json`` says of a run that goes on; texts of all images are made anew."""
    usage = usage or Usage.of(run.record.get(EARLIER))
    stages = run.record.get("stages", [])
    for name in set(tables.whole) & set(stages):
        for batch in batches_of(stage_table(run, name), tables.asked.get(name, ())):
            for said in batch.columns:
                _count(usage, said)
    return {
        "state": RUNNING,
        "stages": [name for name in stages if name not in tables.whole],
        EARLIER: usage.kept(),
        GROWN: int(run.record.get(GROWN, 0)) + 1,
        _RELABEL: tables.relabels,
    }


def _count_rows(
    usage: Usage,
    run: RunFolder,
    name: str,
    asks: Sequence[str],
    ids: NDArray[np.int64],
    again: NDArray[np.int64],
) -> None:
    """Count what rows asked that are taken out of a stage table."""
    for batch in batches_of(stage_table(run, name), ["image_id", *asks]) if asks else ():
        own = batch.column("image_id").to_numpy()
        for ask in asks:
            said = batch.column(ask)
            _count(usage, said.filter(pa.array(np.isin(own, ids) & ~np.isin(own, again))))
            add_answers(usage, said.filter(pa.array(np.isin(own, again))))


def _count(usage: Usage, said: Any) -> None:
    """Count answers that will be found in the response cache when their rows are made again."""
    import pyarrow.compute as pc

    add_answers(usage, said)
    called = pc.is_valid(pc.struct_field(said, "engine"))
    came = pc.is_valid(pc.struct_field(said, "answer"))
    usage.known += pc.sum(pc.and_(called, came)).as_py() or 0


def _both(one: IdFingerprint, other: IdFingerprint) -> IdFingerprint:
    modulus = 1 << 64
    return IdFingerprint(
        one.count + other.count,
        (one.total + other.total) % modulus,
        (one.mixed + other.mixed) % modulus,
    )


def _keep_ids(run: RunFolder, ids: NDArray[np.int64], errors: Sequence[str]) -> None:
    """Write which images are made again, with those that an attempt before left unmade."""
    file = storage.join(run.uri, _RETRY_FILE)
    both = [pa.table({"image_id": ids, "error": list(errors)})]
    if run.record.get(_RETRYING):
        earlier, codes = _retried(run)
        unmade = ~np.isin(earlier, image_ids_of(run.labels))
        both.append(pa.table({"image_id": earlier, "error": list(codes)}).filter(pa.array(unmade)))
    write_table(file, pa.concat_tables(both).sort_by("image_id"))


def _failed(labels: str, codes: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Ids of rows with some errors, sorted, and the error of each."""
    found: list[tuple[int, str]] = []
    for batch in batches_of(labels, ("image_id", "error")):
        some = batch.filter(batch.column("error").is_valid())
        pairs = zip(some.column(0).to_pylist(), some.column(1).to_pylist(), strict=True)
        found += [(image, code) for image, code in pairs if ALL in codes or code in codes]
    found.sort()
    return np.array([image for image, _ in found], np.int64), [code for _, code in found]


def _retried(run: RunFolder) -> tuple[NDArray[np.int64], list[str]]:
    data = storage.read_bytes(storage.join(run.uri, _RETRY_FILE))
    table = pq.read_table(pa.BufferReader(data), partitioning=None)
    return table.column("image_id").to_numpy(), table.column("error").to_pylist()


def _asked_anew(ids: NDArray[np.int64], errors: Sequence[str]) -> NDArray[np.int64]:
    """Of images to be made again, those whose answer came and was of no use."""
    useless = np.array([code in ANSWER_CODES for code in errors], np.bool_)
    return ids[useless]


def _remove(folder: str, ids: NDArray[np.int64]) -> None:
    """Write the files of a folder anew without the rows of some images."""
    paths = storage.list_files(folder, ".parquet")
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(partial(_remove_from, folder, ids), paths))


def _remove_from(folder: str, ids: NDArray[np.int64], path: str) -> None:
    filesystem, _ = storage.resolve(folder)
    with pq.ParquetFile(path, filesystem=filesystem) as file:
        if not file.metadata.num_rows:
            return
        own = file.read(columns=["image_id"]).column("image_id").to_numpy()
        kept = ~np.isin(own, ids)
        if kept.all():
            return
        table = file.read().filter(pa.array(kept))
    if table.num_rows:
        write_table(storage.join(folder, path.rpartition("/")[2]), table)
    else:
        filesystem.delete_file(path)
