"""A small file that several processes change, each change in one step where the storage has one.

Locally under a lock of the file. In S3 by conditional requests: a change that somebody else was
faster with is made again on what is there then. Other storages, and S3 servers that know no
conditions, just write: who has to be sure reads again a moment later.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pyarrow.fs as pafs

from actors import storage

Change = Callable[[bytes | None], bytes | None]
"""From what the file holds, None where it is not there or empty, to what it is to hold, None where
it is to go. Whatever it raises leaves the file as it is."""

_ATTEMPTS: Final = 5
_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_UNKNOWN: Final = ("NotImplemented", "501")


def exchange(uri: str, change: Change) -> None:
    """Change a file.

    Args:
        uri: of the file; its folder is made.
        change: called at least once.

    Raises:
        OSError: it cannot be read or written.
    """
    if storage.is_local(uri):
        _exchange_locally(storage.local_path(uri), change)
    elif storage.is_s3(uri):
        _exchange_in_s3(storage.s3fs_of(uri), uri, change)
    else:
        _exchange_plainly(uri, change)


def _exchange_locally(path: str, change: Change) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not _is_at(descriptor, path):  # removed while this process waited for it
                continue
            old = os.pread(descriptor, 1 << 20, 0) or None
            try:
                new = change(old)
            except BaseException:
                if old is None:  # made by opening it
                    os.unlink(path)
                raise
            if new is None:
                os.unlink(path)
            else:
                os.pwrite(descriptor, new, 0)
                os.ftruncate(descriptor, len(new))
                os.fsync(descriptor)
            return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _exchange_in_s3(filesystem: Any, uri: str, change: Change) -> None:
    path = storage.resolve(uri)[1]
    bucket, _, key = path.partition("/")
    for left in range(_ATTEMPTS - 1, -1, -1):
        old, condition = _read_from_s3(filesystem, path)
        new = change(old or None)
        try:
            if new is None:
                if old is not None:
                    filesystem.call_s3("delete_object", Bucket=bucket, Key=key)
            else:
                _put(filesystem, {"Bucket": bucket, "Key": key, "Body": new}, condition)
            return
        except OSError as error:
            if not left or not _says(error, _CONFLICTS):
                raise


def _read_from_s3(filesystem: Any, path: str) -> tuple[bytes | None, dict[str, str]]:
    """An object, and the condition that it is still the same."""
    try:
        tag = filesystem.info(path, refresh=True)["ETag"]
        return filesystem.cat_file(path), {"IfMatch": tag}
    except FileNotFoundError:
        return None, {"IfNoneMatch": "*"}


def _put(filesystem: Any, request: dict[str, Any], condition: dict[str, str]) -> None:
    try:
        filesystem.call_s3("put_object", **request, **condition)
    except OSError as error:
        if not _says(error, _UNKNOWN):
            raise
        filesystem.call_s3("put_object", **request)


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    texts = [f"{type(each).__name__} {each}" for each in (error, error.__cause__) if each]
    if isinstance(error, FileExistsError) and words is _CONFLICTS:
        return True
    return any(word in text for word in words for text in texts)


def _exchange_plainly(uri: str, change: Change) -> None:
    there = storage.exists(uri)
    new = change(storage.read_bytes(uri) or None if there else None)
    if new is not None:
        storage.write_bytes(uri, new)
    elif there:
        filesystem, path = storage.resolve(uri)
        if filesystem.get_file_info(path).type == pafs.FileType.File:
            filesystem.delete_file(path)
