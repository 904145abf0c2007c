"""Under load: a replica is killed, classifiers are swapped, replicas are replaced; nobody notices.

Every request is answered, or told to come back (429); swaps show in the version of the answers.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from actors.classifier_store import load_classifier, save_classifier
from serve.catalogue import ClassifierRef
from serve.deploying import deploy
from tests.serve.conftest import Endpoint

CLIENTS = 4
pytestmark = pytest.mark.cluster


class Load:
    """Clients that ask all the time; what they were answered, by status and version."""

    def __init__(self, url: str, image: bytes) -> None:
        """Ready to start."""
        self._url, self._image = url, image
        self.answers: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=120) as client:
            while not self._stop.is_set():
                try:
                    files = {"images": ("a.jpg", self._image)}
                    answer = client.post("/v1/classify", files=files)
                except httpx.HTTPError as error:
                    self.answers[repr(error)] += 1
                    continue
                self.answers[str(answer.status_code)] += 1
                if answer.status_code == 200:
                    self.versions[answer.json()["classifier"]["version"]] += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def until(self, reached: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for something to show in the answers."""
        end = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < end, (self.answers, self.versions)
            time.sleep(0.05)

    def more(self, count: int = 20) -> None:
        """Wait for some more answers."""
        wanted = self.answers["200"] + count
        self.until(lambda: self.answers["200"] >= wanted)

    def nobody_failed(self) -> bool:
        """Whether all were answered or told to come back."""
        return not set(self.answers) - {"200", "429"}


@pytest.fixture
def load(endpoint: Endpoint, birds: Path, bird_paths: list[str]) -> Load:
    """Load on the endpoint, not yet started."""
    return Load(endpoint.url, (birds / "images" / bird_paths[0]).read_bytes())


def replica_pids() -> set[int]:
    """Processes of the classifiers' replicas in the Ray that was started here, and in no other."""
    import psutil

    pids = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any("ServeReplica:onoma:Classifiers" in part for part in process.cmdline()):
                pids.add(process.pid)
    return pids


@pytest.mark.timeout(600)
def test_a_killed_replica_is_replaced_and_its_requests_go_to_the_next(load: Load) -> None:
    before = replica_pids()
    assert before
    with load.running():
        load.more()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        load.until(lambda: bool(replica_pids() - before))
        load.more()
    assert load.nobody_failed(), load.answers


@pytest.mark.timeout(600)
def test_a_swapped_classifier_answers_without_a_gap(
    endpoint: Endpoint, load: Load, tmp_path: Path
) -> None:
    first = load_classifier(endpoint.refs[0].folder)
    other = type(first)(**{**vars(first), "logit_scale": first.logit_scale / 2})
    save_classifier(other, str(tmp_path / "other"))
    swapped = [ClassifierRef(name="birds", folder=str(tmp_path / "other")), endpoint.refs[1]]
    pids = replica_pids()
    with load.running():
        load.more()
        deploy(endpoint.settings, swapped)
        load.until(lambda: load.versions[other.identity[:12]] > 20)
        (tmp_path / "broken").mkdir()
        deploy(endpoint.settings, [ClassifierRef(name="birds", folder=str(tmp_path / "broken"))])
        load.more()
        with endpoint.client() as client:
            time.sleep(1.1)  # the list is kept for a second
            listing = client.classifiers()
        deploy(endpoint.settings, endpoint.refs)
        load.until(lambda: load.versions[first.identity[:12]] > 60)
    assert load.nobody_failed(), load.answers
    assert replica_pids() == pids, "a swap starts no replica"
    assert set(load.versions) == {first.identity[:12], other.identity[:12]}
    assert "no classifier folder" in listing.problems[0]
    assert listing.classifiers[0].version == other.identity[:12]


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_a_rolling_update_starts_the_new_before_it_stops_the_old(
    endpoint: Endpoint, load: Load
) -> None:
    before = replica_pids()
    with load.running():
        load.more()
        # other arguments that mean the same to the tests after this one: no need to change back
        endpoint.settings = endpoint.settings.model_copy(update={"retry_after": 2})
        deploy(endpoint.settings, endpoint.refs)
        load.until(lambda: not replica_pids() & before)
        load.more()
    assert load.nobody_failed(), load.answers
