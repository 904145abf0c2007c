"""Between the passes of a cascade: the pilot's images, what it says, and who else is asked about.

Each is decided once and kept in the run folder, so that a run that is killed and resumed asks about
the same images: ``run.json`` holds it under ``cascade``, ``pilot.parquet`` and ``ask.parquet`` list
the images.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors import storage
from methods.cascade import pilot as estimate
from methods.cascade.choosing import Ids, at_random, choose, ranked, shuffled, spread
from methods.cascade.pilot import PilotFit
from methods.cascade.uncertainty import OWN, Floats, nearest
from methods.errors import InputError
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.passes.job import Job
from ray_jobs.pipelines.cascade.answers import UNUSABLE, read_choices
from ray_jobs.pipelines.cascade.inputs import CascadeInputs
from ray_jobs.pipelines.cascade.scored import (
    Scored,
    asked_ids,
    choices_of,
    read_scored,
    write_asked,
)
from ray_jobs.pipelines.cascade.spending import (
    ALLOWED,
    ASK,
    PILOT,
    calls_allowed,
    calls_of,
    images_allowed,
)
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.growth import GROWN
from ray_jobs.runs.ledger import image_ids_of
from ray_jobs.runs.stage_tables import stage_table

logger = logging.getLogger(f"onoma.{__name__}")


def decided(run: RunFolder) -> dict[str, Any]:
    """What is decided already, as ``run.json`` keeps it."""
    return dict(run.record.get("cascade", {}))


def choose_pilot(job: Job, config: LabelCascadeConfig, inputs: CascadeInputs) -> None:
    """Choose the images of the pilot, spread over CLIP's confidence.

    Raises:
        InputError: they are more than the budget allows.
    """
    run = job.run
    if PILOT in decided(run):
        return
    assert config.pilot is not None
    scored = _scored(run, config, inputs, fit_before(config))
    count = min(config.pilot, len(scored.ids))
    if inputs.budget is not None:
        most = inputs.budget.images(int(run.record["images"]), inputs.calls_each)
        if count > most:
            raise InputError(
                f"--pilot {config.pilot} is part of --budget {config.budget}, which allows {most} "
                "images; give a smaller pilot or a larger budget"
            )
        run.save(cascade={**decided(run), ALLOWED: calls_allowed(inputs, most)})
    if count < config.pilot:
        logger.warning("--pilot %d: the archive has %d images to ask about", config.pilot, count)
    _keep(run, config, inputs, PILOT, scored.ids[spread(scored.ids, scored.confidence, count)])


def choose_all(job: Job, config: LabelCascadeConfig, inputs: CascadeInputs) -> None:
    """Have every image asked about: the pilot of a plan, whose archive is a sample."""
    if ASK in decided(job.run):
        return
    scored = _scored(job.run, config, inputs, fit_before(config))
    below = scored.confidence < (config.threshold or 0.0)
    share = float(below.mean()) if len(below) else 0.0
    job.run.save(cascade={**decided(job.run), "share_below_threshold": share})
    _keep(job.run, config, inputs, ASK, scored.ids)


def judge_pilot(
    job: Job, config: LabelCascadeConfig, inputs: CascadeInputs, name: str = PILOT
) -> None:
    """Estimate from a pilot's answers what asking gains, and pick a budget.

    ``expected`` of ``run.json`` then holds both; it is None where no answer names a choice.

    Args:
        job: whose pass ``name`` has asked about the pilot's images.
        config, inputs: of the run.
        name: of the pass.
    """
    run = job.run
    if "expected" in run.record:
        return
    fit = _fit(run, inputs, name, config)
    if fit is None:
        run.save(expected=None)
        logger.warning(
            "the pilot says nothing: none of its answers names one of the choices; what is not set "
            "stays as it is without a pilot"
        )
        return
    scored, (_, doubts) = _scored(run, config, inputs, fit), doubts_of(run, config, inputs)
    best = np.stack([scored.confidence, scored.inside - scored.confidence], axis=1)
    points = estimate.curve(
        best, ranked(scored.ids, doubts), fit, len(scored.ids), inputs.calls_each
    )
    picked = estimate.pick(points, config.accuracy)
    if config.accuracy is not None and picked.accuracy < config.accuracy:
        logger.warning(
            "--accuracy %g: the pilot expects %.3f at most, with %.0f%% of the images",
            config.accuracy,
            picked.accuracy,
            100 * picked.share,
        )
    said = {
        **asdict(fit),
        "temperature": fit.temperature,
        "calls_each": inputs.calls_each,
        "curve": [asdict(point) for point in points],
        "picked": asdict(picked),
        "assumes": estimate.ASSUMES + (estimate.NOT_TAUGHT if inputs.learns else ""),
    }
    run.save(expected=said)


def choose_asked(job: Job, config: LabelCascadeConfig, inputs: CascadeInputs) -> None:
    """Choose the images to ask about, within the budget, those asked about already counted.

    A run that goes on chooses once more, among the images that have no label yet: rows stay.

    Raises:
        InputError: the budget is in hours, and nothing says how many images these are.
    """
    run, known = job.run, decided(job.run)
    grown = int(run.record.get(GROWN, 0))
    if ASK in known and known.get(GROWN, 0) == grown:
        return
    fit = _known_fit(run, config)
    scored = _scored(run, config, inputs, fit)
    pilot, earlier = ids_of(run, PILOT), asked_ids(run, ASK)
    asked = np.concatenate([pilot, earlier])
    wanted = np.isin(scored.ids, asked)
    open_ = ~wanted & ~np.isin(scored.ids, image_ids_of(run.labels))
    if config.threshold is not None:
        wanted |= open_ & (scored.confidence < config.threshold)
    else:
        most = images_allowed(run, config, inputs)
        allowed = known[ALLOWED] = calls_allowed(inputs, most)
        room = allowed - calls_of(run, asked, inputs.calls_each)
        left = max(0, min(most - len(asked), room // inputs.calls_each))
        if ASK in known:
            logger.info("of %d images more, %d may be asked about", open_.sum(), left)
        else:
            _say_size(config, inputs, len(asked) + left, len(scored.ids))
        doubts = doubts_of(run, config, inputs)[1]
        wanted[open_] = choose(scored.ids[open_], doubts[open_], left)
    known |= {
        "temperature": fit.temperature,
        "images_asked": int(wanted.sum()),
        "calls_at_most": int(wanted.sum()) * inputs.calls_each,
        "most_confident_asked": float(scored.confidence[wanted].max()) if wanted.any() else None,
    }
    known |= {GROWN: grown} if grown else {}
    _keep(run, config, inputs, ASK, np.setdiff1d(scored.ids[wanted], pilot), known)


def fit_before(config: LabelCascadeConfig) -> PilotFit:
    """What is taken of both models before a pilot: the temperature as set, else CLIP's own."""
    at = OWN if config.clip_temperature is None else nearest(config.clip_temperature)
    return replace(estimate.NOTHING_KNOWN, at=at)


