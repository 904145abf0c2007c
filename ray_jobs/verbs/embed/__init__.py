"""The verb ``embed``: an archive through CLIP once, and its features kept.

manifest -> fetch -> content hash -> decode -> CLIP -> stage table -> packed into the store's files.
It resumes image by image, as a labelling job does; the store is whole when its record is there.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import Any, Final

from actors import storage
from actors.clip.embeddings import EmbeddingRows
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import (
    SHOWN_SETTINGS,
    EmbeddingStore,
    open_store,
    write_record,
)
from methods.errors import LedgerError
from methods.image_ids import IdFingerprint
from ray_jobs.config import EmbedConfig
from ray_jobs.passes.int8_check import say_int8
from ray_jobs.passes.job import Job
from ray_jobs.passes.label_job import Interrupted, list_archive
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.run_pass import Pass, run_passes
from ray_jobs.passes.session import start_ray
from ray_jobs.passes.steps import clip, decode, fetch, images
from ray_jobs.passes.stored import digest
from ray_jobs.runs.claim import claimed
from ray_jobs.runs.folder import FINISHED, RUNNING, RunFolder, open_run
from ray_jobs.runs.ledger import Ledger, count_labels, rows_committed
from ray_jobs.runs.stage_timer import StageTimer
from ray_jobs.verbs.embed.numpy_export import check_target, export_numpy
from ray_jobs.verbs.embed.packing import pack

logger = logging.getLogger(f"onoma.{__name__}")

EMBED: Final = "embed"
"""The method of such a run, and the name of its pass."""


class EmbeddingInterrupted(Interrupted):
    """The user stopped the job; what is encoded is kept."""

    def __str__(self) -> str:
        """What is kept, in a sentence."""
        return f"stopped; {self.done} of {self.images} images are embedded, and that is kept"


def embed(config: EmbedConfig) -> dict[str, Any]:
    """Embed an archive: start, resume or find it finished; export it where that is asked for.

    Returns:
        What became of it, and where it is.

    Raises:
        InputError: the archive, the model, a folder or a setting cannot work, or another job writes
            to the folder.
        Interrupted: stopped by the user.
        LedgerError: the rows written do not add up to the manifest.
    """
    config.refuse_kept_columns("embed")
    model = resolve_clip(config.clip)
    if config.export_numpy is not None:
        check_target(config.export_numpy)
    identity = {
        "method": EMBED,
        "clip": model.fingerprint,
        "precision": config.precision,
        "dtype": config.dtype,
        **reading_identity(config),
    }
    renamed = dict.fromkeys(model.earlier, model.fingerprint)
    with claimed(config.out):
        run = open_run(config.out, identity, config.public(), renamed)
        if run.finished:
            logger.info("%s is finished; nothing to do", run.uri)
        else:
            _run(run, config, model)
        storage.delete_folder(storage.join(run.uri, "stages"))
        store = open_store(run.uri, "--out")
        exported = {}
        if config.export_numpy is not None:
            exported = {"numpy": export_numpy(store, config.export_numpy)}
        return {**_result(run, store), **exported}


def _run(run: RunFolder, config: EmbedConfig, model: ClipModel) -> None:
    started = time.time()
    run.save(models={"clip": {"name": model.name, "fingerprint": model.fingerprint}})
    list_archive(run, config)
    count = int(run.record["images"])
    checkpoint = run.checkpoint(EMBED)
    done = rows_committed(checkpoint)
    if done:
        logger.info("resuming: %d of %d images are already embedded", done, count)
    run.save(state=RUNNING, resumed_images=done)
    flow = (
        images()
        >> fetch()
        >> digest()
        >> decode(model.preprocessing)
        >> clip(EmbeddingRows, model, dtype=config.dtype)
    )
    try:
        with run.timed("start"):
            capacity = start_ray()
        run.clock = StageTimer(0.0)
        say_int8(run, config, model, capacity)
        run_passes(Job(run, config, capacity), [Pass(EMBED, flow)])
        with run.timed("pack"):
            pack(run, EMBED, model.embed_dim, config.dtype)
    except KeyboardInterrupt:
        raise EmbeddingInterrupted(rows_committed(checkpoint), count) from None
    ledger = _checked(run)
    seconds = time.time() - started
    write_record(run.uri, _record(config, model, ledger))
    run.save(
        state=FINISHED,
        embedded=ledger.labelled,
        errors=ledger.errors,
        ledger=asdict(ledger),
        seconds=round(seconds, 3),
        images_per_second=round((count - done) / seconds, 3) if seconds else 0.0,
        finished_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _checked(run: RunFolder) -> Ledger:
    """Count what the store holds.

    Raises:
        LedgerError: it does not add up to the manifest.
    """
    ledger = count_labels(storage.join(run.uri, "embeddings"))
    manifest = run.record["manifest"]
    problem = ledger.problem(manifest["images"], IdFingerprint(**manifest["fingerprint"]))
    if problem:
        said = problem.replace("labels", "embeddings").replace("labelled", "embedded")
        raise LedgerError(f"the ledger of {run.uri} does not add up: {said}")
    return ledger


def _record(config: EmbedConfig, model: ClipModel, ledger: Ledger) -> dict[str, Any]:
    """What ``embeddings.json`` says."""
    return {
        "clip": model.record(),
        "dimension": model.embed_dim,
        "dtype": config.dtype,
        "precision": config.precision,
        "reading": {name: getattr(config, name) for name in SHOWN_SETTINGS},
        "archive": storage.absolute(config.images),
        "images": ledger.rows,
        "count": ledger.labelled,
        "errors": ledger.errors,
    }


def _result(run: RunFolder, store: EmbeddingStore) -> dict[str, Any]:
    record = run.record
    kept = ("images", "embedded", "errors", "resumed_images", "seconds", "images_per_second")
    return {
        "embeddings": run.uri,
        "clip": store.record["clip"]["name"],
        "dimension": store.width,
        "dtype": store.dtype,
        **{key: record[key] for key in kept},
    }
