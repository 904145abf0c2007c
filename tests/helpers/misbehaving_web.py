"""A web server on loopback that keeps what was asked of it and answers as its rules say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Rule = Callable[[Any], None]


@dataclass
class MisbehavingWeb:
    """The server, while it runs.

    Attributes:
        url: its address.
        rules: what paths (without the query) do with a handler of http.server.
        asked: request lines and headers, in order, with the time of each.
        most: requests that were under way at once.
    """

    url: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    most: int = 0

    def times(self, path: str) -> list[float]:
        """When a path was asked for."""
        return [at for target, _, at in self.asked if target.partition("?")[0] == path]


def sends(data: bytes, status: int = 200, claimed: int | None = None, **headers: str) -> Rule:
    """A rule: this body, whatever its length is said to be."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data) if claimed is None else claimed))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)
        if claimed is not None:
            handler.close_connection = True

    return answer


def resets(handler: Any) -> None:
    """A rule: the connection ends before an answer."""
    handler.close_connection = True
    handler.connection.close()


def waits(seconds: float) -> Rule:
    """A rule: nothing comes for some time."""

    def answer(handler: Any) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def one_after_another(*rules: Rule) -> Rule:
    """A rule: these in order, the last of them for good."""
    left, lock = list(rules), threading.Lock()

    def answer(handler: Any) -> None:
        with lock:
            rule = left.pop(0) if len(left) > 1 else left[0]
        rule(handler)

    return answer


@contextmanager
def misbehaving_web() -> Iterator[MisbehavingWeb]:
    """Start the server; it ends with the block."""
    web, lock, under_way = MisbehavingWeb(), threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                under_way[0] += 1
                web.most = max(web.most, under_way[0])
                headers = {name.lower(): value for name, value in self.headers.items()}
                web.asked.append((self.path, headers, time.monotonic()))
            try:
                path = self.path.partition("?")[0]
                web.rules.get(path, web.rules.get("*", sends(b"", 404)))(self)
            except OSError:  # who asked has gone
                self.close_connection = True
            finally:
                with lock:
                    under_way[0] -= 1

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
