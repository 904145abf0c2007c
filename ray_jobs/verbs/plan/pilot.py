"""The pilot: the very job that is planned, on a few images drawn from the archive.

What it asks a multimodal LLM stays in the answers table, and the job does not ask it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from actors import storage
from actors.mllm.images import ImageLimits
from methods.errors import InputError
from ray_jobs.config import ArchiveConfig, AskingConfig, MllmConfig, PlanConfig
from ray_jobs.passes.generate import cache_root
from ray_jobs.passes.session import start_ray
from ray_jobs.pipelines.registry import label_method_of_run
from ray_jobs.runs.forecast import plan_folder, save_forecast, settings_of
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.reservoir import draw_stretches
from ray_jobs.verbs.plan.forecast import Prices, forecast_job
from ray_jobs.verbs.plan.tokens import tokens_of_images

_BLOCKS = 8
"""Units of work of a pilot, each a stretch of neighbours of the archive."""

_STEADY_S = 5.0


def plan_labelling(config: ArchiveConfig, label: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Run the pilot of a labelling job and forecast the job.

    Args:
        config: of the job that is planned; also a `PlanConfig`.
        label: the job.

    Returns:
        What `forecast_job` returns, with ``image_tokens`` (`tokens_of_images`), ``identity`` and
        ``pilot``, the pilot's run folder.

    Raises:
        InputError: the job cannot work, or all that its pilot asks is known already.
    """
    assert isinstance(config, PlanConfig)
    if getattr(config, "update", False) or getattr(config, "retry_errors", None):
        raise InputError("--update and --retry-errors are for label: a plan is of a new run")
    if isinstance(getattr(config, "out", None), str) and storage.exists(
        storage.join(storage.absolute(config.out), "run.json")
    ):
        raise InputError(f"--out {config.out}: this run has begun; plan another one")
    folder = plan_folder(config.out)
    sample, run = storage.join(folder, "sample.parquet"), storage.join(folder, "pilot")
    if storage.exists(storage.join(run, "run.json")):
        storage.delete_folder(run)  # of an earlier plan; what it asked is in the answers table
    images = _draw(config, sample)
    changes: dict[str, Any] = {"images": sample, "out": run}
    if not config.rows_per_block:
        changes["rows_per_block"] = max(1, config.pilot // _BLOCKS)
    if isinstance(config, AskingConfig):  # those of the job
        changes["response_cache"] = cache_root(config)
    record = label(config.model_copy(update=changes))
    prices = Prices(
        config.price_gpu_hour,
        config.price_cpu_hour,
        config.price_prompt_tokens,
        config.price_output_tokens,
    )
    method = label_method_of_run(record)
    sizes = method.planned_images if method else None
    size = (lambda each: sizes(config, record, each, images)) if sizes else (lambda _: None)
    forecast = {
        **forecast_job(record, images, start_ray().cores, prices, size),
        **_expected(record, images),
        "image_tokens": _image_tokens(config, record, run, sample),
        "as_published": record["config"].get("as_published") or {},
        "identity": settings_of(record["identity"]),
        "pilot": run,
    }
    if notes := [*_known_answers(record), *_too_short(forecast)]:
        forecast["note"] = "; ".join(notes)
    save_forecast(config.out, forecast)
    return forecast


def _expected(record: Mapping[str, Any], images: int) -> dict[str, Any]:
    """What the pilot expects of budgets, for the archive in place of its sample."""
    if not (expected := record.get("expected")):
        return {}

    def grown(point: Mapping[str, Any]) -> dict[str, Any]:
        asked = int(point["share"] * images + 1e-9)
        return {**point, "images": asked, "calls": asked * expected["calls_each"]}

    picked, curve = grown(expected["picked"]), [grown(point) for point in expected["curve"]]
    return {"expected": {**expected, "picked": picked, "curve": curve}}


def _image_tokens(
    config: ArchiveConfig, record: Mapping[str, Any], run: str, sample: str
) -> list[dict[str, Any]]:
    """What pictures cost in tokens, where a multimodal LLM sees them."""
    if not isinstance(config, MllmConfig):
        return []
    limits = ImageLimits(config.max_side, config.max_pixels, config.as_stored)
    return tokens_of_images(run, record["passes"], sample, limits)


def _known_answers(record: Mapping[str, Any]) -> Iterator[str]:
    if record["answers_reused"]:
        yield (
            f"{record['answers_reused']:,} of the pilot's answers were known before: the rates of "
            "its MLLM pass are too high; give an empty --response-cache for honest ones"
        )


def _too_short(forecast: Mapping[str, Any]) -> Iterator[str]:
    """Say when the pass that decides ran too briefly in the pilot to tell how fast it is."""
    longest = max(forecast["passes"], key=lambda each: float(each["seconds"]), default=None)
    pilot, images = forecast["pilot_images"], forecast["images"]
    if longest is None or pilot >= images:
        return
    steady = pilot / longest["images_per_second"]
    if steady < _STEADY_S:
        wanted = min(images, 2 ** math.ceil(math.log2(pilot * _STEADY_S / steady)))
        yield (
            f"with the pilot's {pilot:,} images the pass {longest['name']} was in full swing for "
            f"{steady:.1f} s; --pilot {wanted} gives a steadier forecast"
        )


def _draw(config: ArchiveConfig, sample: str) -> int:
    """Write the manifest of the pilot's images; returns how many the archive has."""
    assert isinstance(config, PlanConfig)
    listed = 0

    def choose(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        def counted() -> Iterator[pa.Table]:
            nonlocal listed
            for table in tables:
                listed += table.num_rows
                yield table

        stretch = max(1, config.pilot // _BLOCKS)
        return draw_stretches(counted(), config.pilot, stretch, config.seed)

    write_manifest(config.images, sample, choose, config.table_columns())
    return listed
