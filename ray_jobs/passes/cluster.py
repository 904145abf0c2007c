"""Which Ray a job joins, whether it is there, and whether it still is while the job runs.

Left to itself, Ray waits a quarter of an hour for a cluster that is gone, and aborts the process in
the middle of a job when one goes. So its GCS is asked first, by the greeting of HTTP/2 that every
gRPC server answers: no Ray is needed for that, and a port that another program has taken since is
told apart.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from actors.compat import ray as ray_compat
from methods.errors import InputError

FOUND_BY_FILE: Final = "ray start"
_GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS: Final = 4
"""Type of the frame that an HTTP/2 server sends first; byte 3 of it."""
_PROBE_S: Final = 6.0
_ATTEMPT_S: Final = 3.0
_PAUSE_S: Final = 0.5
_LOOK_S: Final = 5.0
GONE_S: Final = 40.0
"""After this long without an answer a cluster is gone; Ray itself aborts the process after 60 s."""


def find_cluster() -> tuple[str | None, str]:
    """The cluster to join, and what names it; None where Ray is to start here.

    Only what the user has said counts: a Ray that merely runs on this machine may be another's.

    Raises:
        InputError: ``RAY_ADDRESS`` is no address that a job can join.
    """
    given = os.environ.get("RAY_ADDRESS", "").strip()
    if given == "local":
        return None, "RAY_ADDRESS"
    if given in ("", "auto"):
        address = ray_compat.started_address()
        if given and address is None:
            raise InputError(
                "RAY_ADDRESS=auto, and `ray start` has left no address on this machine; give the "
                "cluster's HOST:PORT, or set RAY_ADDRESS=local to start Ray here"
            )
        return address, FOUND_BY_FILE
    scheme = given.partition("://")[0].lower() if "://" in given else ""
    if scheme in ("http", "https"):
        raise InputError(
            f"RAY_ADDRESS={given} is a dashboard, to which jobs are submitted: onoma submit "
            f"--address {given} -- VERB ...; a job joins a cluster by its HOST:PORT, as "
            "`ray start` says it, or starts Ray here with RAY_ADDRESS=local"
        )
    if scheme:
        raise InputError(
            f"RAY_ADDRESS={given}: jobs do not run through {scheme}://; give the cluster's "
            "HOST:PORT, as `ray start` says it, or run the job in the cluster by onoma submit"
        )
    _split(given)
    return given, "RAY_ADDRESS"


def check_cluster(address: str, source: str) -> None:
    """Make sure that a cluster answers, in some seconds.

    Args:
        address: HOST:PORT.
        source: what names it, for the sentence.

    Raises:
        InputError: nothing answers there, or something that is no cluster of Ray.
    """
    deadline = time.monotonic() + _PROBE_S
    while not answers(address, _ATTEMPT_S):
        if time.monotonic() + _PAUSE_S > deadline:
            raise InputError(unanswered(address, source))
        time.sleep(_PAUSE_S)


def unanswered(address: str, source: str) -> str:
    """What to do about a cluster that does not answer, in a sentence."""
    remedy = "run `ray stop`" if source == FOUND_BY_FILE else "unset it"
    return (
        f"{source} names the Ray cluster {address}, which does not answer; {remedy}, or set "
        "RAY_ADDRESS=local to start Ray on this machine"
    )


def answers(address: str, seconds: float) -> bool:
    """Whether a server of Ray's protocol answers at HOST:PORT within some seconds."""
    host, port = _split(address)
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return True  # what it says is for those who have the certificates
            connection.sendall(_GREETING)
            start = b""
            while len(start) < 4:
                more = connection.recv(9)
                if not more:
                    return False
                start += more
            return start[3] == _SETTINGS
    except OSError:  # refused, no such host, no answer in time
        return False


def _split(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        InputError: it has no port.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(
            f"RAY_ADDRESS={address} is no address of a Ray cluster; give HOST:PORT, as `ray start` "
            "says it, or set RAY_ADDRESS=local to start Ray on this machine"
        )
    return host.strip("[]"), int(port)


class ClusterWatch:
    """A thread that looks whether a cluster is still there."""

    def __init__(self, address: str, gone: Callable[[str], object], *, look: float = _LOOK_S,
                 patience: float = GONE_S) -> None:  # fmt: skip
        """Begin to look.

        Args:
            address: HOST:PORT of its GCS.
            gone: called with the address, once, in that thread.
            look: seconds between two looks.
            patience: seconds without an answer until it is gone.
        """
        self._address, self._gone = address, gone
        self._look, self._patience = look, patience
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="onoma-cluster-watch", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _watch(self) -> None:
        heard = time.monotonic()
        while not self._ended.wait(self._look):
            if answers(self._address, self._look):
                heard = time.monotonic()
            elif time.monotonic() - heard > self._patience and not self._ended.is_set():
                self._gone(self._address)
                return
