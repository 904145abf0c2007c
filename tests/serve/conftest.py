"""The real endpoint for all tests, on the Ray that they share: birds and scenes, small limits."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ray_jobs.passes.session import Capacity
from serve.catalogue import ClassifierRef
from serve.client import Client
from serve.settings import EndpointSettings

SETTINGS = EndpointSettings(
    gpus=0,
    replicas=1,
    threads=1,
    max_batch=8,
    max_body=2 * 1024 * 1024,
    max_images=6,
    max_pixels=4_000_000,
    upload_seconds=2,
    answer_seconds=60,
    allow_urls=["127.0.0.1"],
    drift_window=50,
)


@dataclass
class Endpoint:
    """A running endpoint: its address, what it serves, and its settings as last deployed."""

    url: str
    refs: list[ClassifierRef]
    settings: EndpointSettings

    def client(self) -> Client:
        """A client of it."""
        return Client(self.url)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def birds_run(ray_session: Capacity, birds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of zero_shot; its classifier knows what the archive looked like."""
    from ray_jobs.config import LabelZeroShotConfig
    from ray_jobs.verbs.label import label as run_label

    out = tmp_path_factory.mktemp("served") / "birds"
    run_label(
        LabelZeroShotConfig(
            images=str(birds / "images"), classes=str(birds / "classes.txt"), out=str(out)
        )
    )
    return out


@pytest.fixture(scope="session")
def scenes_classifier(ray_session: Capacity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multi-label classifier of the field guide's things."""
    from fieldguide.scenes import CATEGORIES
    from ray_jobs.config import FitDataFreeConfig
    from ray_jobs.verbs.fit import fit as run_fit

    folder = tmp_path_factory.mktemp("scenes")
    (folder / "classes.txt").write_text("\n".join(CATEGORIES) + "\n")
    out = folder / "classifier"
    run_fit(
        FitDataFreeConfig(
            classes=str(folder / "classes.txt"), out=str(out), baseline="zero_shot_dense"
        )
    )
    return out


@pytest.fixture(scope="session")
def endpoint(birds_run: Path, scenes_classifier: Path) -> Iterator[Endpoint]:
    """The endpoint on a port of its own, ready."""
    from ray import serve
    from ray.serve.config import HTTPOptions

    from serve.deploying import deploy

    refs = [
        ClassifierRef(name="birds", folder=str(birds_run / "classifier")),
        ClassifierRef(name="scenes", folder=str(scenes_classifier)),
    ]
    port = free_port()
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
    deploy(SETTINGS, refs)
    yield Endpoint(f"http://127.0.0.1:{port}", refs, SETTINGS)
    serve.shutdown()
