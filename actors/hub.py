"""Models by name: in folders and on the hub, the identity of files, what to say without one."""

from __future__ import annotations

import json
import logging
import os
import socket
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import xxhash

from actors.compat.huggingface import go_offline, hub_address
from methods.errors import InputError

FIELD_GUIDE: Final = "fieldguide"
"""Name of the small models that come with the project."""
BUILT_IN: Final = (FIELD_GUIDE, "fieldguide-2")
"""That name, and the one of the second edition's."""

_HUB_PROBE_S: Final = 3.0


def hash_file(path: str) -> str:
    """Hash a file's content; asked again for an unchanged file, the answer is remembered."""
    status = os.stat(path)
    # a change keeps neither inode nor time of change, even where it puts the other time back
    return _hash_file_cached(
        path, (status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size)
    )


@lru_cache(maxsize=1024)  # large models come in hundreds of files
def _hash_file_cached(path: str, _version: tuple[int, ...]) -> str:
    digest = xxhash.xxh3_64()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 24):
            digest.update(chunk)
    return digest.hexdigest()


def folder_of(name: str) -> Path | None:
    """The folder that a model's name means, None where there is none of that name."""
    folder = Path(os.path.expanduser(name))
    return folder if folder.is_dir() else None


def looks_like_a_path(name: str) -> bool:
    """Say whether a name can only mean a folder: it begins as no model of a hub does."""
    return name.startswith((".", "/", "~"))


def read_config(flag: str, name: str, folder: Path, file: str, advice: str) -> dict[str, Any]:
    """Read the JSON file that says what model a folder holds.

    Args:
        flag: which gave the name, for messages.
        name: of the model, as the user wrote it.
        folder: that it means.
        file: name of the file.
        advice: what to give where there is no such file.

    Raises:
        InputError: there is none, or it is not JSON.
    """
    path = folder / file
    if not path.is_file():
        raise InputError(f"{flag} {name}: {folder} holds no {file}; {advice}")
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{flag} {name}: {path} is not valid JSON ({error})") from error
    return config


def stay_offline_without_a_hub() -> None:
    """Make the hub client look at its cache only when no hub answers: its retries take a minute."""
    from huggingface_hub import is_offline_mode

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if is_offline_mode() or urllib.request.getproxies():
        return
    try:
        socket.create_connection(hub_address(), timeout=_HUB_PROBE_S).close()
    except OSError:
        go_offline()


def not_from_hub(
    flag: str, name: str, error: Exception, holds: str, missing: str = "not in the cache"
) -> InputError:
    """Say why a model is neither in the cache nor comes from the hub, and what to do.

    Args:
        flag: which gave the name.
        name: of the model, as the user wrote it.
        error: of the hub client, which raises many kinds.
        holds: what a folder of such a model is, as in "a folder that holds ...".
        missing: where it was not found.
    """
    return InputError(
        f"{flag} {name}: {missing} and {hub_failure(error)}; give {flag} {holds}, or run once "
        "where the hub can be reached and keep its cache (HF_HOME)"
    )


def hub_failure(error: Exception) -> str:
    """Say why the hub client could not give a file."""
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        return "no model hub can be reached"
    return f"the model hub does not give it ({first_line(error)})"


def first_line(error: Exception) -> str:
    """The first line of what an error says, at most 160 characters, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
