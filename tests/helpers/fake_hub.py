"""A model hub on loopback, and its cache on disk: as much of both as finding a commit takes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMITS = {"main": "1" * 40, "v2": "2" * 40}


class FakeHub(ThreadingHTTPServer):
    """Knows ``org/model`` with the revisions of `COMMITS`, and ``org/gated``, which it refuses."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = ["config.json", "model.safetensors"]
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        """What ``HF_ENDPOINT`` would be."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name, _, revision = self.path.removeprefix("/api/models/").partition("/revision/")
        name, revision = name.partition("?")[0], revision.partition("?")[0] or "main"
        commits = {**COMMITS, **{commit: commit for commit in COMMITS.values()}}
        if name == "org/gated":
            self._answer(403, "GatedRepo")
        elif name != "org/model":
            self._answer(404, "RepoNotFound")
        elif revision not in commits:
            self._answer(404, "RevisionNotFound")
        else:
            siblings = [{"rfilename": file} for file in self.server.files]
            self._answer(200, "", {"id": name, "sha": commits[revision], "siblings": siblings})

    def _answer(self, status: int, error: str, body: object = None) -> None:
        data = json.dumps(body or {"error": error}).encode()
        self.send_response(status)
        if error:
            self.send_header("X-Error-Code", error)
            self.send_header("X-Error-Message", error)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve the hub while the context is open."""
    server = FakeHub()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def put_in_cache(
    cache: Path, repository: str, commit: str, refs: tuple[str, ...], files: dict[str, bytes]
) -> Path:
    """Write a snapshot as the hub's client keeps it; returns its folder."""
    root = cache / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)
    for ref in refs:
        (root / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        (root / "refs" / ref).write_text(commit)
    return snapshot