def _known_fit(run: RunFolder, config: LabelCascadeConfig) -> PilotFit:
    """What is known of both models by now."""
    said = run.record.get("expected")
    if said is None:
        return fit_before(config)
    return PilotFit(**{each.name: said[each.name] for each in fields(PilotFit)})


def temperature_of(run: RunFolder, config: LabelCascadeConfig) -> int:
    """Place of the temperature of the run's confidences."""
    return _known_fit(run, config).at


def _scored(
    run: RunFolder, config: LabelCascadeConfig, inputs: CascadeInputs, fit: PilotFit
) -> Scored:
    return read_scored(run, inputs.choices, fit.at, config.uncertainty, fit.right)


def doubts_of(
    run: RunFolder, config: LabelCascadeConfig, inputs: CascadeInputs
) -> tuple[Ids, Floats]:
    """Ids of images and by what they are ordered, in the order of `_scored`.

    Where the answers teach, the order is a random one. A pilot changes no order: where both models
    make the same mistakes its temperature is too low, and with it images whose true class is far
    from CLIP's best ones would come first.
    """
    scored = _scored(run, config, inputs, fit_before(config))
    if inputs.learns:
        return scored.ids, at_random(scored.ids, config.seed)
    return scored.ids, scored.uncertainty


def _say_size(config: LabelCascadeConfig, inputs: CascadeInputs, most: int, there: int) -> None:
    """Say where a budget is more than there is to ask, or no whole image."""
    if config.budget is None or inputs.budget is None:
        return
    if most == 0:
        logger.warning(
            "--budget %s is no whole image of this archive: CLIP decides all of them", config.budget
        )
    elif most >= there:
        logger.warning(
            "--budget %s is enough for all %d images: each is asked about", config.budget, there
        )


def _keep(
    run: RunFolder,
    config: LabelCascadeConfig,
    inputs: CascadeInputs,
    name: str,
    ids: NDArray[np.int64],
    known: Mapping[str, Any] | None = None,
) -> None:
    """Write the manifest of images to ask about, and that this is decided, with what is known."""
    if len(ids):
        own = choices_of(run, ids, inputs.choices)
        shown = shuffled(own.top, own.ids, config.seed) if config.shuffle else own.top
        write_asked(run, storage.join(run.uri, f"{name}.parquet"), own.ids, shown)
    run.save(cascade={**decided(run), **(known or {}), name: len(ids)})


def ids_of(run: RunFolder, name: str) -> NDArray[np.int64]:
    """Images of a stage table."""
    return image_ids_of(stage_table(run, name))


def _fit(
    run: RunFolder, inputs: CascadeInputs, name: str, config: LabelCascadeConfig
) -> PilotFit | None:
    """What a pilot's answers say; None where none can be used."""
    ids, named = read_choices(run, inputs.named, [name])
    if not (named != UNUSABLE).any():
        return None
    own = choices_of(run, ids, inputs.choices)
    hits = own.top == named[np.searchsorted(ids, own.ids), None]
    chosen = np.where(hits.any(axis=1), hits.argmax(axis=1), UNUSABLE)
    at = None if config.clip_temperature is None else nearest(config.clip_temperature)
    return estimate.fit_pilot(own.logits, own.log_sums, chosen, at)
