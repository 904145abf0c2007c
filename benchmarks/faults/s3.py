"""The fault ``s3``: object storage that refuses and stalls, with everything of a run on it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pyarrow.fs as pafs

from benchmarks.faults.faulty_s3 import Faults, FaultyS3
from benchmarks.faults.tables import Place
from benchmarks.faults.world import Outcome, Run, World, say

ERRORS, STALLS = 0.05, 0.01
_BUCKET = "archive"
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def s3(world: World) -> Outcome:
    """Run ``label slac`` with images, run folder and answers on S3, 5 % errors and 1 % stalls.

    A stall lasts from 30 s to beyond the 60 s after which Onoma's client gives a request up. The
    undisturbed run is on the same server, through the same proxy.
    """
    outcome = Outcome("s3")
    faults = Faults(rng=random.Random(world.seed))
    with FaultyS3(faults) as server:
        os.environ.update(_KEYS)
        direct = pafs.S3FileSystem(
            endpoint_override=server.direct,
            scheme="http",
            access_key="test",
            secret_key="test",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        _upload(world.root / "archive" / "images", direct)
        environment = {
            **_KEYS,
            "AWS_ENDPOINT_URL": f"http://{server.address}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        say("label slac on S3, undisturbed")
        expected, run = _run("undisturbed", direct), _run("disturbed", direct)
        duration = world.complete(expected, environment)
        faults.counts.clear()
        faults.errors, faults.stalls = ERRORS, STALLS
        world.finish(outcome, run, environment)
        faults.errors = faults.stalls = 0.0
        world.check(outcome, expected, run)
    told = ", ".join(f"{count} {what}" for what, count in sorted(faults.counts.items()))
    outcome.detail = f"{told}; {duration:.0f} s undisturbed"
    return outcome


def _run(name: str, direct: pafs.FileSystem) -> Run:
    folder = f"{_BUCKET}/{name}"
    return Run(
        method="slac",
        folder=f"s3://{folder}/run",
        answers=f"s3://{folder}/answers",
        images=f"s3://{_BUCKET}/images",
        place=Place(f"{folder}/run", direct),
        answers_place=Place(f"{folder}/answers", direct),
    )


def _upload(images: Path, direct: pafs.FileSystem) -> None:
    direct.create_dir(_BUCKET)
    for file in sorted(images.rglob("*")):
        if file.is_file():
            key = f"{_BUCKET}/images/{file.relative_to(images).as_posix()}"
            with direct.open_output_stream(key) as out:
                out.write(file.read_bytes())
