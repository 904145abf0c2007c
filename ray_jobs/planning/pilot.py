"""The pilot: the very job that is planned, on a few images drawn from the archive.

What it asks a multimodal LLM stays in the answers table, and the job does not ask it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from actors import storage
from methods.errors import InputError
from ray_jobs.asking import answers_root
from ray_jobs.config import ArchiveConfig, AskingConfig, PlanConfig
from ray_jobs.manifest_table import write_manifest
from ray_jobs.planning.comparison import plan_folder, save_forecast, settings_of
from ray_jobs.planning.forecast import Prices, forecast_job
from ray_jobs.ray_context import start_ray
from ray_jobs.sampling import draw

logger = logging.getLogger(__name__)

_BLOCKS = 8


def plan_labelling(config: ArchiveConfig, label: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Run the pilot of a labelling job and forecast the job.

    Args:
        config: of the job that is planned; also a `PlanConfig`.
        label: the job.

    Returns:
        What `forecast_job` returns, with ``identity`` and ``pilot``, the pilot's run folder.

    Raises:
        InputError: the job cannot work, or all that its pilot asks is known already.
    """
    assert isinstance(config, PlanConfig)
    if isinstance(getattr(config, "out", None), str) and storage.exists(
        storage.join(storage.absolute(config.out), "run.json")
    ):
        raise InputError(f"--out {config.out}: this run has begun; plan another one")
    folder = plan_folder(config.out)
    sample, run = storage.join(folder, "sample.parquet"), storage.join(folder, "pilot")
    images = _draw(config, sample)
    changes: dict[str, Any] = {"images": sample, "out": run}
    if not config.rows_per_block:
        changes["rows_per_block"] = max(1, config.pilot // _BLOCKS)
    if isinstance(config, AskingConfig):  # those of the job
        changes["answers"] = answers_root(config)
    record = label(config.model_copy(update=changes))
    prices = Prices(
        config.price_gpu_hour,
        config.price_cpu_hour,
        config.price_prompt_tokens,
        config.price_output_tokens,
    )
    forecast = {
        **forecast_job(record, images, start_ray().cores, prices),
        "identity": settings_of(record["identity"]),
        "pilot": run,
    }
    if record["answers_reused"]:
        forecast["note"] = (
            f"{record['answers_reused']:,} of the pilot's answers were known before: the rates of "
            "its MLLM pass are too high; give an empty --answers for honest ones"
        )
    save_forecast(config.out, forecast)
    return forecast


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

        return draw(counted(), config.pilot, config.seed)

    write_manifest(config.images, sample, choose)
    return listed
