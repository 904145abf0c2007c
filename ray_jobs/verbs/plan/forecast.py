"""From a pilot to a forecast: the rate of each stage, the bottleneck, and what it all costs.

A pass of the pilot has a start (Ray, models, engines) and, from the moment on at which its last
stage gets a first batch, a steady part. A pass over N images is forecast to take the same start
and N times the steady part of an image. What the pilot cannot show is not in it: machines that join
later, prices that change, and that a large archive repeats answers more often than a small one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ray_jobs.runs.stage_timer import PassWork

_HOUR: Final = 3600.0
_MILLION: Final = 1e6


@dataclass(frozen=True)
class Prices:
    """What things cost, in any one currency; None is not counted.

    Attributes:
        gpu_hour, cpu_hour: of one GPU and of one CPU core.
        prompt_tokens, output_tokens: of a million.
    """

    gpu_hour: float | None = None
    cpu_hour: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None


@dataclass(frozen=True)
class StageRate:
    """One stage of a pass.

    Attributes:
        stage: its name.
        rows: images (or texts) of the pilot.
        per_process: images/s of one process while it works.
        processes: that worked at it.
        busy: share of the steady part that those processes worked, 0 to 1.
    """

    stage: str
    rows: int
    per_process: float
    processes: int
    busy: float


@dataclass(frozen=True)
class PassForecast:
    """One pass over the archive.

    Attributes:
        name: of the pass.
        stages: in the order in which they began.
        bottleneck: the stage that was busiest.
        start_seconds: until its last stage gets a first batch.
        images_per_second: of the steady part.
        seconds: of the whole pass over all images.
        gpus: held while it runs.
        mllm_calls: of the whole pass.
    """

    name: str
    stages: tuple[StageRate, ...]
    bottleneck: str
    start_seconds: float
    images_per_second: float
    seconds: float
    gpus: float
    mllm_calls: int


def forecast_pass(
    name: str, work: PassWork, seconds: float, pilot: int, images: int, grows: bool = True
) -> PassForecast:
    """Forecast one pass.

    Args:
        name: of the pass.
        work: of its stages in the pilot; at least one.
        seconds: that it took in the pilot.
        pilot: images of the pilot.
        images: of the archive.
        grows: whether it goes over images, or over texts made of them, which are taken to grow
            with the archive: the most they can. Others are about classes.
    """
    stages = sorted(work.items(), key=lambda item: item[1]["began"])
    last = stages[-1][1]["began"]  # pipelines fill from the front: this stage is at their end
    ended = max(done["ended"] for done in work.values())
    steady = max(ended - last, 1e-3)
    span = max(ended - stages[0][1]["began"], 1e-3)
    start = max(0.0, seconds - steady)
    scale = images / pilot if grows else 1.0
    rates = tuple(
        StageRate(
            stage,
            done["rows"],
            done["rows"] / max(done["seconds"], 1e-6),
            done["processes"],
            min(1.0, done["seconds"] / (span * max(done["processes"], 1))),
        )
        for stage, done in stages
    )
    return PassForecast(
        name=name,
        stages=rates,
        bottleneck=max(rates, key=lambda rate: rate.busy).stage,
        start_seconds=start,
        images_per_second=pilot / steady,
        seconds=start + steady * scale,
        gpus=max(done["gpus"] for done in work.values()),
        mllm_calls=round(work["mllm"]["rows"] * scale) if "mllm" in work else 0,
    )


def forecast_job(
    record: Mapping[str, Any],
    images: int,
    cores: int,
    prices: Prices,
    size: Callable[[PassForecast], int | None] = lambda _: None,
) -> dict[str, Any]:
    """Forecast a labelling job of so many images from the ``run.json`` of its pilot.

    Args:
        record: of the finished pilot.
        images: of the archive.
        cores: CPU cores of the cluster.
        prices: of what it takes.
        size: from the forecast of a pass over all images to how many it will be over, where that
            is not all of them.

    Returns:
        Plain values: ``passes``, ``bottleneck``, ``seconds``, ``images_per_second``,
        ``gpu_hours``, ``cpu_hours``, ``mllm_calls``, ``prompt_tokens``, ``output_tokens``,
        ``errors`` (a share of the images), ``cost`` (None without prices).
    """
    pilot, timings = int(record["images"]), record["timings"]
    passes, asked = [], images
    for name, work in record.get("work", {}).items():
        if not work:
            continue
        known = name, work, timings[name], pilot
        each = forecast_pass(*known, images, name in record["passes"])
        some = size(each)
        if some is not None:
            each, asked = forecast_pass(*known, some), some
        passes.append(each)
    others = sum(took for name, took in timings.items() if name not in {p.name for p in passes})
    seconds = others + sum(each.seconds for each in passes)
    # answers that were known to the pilot are not known of the other images
    calls = sum(each.mllm_calls for each in passes) + record["answers_reused"] * asked / pilot
    each_call = calls / (record["mllm_calls"] or 1)
    tokens = {name: round(record[name] * each_call) for name in ("prompt_tokens", "output_tokens")}
    gpu_hours = sum(each.gpus * each.seconds for each in passes) / _HOUR
    cpu_hours = cores * seconds / _HOUR
    costs = [
        amount * price
        for amount, price in (
            (gpu_hours, prices.gpu_hour),
            (cpu_hours, prices.cpu_hour),
            (tokens["prompt_tokens"] / _MILLION, prices.prompt_tokens),
            (tokens["output_tokens"] / _MILLION, prices.output_tokens),
        )
        if price is not None
    ]
    longest = max(passes, key=lambda each: each.seconds, default=None)
    return {
        "images": images,
        "pilot_images": pilot,
        "passes": [asdict(each) for each in passes],
        "bottleneck": f"{longest.bottleneck} in the pass {longest.name}" if longest else None,
        "seconds": round(seconds, 1),
        "images_per_second": round(images / seconds, 3) if seconds else 0.0,
        "gpu_hours": round(gpu_hours, 4),
        "cpu_hours": round(cpu_hours, 4),
        "mllm_calls": round(calls),
        **tokens,
        "errors": round(sum(record["errors"].values()) / pilot, 6),
        "cost": round(sum(costs), 2) if costs else None,
    }
