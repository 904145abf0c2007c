"""`onoma serve`: wrong use in a sentence, the check against a job, HAProxy, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from methods.errors import InputError
from ray_jobs.config import ServeConfig, parse
from ray_jobs.verbs.serve import checking, running
from ray_jobs.verbs.serve.checking import check
from ray_jobs.verbs.serve.running import serve_classifiers
from serve.catalogue import load_catalogue
from serve.client import Client
from tests.serve.conftest import Endpoint, free_port

pytestmark = pytest.mark.cluster


def config(*words: str) -> ServeConfig:
    """Settings as the command line gives them."""
    return parse(ServeConfig, list(words), "onoma serve")


def test_names_come_from_folders(birds_run: Path) -> None:
    from ray_jobs.verbs.serve.running import _ref

    inner = str(birds_run / "classifier")
    for text in (str(birds_run), inner, f"birds={inner}", f"birds={birds_run}"):
        ref = _ref(text)
        assert (ref.name, ref.folder) == ("birds", inner)


def test_wrong_use_is_told_before_ray_starts(birds_run: Path, tmp_path: Path) -> None:
    folder = str(birds_run / "classifier")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, sentence in [
            ([str(tmp_path / "none")], "no such folder"),
            ([str(tmp_path)], "no classifier folder"),
            ([f"a={folder}", f"a={folder}"], "two classifiers are called a"),
            ([folder, "--port", port], "give another one"),
            ([folder, "--host", "192.0.2.1"], "--host 192.0.2.1"),
        ]:
            flags = [part for word in words[:2] if "=" in word or word == words[0]
                     for part in ("--classifiers", word)]  # fmt: skip
            flags += [word for word in words[1:] if "=" not in word]
            with pytest.raises(InputError, match=sentence):
                serve_classifiers(config(*flags))


@pytest.mark.extended
def test_the_check_agrees_with_a_job_and_finds_what_differs(
    endpoint: Endpoint, birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_job = checking._by_job
    labels: dict[str, Any] = {}

    def remembered(settings: Any, loaded: Any, *where: str) -> Any:
        labels[loaded.name] = by_job(settings, loaded, *where)
        return labels[loaded.name]

    monkeypatch.setattr(checking, "_by_job", remembered)
    archive = tmp_path / "images"
    archive.mkdir()
    for number, file in enumerate(sorted((birds / "images").rglob("*.*"))[:12]):
        (archive / f"{number}{file.suffix}").write_bytes(file.read_bytes())
    (archive / "broken.jpg").write_bytes(b"no image")
    (archive / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    wanted = config("--classifiers", endpoint.refs[0].folder, "--check", str(archive))
    catalogue = load_catalogue(endpoint.refs, None)
    found = check(wanted, catalogue, endpoint.url)
    for name in ("birds", "scenes"):
        assert found[name]["agree"] == found[name]["images"] == 14, found
        assert found[name]["largest_drift"] < 1e-3
    # the same job, as if it had said something else of three images
    good, other, *_ = (row for row in labels["birds"].values() if row["error"] is None)
    broken = next(row for row in labels["birds"].values() if row["error"] is not None)
    good["top_scores"] = [score * 0.9 for score in good["top_scores"]]
    other["label"] = "no bird at all"
    broken["error"] = "missing"
    monkeypatch.setattr(checking, "_by_job", lambda *_: labels["birds"])
    only = type(catalogue)(catalogue.model, {"birds": catalogue.loaded["birds"]})
    differs = check(wanted, only, endpoint.url)["birds"]
    assert differs["agree"] == 11
    assert differs["largest_drift"] >= 0.01
    said = " ".join(differs["differences"])
    assert "scores differ by 0." in said
    assert "no bird at all in the job" in said
    assert "missing in the job" in said


@pytest.mark.parametrize("there", [True, False])
def test_only_a_ray_that_is_there_is_waited_for(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serve would wait half a minute for replicas that were told to end with a process group."""
    import ray
    from ray import serve

    ended = threading.Event()
    done = []

    def shutdown() -> None:
        ended.wait(0.5 if there else 30)
        done.append(True)

    context = SimpleNamespace(gcs_address="127.0.0.1:1")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(serve, "shutdown", shutdown)
    monkeypatch.setattr(running, "answers", lambda address, _: there and address == "127.0.0.1:1")
    try:
        running._stop()
        assert done == [True] * there
    finally:
        ended.set()


@pytest.mark.timeout(600)
def test_the_command_serves_through_haproxy_and_ends_on_ctrl_c(
    birds_run: Path, birds: Path, tmp_path: Path
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "ray_jobs", "serve", str(birds_run), "--json", "--haproxy"]
    environment = {**os.environ, "RAY_ADDRESS": "local"}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    try:
        with Client(f"http://127.0.0.1:{port}", patience=5) as client:
            end = time.monotonic() + 300
            while not (client.ready() and "Ctrl-C stops" in (tmp_path / "log").read_text()):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < end, (tmp_path / "log").read_text()
                time.sleep(0.5)
            image = next(iter(sorted((birds / "images").rglob("*.jpg"))))
            answer = client.classify([image, image.read_bytes()])
            assert answer.images[0].labels == answer.images[1].labels
            assert answer.classifier.name == "birds"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    said = (tmp_path / "log").read_text()
    assert process.returncode == 0, said
    assert json.loads(out)["classifiers"] == {"birds": answer.classifier.version}
    assert "Traceback" not in said
    assert "raylet" not in said
