"""One labelling job: the manifest, the passes, the ledger, and resuming in between.

Every method labels an archive through `label_archive`; its passes are its own.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from actors import storage
from methods.errors import LedgerError, OnomaError
from methods.image_ids import IdFingerprint
from ray_jobs.config import ArchiveConfig, GrowingConfig, PlanConfig
from ray_jobs.passes.follow import Follower, following
from ray_jobs.passes.int8_check import say_int8
from ray_jobs.passes.job import Job, models_record
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.run_pass import LABEL, Pass, run_passes
from ray_jobs.passes.session import start_ray
from ray_jobs.runs.builtin_models import check_builtin_models
from ray_jobs.runs.claim import claimed
from ray_jobs.runs.error_examples import error_examples
from ray_jobs.runs.folder import FINISHED, RUNNING, RunFolder, open_run
from ray_jobs.runs.forecast import find_forecast
from ray_jobs.runs.growth import RunTables, end_retry, retry, settle, update
from ray_jobs.runs.ledger import Ledger, count_labels, count_of, rows_committed
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.stage_timer import StageTimer
from ray_jobs.runs.usage import count_usage

if TYPE_CHECKING:
    from ray_jobs.pipelines.base import LabelMethod

logger = logging.getLogger(f"onoma.{__name__}")

_SETTLE_SECONDS = 0.5
_MORE = "--update labels what is new, --retry-errors asks again, a new --out labels anew"

_MLLM_COUNTS = ("mllm_calls", "answers_reused", "prompt_tokens", "output_tokens", "engine_starts")


class Interrupted(OnomaError):
    """The user stopped the job; what is finished is kept.

    Attributes:
        done: images labelled.
        images: in the archive.
        answered: images that a multimodal LLM has been asked about; None without one.
    """

    def __init__(self, done: int, images: int, answered: int | None = None) -> None:
        """Keep how far the job was."""
        super().__init__(done, images, answered)
        self.done, self.images, self.answered = done, images, answered

    def __str__(self) -> str:
        """What is kept, in a sentence."""
        asked = "" if self.answered is None else f"{self.answered} are answered, "
        return f"stopped; of {self.images} images {asked}{self.done} are labelled, and that is kept"


def label_archive(method: LabelMethod[Any], config: ArchiveConfig) -> dict[str, Any]:
    """Label an archive with a method: start, resume or find it finished.

    Args:
        method: how.
        config: the verb's settings.

    Returns:
        The content of ``run.json``.

    Raises:
        InputError: files, models, the archive, the output folder or a setting cannot work, or
            another job writes to the folder.
        ClaimLost: another job has taken over the folder.
        Interrupted: stopped by the user.
        LedgerError: the rows written do not add up.
    """
    inputs = method.resolve(config)
    check_builtin_models(config, inputs.clip, inputs.mllm, inputs.names)
    identity = {"method": method.name, **inputs.identity(config), **reading_identity(config)}
    clip = inputs.clip
    renamed = dict.fromkeys(clip.earlier, clip.fingerprint) if clip is not None else {}
    with claimed(config.out, finished=_grows(config)):
        run = open_run(config.out, identity, config.public(), renamed)
        go_on(run, method, config, inputs)
        return _open(run, method, config, inputs)


def _open(run: RunFolder, method: LabelMethod[Any], config: ArchiveConfig, inputs: Any) -> Any:
    """Do what is left to do of a run that is open and claimed; returns its record."""
    if run.finished:
        logger.info("%s is finished; nothing to do (%s)", run.uri, _MORE)
        check_ledger(run, count_labels(run.labels))
        return run.record
    with following(run) as follower:
        return _label(run, method, config, inputs, follower)


def _grows(config: ArchiveConfig) -> bool:
    """Whether a finished run is to go on."""
    return isinstance(config, GrowingConfig) and (config.update or bool(config.retry_errors))


def go_on(run: RunFolder, method: LabelMethod[Any], config: ArchiveConfig, inputs: Any) -> None:
    """Take in what the archive has got, and take out what is to be asked again, as it was said.

    Raises:
        InputError: the archive is not there, is empty, or two of its images have one id.
    """
    if "manifest" not in run.record:  # nothing is there yet
        return
    asked = config if isinstance(config, GrowingConfig) else None
    if run.finished and not _grows(config):
        return
    tables = tables_of(method, method.passes(config, inputs))
    settle(run, tables)
    if asked and asked.update:
        update(run, config.images, tables, config.table_columns())
    if asked and asked.retry_errors:
        retry(run, asked.retry_errors, tables)
    settle(run, tables)


def tables_of(method: LabelMethod[Any], passes: Any) -> RunTables:
    """What the passes of a method write."""
    found = [each for each in passes if isinstance(each, Pass) and each.name != LABEL]
    return RunTables(
        by_image=tuple(each.name for each in found if each.flow.by_image),
        whole=tuple(each.name for each in found if not each.flow.by_image),
        asked={each.name: each.flow.queries for each in found if each.asks},
        label=LABEL,
        relabels=method.relabels,
    )


def _label(
    run: RunFolder,
    method: LabelMethod[Any],
    config: ArchiveConfig,
    inputs: Any,
    follower: Follower,
) -> dict[str, Any]:
    """Label what is not labelled yet; returns the content of ``run.json``."""
    run.save(models=models_record(inputs))
    started = time.time()
    list_archive(run, config)
    images = int(run.record["manifest"]["images"])
    checkpoint = run.checkpoint(LABEL)
    done = rows_committed(checkpoint)
    if done:
        logger.info("resuming: %d of %d images are already labelled", done, images)
    run.save(state=RUNNING, resumed_images=done)
    if done < images:
        passes = method.passes(config, inputs)
        try:
            with run.timed("start"):
                capacity = start_ray()
            run.clock = StageTimer(_SETTLE_SECONDS if isinstance(config, PlanConfig) else 0.0)
            follower.watch(run.clock, [each.name for each in passes if isinstance(each, Pass)])
            shown = getattr(inputs, "pictures", 1)
            job = Job(run, config, capacity, inputs.mllm, follower=follower, pictures=shown)
            say_int8(run, config, inputs.clip, capacity)
            run_passes(job, passes)
        except KeyboardInterrupt:
            raise Interrupted(rows_committed(checkpoint), images, _answered(run, passes)) from None
        run.save(
            labelled_by=method.name, responses=list(method.responses), passes=passes_record(passes)
        )
        extra = method.finish(job, inputs) if method.finish else {}
        run.save(
            **count_usage(run, job.asked).record(), **count_of(run.labels, method.counters), **extra
        )
    finish(run, time.time() - started, images - done)
    end_retry(run)
    return run.record


def passes_record(passes: Any) -> dict[str, str]:
    """What each pass goes over, for the forecast: ``images``, or ``texts`` made of them."""
    return {
        each.name: "images" if each.flow.by_image else "texts"
        for each in passes
        if isinstance(each, Pass)
    }


def _answered(run: RunFolder, passes: Any) -> int | None:
    """Images that the first pass over images that asks has done; None without one."""
    for each in passes:
        if isinstance(each, Pass) and each.asks and each.flow.by_image:
            return rows_committed(run.checkpoint(each.name))
    return None


def list_archive(run: RunFolder, config: ArchiveConfig) -> None:
    """Write the run's manifest, once: a resumed run keeps to the archive as it was first listed."""
    if "manifest" in run.record:
        return
    storage.delete_folder(run.manifest)  # an attempt that died while listing
    manifest = write_manifest(config.images, run.manifest, columns=config.table_columns())
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
        error_examples=error_examples(run.labels, ledger.errors),
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
