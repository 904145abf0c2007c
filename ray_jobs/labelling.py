"""The labelling pass: manifest, fetch, decode, encode and score, write; then the ledger.

Every method that ends in a classifier labels an archive through `label_archive`. The pass is one
streaming plan of Ray Data: bytes stay encoded until the decode stage, pixels end in the CLIP
replica, and nothing is collected on the driver. Ray Data's job checkpoint remembers finished rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from actors import storage
from actors.classifier_labels import ClassifierLabels
from actors.classifier_store import load_classifier, save_classifier
from actors.clip_models import ClipModel
from actors.decode import decode
from actors.fetch import fetch
from methods.classifier import CONFIG_FILE, Classifier
from methods.image_ids import IdFingerprint
from ray_jobs.config import LabelClassifierConfig, LabelZeroShotConfig
from ray_jobs.ledger import Ledger, count_labels, rows_committed
from ray_jobs.manifest_table import manifest_files, write_manifest
from ray_jobs.ray_context import Capacity, pass_settings, plan_replicas, start_ray
from ray_jobs.run_folder import FINISHED, RUNNING, RunFolder, open_run

logger = logging.getLogger(__name__)

LabelConfig = LabelZeroShotConfig | LabelClassifierConfig
MakeClassifier = Callable[[Capacity], Classifier]

_UNITS_WANTED = 32
_UNIT_LIMITS = (64, 512)
_DECODE_BATCH = 16
_DECODE_NICENESS = 15
_MLLM_COUNTS = ("mllm_calls", "answers_reused", "prompt_tokens", "output_tokens", "engine_starts")


class LedgerError(Exception):
    """What was written does not add up to the manifest."""


@dataclass
class Interrupted(Exception):
    """The user stopped the job; what is finished is kept."""

    done: int
    images: int


def reading_identity(config: LabelConfig) -> dict[str, Any]:
    """The settings of reading that decide a run's rows."""
    return {
        "images": storage.absolute(config.images),
        "max_bytes": config.max_bytes,
        "max_pixels": config.max_pixels,
    }


def label_archive(
    config: LabelConfig,
    model: ClipModel,
    identity: Mapping[str, Any],
    make_classifier: MakeClassifier,
) -> dict[str, Any]:
    """Label an archive with a classifier; start, resume or find it finished.

    Args:
        config: the verb's settings.
        model: the CLIP model.
        identity: what decides the rows beside reading: method, model, classes, ...
        make_classifier: called once Ray is there, unless an earlier attempt has made it.

    Returns:
        The content of ``run.json``.

    Raises:
        InputError: the archive, the output folder or a setting cannot work.
        Interrupted: stopped by the user.
        LedgerError: the rows written do not add up.
    """
    run = open_run(config.out, {**identity, **reading_identity(config)}, config.public())
    if run.finished:
        logger.warning("%s is finished; nothing to do (give a new --out to label again)", run.uri)
        check_ledger(run, count_labels(run.labels))
        return run.record
    started = time.time()
    list_archive(run, config.images)
    images = int(run.record["manifest"]["images"])
    checkpoint = run.checkpoint("label")
    done = rows_committed(checkpoint)
    if done:
        logger.warning("resuming: %d of %d images are already labelled", done, images)
    run.save(state=RUNNING, resumed_images=done)
    if done < images:
        capacity = start_ray()
        if storage.exists(storage.join(run.classifier, CONFIG_FILE)):
            classifier = load_classifier(run.classifier)
        else:
            classifier = make_classifier(capacity)
            save_classifier(classifier, run.classifier)
        try:
            label_pass(run, config, model, classifier, capacity)
        except KeyboardInterrupt:
            raise Interrupted(rows_committed(checkpoint), images) from None
    finish(run, time.time() - started, images - done)
    return run.record


def list_archive(run: RunFolder, images: str) -> None:
    """Write the run's manifest, once: a resumed run keeps to the archive as it was first listed."""
    if "manifest" in run.record:
        return
    storage.delete_folder(run.manifest)  # an attempt that died while listing
    manifest = write_manifest(images, run.manifest)
    run.save(manifest=asdict(manifest), images=manifest.images)


def rows_per_block(images: int, batch: int) -> int:
    """Images per unit of work: about 32 units of 64 to 512 images, in whole batches."""
    smallest, largest = _UNIT_LIMITS
    rows = min(largest, max(smallest, -(-images // _UNITS_WANTED)))
    return -(-rows // batch) * batch


def label_pass(
    run: RunFolder,
    config: LabelConfig,
    model: ClipModel,
    classifier: Classifier,
    capacity: Capacity,
) -> None:
    """Stream the archive through decoding and CLIP into ``labels/``, finished images aside."""
    import ray
    from ray.data import ActorPoolStrategy, SaveMode, TaskPoolStrategy

    plan = plan_replicas(capacity, config.clip_replicas, config.clip_gpus)
    unit = config.rows_per_block or rows_per_block(int(run.record["images"]), config.clip_batch)
    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint("label")):
        (
            ray.data.read_parquet(manifest_files(run.manifest), filesystem=filesystem)
            .repartition(target_num_rows_per_block=unit, strict=True)
            .map_batches(
                fetch,
                batch_format="pyarrow",
                batch_size=_DECODE_BATCH,
                fn_kwargs={"max_bytes": config.max_bytes},
                compute=TaskPoolStrategy(config.decode_tasks or capacity.cores),
            )
            .map_batches(
                decode,  # type: ignore[arg-type]
                batch_format="pyarrow",
                batch_size=_DECODE_BATCH,
                fn_kwargs={
                    "how": model.preprocessing,
                    "max_pixels": config.max_pixels,
                    "niceness": None if plan.gpus else _DECODE_NICENESS,
                },
                compute=TaskPoolStrategy(config.decode_tasks or capacity.cores),
            )
            .map_batches(
                ClassifierLabels,
                batch_format="pyarrow",
                batch_size=config.clip_batch,
                fn_constructor_kwargs={
                    "model": model,
                    "classifier_files": classifier.dump(),
                    "precision": config.precision,
                    "threads": plan.threads,
                    "device": plan.device,
                },
                compute=ActorPoolStrategy(size=plan.replicas),
                **plan.actor_options(),
            )
            .write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)
        )


def finish(run: RunFolder, seconds: float, computed: int) -> None:
    """Check the ledger and complete ``run.json``.

    Raises:
        LedgerError: the rows written do not add up to the manifest.
    """
    ledger = count_labels(run.labels)
    run.save(
        labelled=ledger.labelled,
        errors=ledger.errors,
        seconds=round(seconds, 3),
        images_per_second=round(computed / seconds, 3) if seconds else 0.0,
        **{name: run.record.get(name, 0) for name in _MLLM_COUNTS},
        ledger=asdict(ledger),
        finished_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    check_ledger(run, ledger)
    run.save(state=FINISHED)


def check_ledger(run: RunFolder, ledger: Ledger) -> None:
    """Compare the labels table with the manifest.

    Raises:
        LedgerError: with what does not add up.
    """
    manifest = run.record["manifest"]
    problem = ledger.problem(manifest["images"], IdFingerprint(**manifest["fingerprint"]))
    if problem:
        raise LedgerError(f"the ledger of {run.uri} does not add up: {problem}")
