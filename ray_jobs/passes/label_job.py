"""One labelling job: the manifest, the work, the ledger, and resuming in between.

Every method labels an archive through `label_archive`; what it does with the images is its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from actors import storage
from methods.errors import LedgerError
from methods.image_ids import IdFingerprint
from ray_jobs.config import ArchiveConfig, PlanConfig
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.runs.folder import FINISHED, RUNNING, RunFolder, open_run
from ray_jobs.runs.ledger import Ledger, count_labels, rows_committed
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.stage_timer import StageTimer
from ray_jobs.verbs.plan.comparison import find_forecast

logger = logging.getLogger(__name__)

_PATIENCE_S = 0.5

LABEL = "label"
"""Name of the stage whose checkpoint holds the labelled images."""

Work = Callable[[RunFolder, Capacity], None]

_MLLM_COUNTS = ("mllm_calls", "answers_reused", "prompt_tokens", "output_tokens", "engine_starts")


@dataclass
class Interrupted(Exception):
    """The user stopped the job; what is finished is kept.

    Attributes:
        done: images labelled.
        images: in the archive.
        answered: images that a multimodal LLM has been asked about; None without one.
    """

    done: int
    images: int
    answered: int | None = None

    def __str__(self) -> str:
        """What is kept, in a sentence."""
        asked = "" if self.answered is None else f"{self.answered} are answered, "
        return f"stopped; of {self.images} images {asked}{self.done} are labelled, and that is kept"


def label_archive(
    config: ArchiveConfig, identity: Mapping[str, Any], work: Work, asking: str | None = None
) -> dict[str, Any]:
    """Label an archive: start, resume or find it finished.

    Args:
        config: the verb's settings.
        identity: what decides the rows beside reading: method, model, classes, ...
        work: writes the labels table, resuming from the checkpoint ``label``.
        asking: the stage that asks a multimodal LLM about images, if there is one.

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
    checkpoint = run.checkpoint(LABEL)
    done = rows_committed(checkpoint)
    if done:
        logger.warning("resuming: %d of %d images are already labelled", done, images)
    run.save(state=RUNNING, resumed_images=done)
    if done < images:
        try:
            with run.timed("start"):
                capacity = start_ray()
            run.clock = StageTimer(_PATIENCE_S if isinstance(config, PlanConfig) else 0.0)
            work(run, capacity)
        except KeyboardInterrupt:
            answered = rows_committed(run.checkpoint(asking)) if asking else None
            raise Interrupted(rows_committed(checkpoint), images, answered) from None
    finish(run, time.time() - started, images - done)
    return run.record


def list_archive(run: RunFolder, images: str) -> None:
    """Write the run's manifest, once: a resumed run keeps to the archive as it was first listed."""
    if "manifest" in run.record:
        return
    storage.delete_folder(run.manifest)  # an attempt that died while listing
    manifest = write_manifest(images, run.manifest)
    run.save(manifest=asdict(manifest), images=manifest.images)


def finish(run: RunFolder, seconds: float, computed: int) -> None:
    """Check the ledger and complete ``run.json``.

    Raises:
        LedgerError: the rows written do not add up to the manifest.
    """
    ledger = count_labels(run.labels)
    forecast = find_forecast(run.uri, run.record["identity"])
    run.save(
        **({"forecast": forecast} if forecast else {}),
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
