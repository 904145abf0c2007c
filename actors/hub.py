"""Models in folders and on the hub: the identity of files, and whether a hub is in reach."""

from __future__ import annotations

import logging
import os
import socket
import urllib.request
from functools import lru_cache
from typing import Final

import xxhash

_HUB_PROBE_S: Final = 3.0


def hash_file(path: str) -> str:
    """Hash a file's content; asked again for an unchanged file, the answer is remembered."""
    status = os.stat(path)
    return _hash_file_cached(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _hash_file_cached(path: str, _mtime: int, _size: int) -> str:
    digest = xxhash.xxh3_64()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 24):
            digest.update(chunk)
    return digest.hexdigest()


def stay_offline_without_a_hub() -> None:
    """Make the hub client look at its cache only when no hub answers: its retries take a minute."""
    from huggingface_hub import constants

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if constants.HF_HUB_OFFLINE or urllib.request.getproxies():
        return
    host = constants.ENDPOINT.partition("://")[2].partition("/")[0]
    name, _, port = host.partition(":")
    try:
        socket.create_connection((name, int(port or 443)), timeout=_HUB_PROBE_S).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"  # for the workers


def hub_failure(error: Exception) -> str:
    """Say why the hub client could not give a file."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "no model hub can be reached"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return f"the model hub does not give it ({reason})"
