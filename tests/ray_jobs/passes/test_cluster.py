"""Which cluster is joined, and that one which is gone is told in seconds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from actors.compat import ray as ray_compat
from methods.errors import InputError
from ray_jobs.passes import cluster
from ray_jobs.passes.cluster import ClusterWatch, answers, check_cluster, find_cluster

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@contextmanager
def server(reply: bytes | None) -> Iterator[str]:
    """A server that sends ``reply`` to whoever comes; None accepts and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            held.append(connection)
            if reply is not None:
                with suppress(OSError):  # who asked may be gone already
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for each in held:
            each.close()


def nobody() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    ("reply", "there"),
    [
        (SETTINGS, True),
        (bytes([0, 0, 24, 4]) + bytes(29), True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"", False),
        (b"ab", False),
        (None, False),
    ],
)
def test_only_a_server_of_rays_protocol_counts(reply: bytes | None, there: bool) -> None:
    with server(reply) as address:
        assert answers(address, 0.3) == there


@pytest.mark.slow
def test_a_cluster_that_is_gone_is_told_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = time.monotonic()
    with pytest.raises(InputError) as told:
        check_cluster(nobody(), "RAY_ADDRESS")
    assert time.monotonic() - started < 10
    assert "RAY_ADDRESS names the Ray cluster 127.0.0.1:" in str(told.value)
    assert "which does not answer; unset it, or set RAY_ADDRESS=local" in str(told.value)
    monkeypatch.setattr(cluster, "_PROBE_S", 0.0)
    monkeypatch.setattr(cluster, "_ATTEMPT_S", 0.2)
    with (
        server(None) as silent,
        pytest.raises(InputError, match=r"ray start names .* does not answer; run `ray stop`"),
    ):
        check_cluster(silent, cluster.FOUND_BY_FILE)
    with server(SETTINGS) as good:
        check_cluster(good, "RAY_ADDRESS")


@pytest.mark.parametrize(
    ("given", "file", "found"),
    [
        (None, None, (None, "ray start")),
        ("", "10.0.0.2:6379", ("10.0.0.2:6379", "ray start")),
        ("auto", "10.0.0.2:6379", ("10.0.0.2:6379", "ray start")),
        ("local", "10.0.0.2:6379", (None, "RAY_ADDRESS")),
        (" 10.0.0.1:6379 ", "10.0.0.2:6379", ("10.0.0.1:6379", "RAY_ADDRESS")),
        ("[::1]:6379", None, ("[::1]:6379", "RAY_ADDRESS")),
        ("auto", None, "left no address on this machine"),
        ("ray://10.0.0.1:10001", None, "jobs do not run through ray://"),
        ("http://10.0.0.1:8265", None, "onoma submit --address http://10.0.0.1:8265 -- VERB"),
        ("https://ray.example", None, "is a dashboard"),
        ("head", None, "give HOST:PORT"),
        ("head:port", None, "give HOST:PORT"),
        ("head:99999", None, "give HOST:PORT"),
        (":6379", None, "give HOST:PORT"),
    ],
)
def test_an_address_is_joined_or_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    file: str | None,
    found: tuple[str | None, str] | str,
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if given is not None:
        monkeypatch.setenv("RAY_ADDRESS", given)
    monkeypatch.setattr(ray_compat, "started_address", lambda: file)
    if isinstance(found, str):
        with pytest.raises(InputError, match=found) as told:
            find_cluster()
        assert "\n" not in str(told.value)
    else:
        assert find_cluster() == found


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for it, at most 30 seconds."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_cluster_that_goes_away_is_noticed_once() -> None:
    told: list[str] = []
    with server(SETTINGS) as address:
        watch = ClusterWatch(address, told.append, look=0.1, patience=0.5)
        time.sleep(1.0)
        assert told == []
    wait_until(lambda: bool(told))
    watch.end()
    assert told == [address]


@pytest.mark.slow
def test_a_watch_that_was_ended_says_nothing() -> None:
    told: list[str] = []
    watch = ClusterWatch(nobody(), told.append, look=0.05, patience=0.3)
    watch.end()
    time.sleep(0.8)
    assert told == []
