"""One fit: open or resume its folder, draw what it learns from, learn, keep the result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ray_jobs.config import TablesConfig
from ray_jobs.passes.follow import Follower, following
from ray_jobs.passes.int8_check import say_int8
from ray_jobs.passes.job import Job, models_record
from ray_jobs.passes.session import start_ray
from ray_jobs.runs.builtin_models import check_builtin_models
from ray_jobs.runs.claim import claimed
from ray_jobs.runs.folder import FINISHED, RunFolder, open_run
from ray_jobs.runs.stage_timer import StageTimer
from ray_jobs.runs.usage import count_usage

if TYPE_CHECKING:
    from ray_jobs.pipelines.base import FitMethod

logger = logging.getLogger(f"onoma.{__name__}")


def fit_job(method: FitMethod[Any], config: Any) -> dict[str, Any]:
    """Learn with a method and write its folder; an interrupted fit goes on where it was.

    Args:
        method: how.
        config: the verb's settings, with ``out``.

    Returns:
        What the method says of its result.

    Raises:
        InputError: files, models, the archive, the folder or a setting cannot work, or another job
            writes to the folder.
    """
    if isinstance(config, TablesConfig):
        config.refuse_kept_columns("fit")
    inputs = method.resolve(config)
    check_builtin_models(config, inputs.clip, inputs.mllm, inputs.names)
    identity = {"method": method.name, **inputs.identity(config)}
    clip = inputs.clip
    renamed = dict.fromkeys(clip.earlier, clip.fingerprint) if clip is not None else {}
    with claimed(config.out):
        run = open_run(config.out, identity, config.public(), renamed)
        return _fit(method, config, inputs, run)


def _fit(method: FitMethod[Any], config: Any, inputs: Any, run: RunFolder) -> dict[str, Any]:
    """Do what is left to do of a fit that is open and claimed."""
    if run.finished:
        logger.info("%s is finished; nothing to do (give a new --out to fit again)", run.uri)
        return method.result(run, inputs)
    with following(run) as follower:
        _learn(run, method, config, inputs, follower)
    return method.result(run, inputs)


def _learn(
    run: RunFolder, method: FitMethod[Any], config: Any, inputs: Any, follower: Follower
) -> None:
    """Learn what is not learned yet."""
    run.save(models=models_record(inputs))
    if method.draw is not None:
        method.draw(run, config)
    with run.timed("start"):
        capacity = start_ray()
    follower.watch(StageTimer())
    say_int8(run, config, inputs.clip, capacity)
    job = Job(run, config, capacity, inputs.mllm, follower=follower)
    learned = method.fit(job, inputs)
    usage = count_usage(run, job.asked).record()
    run.save(**{**usage, **learned}, state=FINISHED)
    if method.forget is not None:
        method.forget(run)
