"""The archive in a bucket whose server refuses some requests and lets others wait."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from benchmarks.faults.faulty_s3 import Faults, FaultyS3

BUCKET, STALLS = "archive", 0.2
"""Of the requests that fail, how many more are answered late: 5 % errors and 1 % stalls."""
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@dataclass
class Bucket:
    """Where the archive is.

    Attributes:
        uri: of the folder.
        environment: of jobs that read it.
        faults: what goes wrong, and what went.
    """

    uri: str
    environment: dict[str, str]
    faults: Faults


@contextmanager
def in_bucket(archive: Path, errors: float, seed: int = 0) -> Iterator[Bucket]:
    """Upload an archive, then let requests fail.

    Args:
        archive: a folder of files.
        errors: share of requests that are answered with 503 or 500.
        seed: of what is drawn.
    """
    faults = Faults(rng=random.Random(seed))
    with FaultyS3(faults) as server:
        os.environ.update(_KEYS)
        client = pafs.S3FileSystem(
            endpoint_override=server.direct, scheme="http", allow_bucket_creation=True
        )
        client.create_dir(BUCKET)
        for file in sorted(archive.iterdir()):
            with client.open_output_stream(f"{BUCKET}/{archive.name}/{file.name}") as out:
                out.write(file.read_bytes())
        faults.errors, faults.stalls = errors, errors * STALLS
        environment = {
            **_KEYS,
            "AWS_ENDPOINT_URL": f"http://{server.address}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield Bucket(f"s3://{BUCKET}/{archive.name}", environment, faults)
