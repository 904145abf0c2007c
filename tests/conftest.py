"""What tests share: one Ray, one MLLM engine, one drawn archive, one classifier."""

from __future__ import annotations

import csv
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.cores import spin_environment
from ray_jobs.passes.session import Capacity

os.environ.update(spin_environment())  # before torch is imported, here and in what tests start
if "PYTEST_XDIST_WORKER" in os.environ:  # side by side: a core each
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """A bucket on an S3 server on loopback."""
    import pyarrow.fs as pafs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        client = pafs.S3FileSystem(
            endpoint_override=f"{host}:{port}", scheme="http", allow_bucket_creation=True
        )
        client.create_dir("archive")
        yield "s3://archive"
    server.stop()


@pytest.fixture(scope="session")
def ray_session(s3_bucket: str) -> Iterator[Capacity]:
    """One local Ray for all tests; its workers know the S3 server from their environment."""
    import ray

    from ray_jobs.passes.session import start_ray

    os.environ["RAY_ADDRESS"] = "local"
    yield start_ray()
    ray.shutdown()


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn archive of 48 birds: images/, classes.txt, truth.csv."""
    from fieldguide.archive import draw_archive

    out = tmp_path_factory.mktemp("birds")
    draw_archive(out, 48, seed=77)
    return out


@pytest.fixture(scope="session")
def bird_paths(birds: Path) -> list[str]:
    """The archive's image paths, relative to images/, in truth order."""
    with open(birds / "truth.csv", newline="", encoding="utf-8") as file:
        return [row["path"] for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def classifier_folder(
    ray_session: Capacity, birds: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A zero-shot classifier fitted once."""
    from ray_jobs.config import FitZeroShotConfig
    from ray_jobs.verbs.fit import fit as run_fit

    out = str(tmp_path_factory.mktemp("fit") / "classifier")
    run_fit(FitZeroShotConfig(classes=str(birds / "classes.txt"), out=out))
    return out


@pytest.fixture(scope="session")
def mllm(ray_session: Capacity) -> Iterator[list[Any]]:
    """One replica of the field guide's MLLM; every job of the tests that wants it finds it."""
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with field_guide_replicas() as replicas:
        yield replicas.handles


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; playwright's loop stays in the thread until it is closed, so not for all tests."""
    from tests.helpers.browser import chromium

    with chromium() as browser:
        yield browser


def pytest_collection() -> None:
    """What is made here stays to the end: looking through millions of objects would free none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What stays is not looked through again by each collection while the tests run."""
    gc.enable()
    gc.freeze()


def _has_a_server(item: pytest.Item) -> bool:
    """Whether a test asks for the S3 server, by its fixtures or by what it is parametrized with."""
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    places = [value for value in values if isinstance(value, str)]
    return "s3_bucket" in getattr(item, "fixturenames", ()) or "s3" in places


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they start: an engine, jobs of Ray Data, a server of S3.

    Architectures of the zoo, but for a few, and extended tests run when they are asked for.
    """
    for kind in ("zoo", "extended"):
        if kind not in config.option.markexpr:
            asked = {item: item.get_closest_marker(kind) for item in items}
            left = {item for item, mark in asked.items() if mark and not mark.kwargs.get("always")}
            config.hook.pytest_deselected(items=[item for item in items if item in left])
            items[:] = [item for item in items if item not in left]
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "mllm" in fixtures:
            item.add_marker(pytest.mark.engine)
        uses_ray = "ray_session" in fixtures and not item.get_closest_marker("fast")
        if uses_ray or _has_a_server(item):
            item.add_marker(pytest.mark.slow)
