"""An S3 server on loopback behind a proxy that now and then refuses or does not answer."""

from __future__ import annotations

import http.client
import logging
import random
import select
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_ERRORS = (
    (503, "SlowDown", "Please reduce your request rate."),
    (500, "InternalError", "We encountered an internal error. Please try again."),
)
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_CHUNK = 1 << 16


@dataclass
class Faults:
    """What goes wrong, as shares of requests; nothing does while both are 0.

    Attributes:
        errors: answered with 503 SlowDown or 500 InternalError, without being carried out.
        stalls: answered late; carried out only if the client is still there then.
        stall_s: shortest and longest wait.
        rng: draws.
        counts: requests so far, by what became of them.
    """

    errors: float = 0.0
    stalls: float = 0.0
    stall_s: tuple[float, float] = (30.0, 75.0)
    rng: random.Random = field(default_factory=random.Random)
    counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self) -> tuple[int, float]:
        """Decide about one request: an index of an error or -1, and seconds to wait."""
        with self._lock:
            self.counts["requests"] += 1
            chance = self.rng.random()
            if chance < self.errors:
                which = self.rng.randrange(len(_ERRORS))
                self.counts[_ERRORS[which][1]] += 1
                return which, 0.0
            if chance < self.errors + self.stalls:
                self.counts["stalled"] += 1
                return -1, self.rng.uniform(*self.stall_s)
        return -1, 0.0

    def count(self, what: str) -> None:
        """Count something."""
        with self._lock:
            self.counts[what] += 1


class FaultyS3:
    """moto's S3 server, and the proxy before it, as a context."""

    def __init__(self, faults: Faults) -> None:
        """Remember what goes wrong."""
        self._faults = faults

    def __enter__(self) -> FaultyS3:
        """Start both."""
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.direct = f"{host}:{port}"
        handler = type(
            "Handler", (_Handler,), {"faults": self._faults, "behind": (host, int(port))}
        )
        self._proxy = _Proxy(("127.0.0.1", 0), handler)
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._proxy.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both; requests that are still waiting are dropped."""
        self._proxy.shutdown()
        self._proxy.server_close()
        self._server.stop()


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Clients hang up: that is what it is for."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    faults: ClassVar[Faults]
    behind: ClassVar[tuple[str, int]]

    def _any(self) -> None:
        body = self._body()
        error, wait = self.faults.draw()
        if error >= 0:
            self._refuse(*_ERRORS[error])
        elif wait and self._gone_within(wait):
            self.faults.count("given up by the client")
            self.close_connection = True
        else:
            self._pass_on(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _gone_within(self, seconds: float) -> bool:
        """Wait; says whether the client has hung up meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], left)
            if readable:
                try:
                    if not self.connection.recv(1, socket.MSG_PEEK):
                        return True
                except OSError:
                    return True
                time.sleep(min(1.0, max(0.0, left)))  # it sent something more: not gone
        return False

    def _pass_on(self, body: bytes) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        if body or self.command in ("PUT", "POST"):
            headers["Content-Length"] = str(len(body))
        server = http.client.HTTPConnection(*self.behind, timeout=300)
        try:
            server.request(self.command, self.path, body or None, headers)
            answer = server.getresponse()
            data = answer.read()
        finally:
            server.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(data), _CHUNK):
                self.wfile.write(data[start : start + _CHUNK])

    def log_message(self, *_: object) -> None:
        """Say nothing."""
