"""An OpenAI-compatible server on loopback that misbehaves as the request's text tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def completion(text: Any, finish: str | None = "stop") -> dict[str, Any]:
    """A chat completion as the protocol has it."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }


class Endpoint(ThreadingHTTPServer):
    """Answers by the text of the request; keeps what it was sent and how many came at once."""

    daemon_threads = True
    request_queue_size = 128  # of 5 by default, more connections at once are refused

    def __init__(
        self, turns: Sequence[str] = (), key: str = "", refuses: Sequence[str] = ()
    ) -> None:
        self.turns = list(turns)
        self.key, self.refuses = key, list(refuses)
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tries: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.keys: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def name(self) -> str:
        """The endpoint as ``--mllm`` names it."""
        return f"openai:m@http://127.0.0.1:{self.server_port}/v1"


def _text_of(parts: list[dict[str, Any]]) -> str:
    return str(next(part["text"] for part in parts if part["type"] == "text"))


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def handle(self) -> None:
        """Serve a connection; a client that has given up waiting is no error here."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = body["messages"][0]["content"]
        text = content if isinstance(content, str) else _text_of(content)
        with server.lock:
            if server.turns and not isinstance(content, str):
                text = server.turns[len(server.bodies) % len(server.turns)]
            server.bodies.append(body)
            server.times.append(time.monotonic())
            server.keys.append(self.headers.get("authorization", ""))
            server.tries[text] += 1
            tries = server.tries[text]
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            if not self._refused(body):
                self._behave(text, tries)
        finally:
            with server.lock:
                server.at_once -= 1

    def _refused(self, body: dict[str, Any]) -> bool:
        """Refuse what this server does not take: a key, a model, a field of the body."""
        server = self.server
        if server.key and self.headers.get("authorization") != f"Bearer {server.key}":
            words = f"Incorrect API key provided: {self.headers.get('authorization')}"
            self._send(401, {"error": {"message": words, "code": "invalid_api_key"}})
            return True
        if body["model"] != "m":
            self._send(404, {"error": {"message": f"The model {body['model']} does not exist"}})
            return True
        for name in server.refuses:
            form = body.get("response_format", {}).get("type")
            if name in body or name == form:
                words = f"Unsupported parameter: '{name}' is not supported with this model."
                self._send(400, {"error": {"message": words, "param": name}})
                return True
        return False

    def _behave(self, text: str, tries: int) -> None:
        word = text.split()[0]
        if "described as follows" in text:  # the second question: repeat what was described
            text = text.split("described as follows:\n")[1].split("\n\nWhich")[0]
            said = {"exactly": "lissick tarrow", "refused": "I cannot choose.", "gap": "  "}
            return self._send(200, completion(said.get(text, text)))
        if word == "say":
            return self._send(200, completion(text.removeprefix("say").strip()))
        if word == "ends":  # for another reason than the model's end or the token limit
            _, reason, said = text.split(" ", 2)
            return self._send(200, completion(said, None if reason == "null" else reason))
        if word == "apart":  # thoughts in a field of their own
            _, reason, thought = text.split(" ", 2)
            reply = completion("A kaldo dornet." if reason == "stop" else None, reason)
            reply["choices"][0]["message"] |= {"reasoning": thought, "reasoning_content": thought}
            return self._send(200, reply)
        if word == "slow":
            time.sleep(3)
        elif word in ("429", "500", "400", "422"):
            return self._send(int(word), {"error": {"message": f"status {word} for you"}})
        elif word == "long":
            return self._send(400, {"error": {"message": "maximum context length is 10 tokens"}})
        elif word == "twice":
            if tries <= 2:
                return self._send(429, {"error": {"message": "wait"}}, {"retry-after": "0.2"})
        elif word == "broken":
            return self._raw(b'{"choices": [{"mess')
        elif word == "html":
            return self._raw(b"<html>proxy error</html>")
        elif word == "nothing":
            return self._send(200, {**completion(""), "choices": []})
        elif word == "parts":
            parts = [{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}]
            return self._send(200, completion(parts))
        elif word == "list":
            return self._send(200, completion([{"type": "text"}]))
        elif word == "null":
            return self._send(200, completion(None))
        elif word == "cut":
            return self._send(200, completion("A bird with", "length"))
        elif word == "dies":
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.wfile.flush()
            self.connection.close()
            return None
        elif word == "wait":
            time.sleep(0.05)
        return self._send(200, completion(f"said {text}"))

    def _send(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self._raw(json.dumps(body).encode(), status, headers)

    def _raw(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def misbehaving_endpoint(
    turns: Sequence[str] = (), key: str = "", refuses: Sequence[str] = ()
) -> Iterator[Endpoint]:
    """Run the server in a thread; it takes ``turns`` in misbehaving about images."""
    server = Endpoint(turns, key, refuses)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
