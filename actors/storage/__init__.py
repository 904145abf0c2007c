"""Reading and writing wherever things live: local paths, ``s3://``, ``gs://`` and more.

Local paths and ``file://`` URIs go to the local file system; ``s3://`` and ``gs://`` to PyArrow's
own clients, which take credentials, region and endpoint from the usual environment (``AWS_*``,
Google's defaults), but for buckets that only s3fs asks as wanted (`actors.storage.s3`): those of a
profile, anonymous ones, those whose requester pays, all behind a proxy, and keys that are no path
(``a//b``); every other scheme to the fsspec file system of that name. Keys after ``s3://bucket/``
are taken literally, never percent-decoded; ``file://`` URIs are percent-encoded bytes, so that any
file name survives.
"""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pyarrow.fs as pafs

from actors.s3_settings import S3Settings, current_words, settings_of
from actors.storage.odd_names import MARK, OddNamesHandler, is_utf8, marked, plain
from actors.storage.s3 import (
    arrow_filesystem,
    endpoint_of,
    is_behind_proxy,
    needs_s3fs,
    s3_filesystem,
)
from methods.errors import InputError

_S3_ATTEMPTS = 10
"""Of a request, with pauses that double from 25 ms: half a minute in all."""
_TIMEOUT_S = 60.0
_ODD = "odd-names"


def scheme_of(uri: str) -> str:
    """Return the lower-case scheme of ``uri``; ``file`` for plain paths."""
    head, separator, _ = uri.partition("://")
    return head.lower() if separator and head.isidentifier() else "file"


def is_local(uri: str) -> bool:
    """Say whether ``uri`` is on the local file system."""
    return scheme_of(uri) == "file"


def is_s3(uri: str) -> bool:
    """Say whether ``uri`` is in an S3 bucket."""
    return scheme_of(uri) in ("s3", "s3a")


def bucket_of(uri: str) -> str:
    """Return the bucket of an ``s3://`` address."""
    return uri.partition("://")[2].partition("/")[0]


def local_path(uri: str) -> str:
    """Return the absolute local path of a plain path or a ``file://`` URI."""
    if uri.startswith("file://"):
        return os.fsdecode(unquote_to_bytes(uri[len("file://") :]))
    if uri.startswith(MARK):
        return plain(uri)
    return os.path.abspath(os.path.expanduser(uri))


def local_uri(path: str) -> str:
    """Return the ``file://`` URI of an absolute local path, whatever bytes its name has."""
    return "file://" + quote_from_bytes(os.fsencode(plain(path)))


@lru_cache(maxsize=64)
def _s3(bucket: str, settings: S3Settings, by_s3fs: bool) -> pafs.FileSystem:
    if by_s3fs:
        return arrow_filesystem(settings)
    options: dict[str, Any] = {}
    endpoint = endpoint_of(settings)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:  # PyArrow takes every other AWS_* variable by itself
        scheme, separator, rest = endpoint.rpartition("://")
        options = {
            "endpoint_override": rest,
            "scheme": scheme.lower() if separator else "https",
        }
    elif not region:
        region = pafs.resolve_s3_region(bucket)
    return pafs.S3FileSystem(
        region=region,
        # the standard strategy has a quota of retries that PyArrow never fills again: after a
        # hundred errors in the life of a process, nothing is tried again
        retry_strategy=pafs.AwsDefaultS3RetryStrategy(max_attempts=_S3_ATTEMPTS),
        request_timeout=_TIMEOUT_S,
        connect_timeout=_TIMEOUT_S,
        **options,
    )


@lru_cache(maxsize=16)
def _filesystem(scheme: str) -> pafs.FileSystem:
    if scheme == "file":
        return pafs.LocalFileSystem()
    if scheme == _ODD:
        return pafs.PyFileSystem(OddNamesHandler())
    if scheme in ("gs", "gcs"):
        return pafs.GcsFileSystem()
    import fsspec

    try:
        return pafs.PyFileSystem(pafs.FSSpecHandler(fsspec.filesystem(scheme)))
    except (ValueError, ImportError) as error:
        raise InputError(f"{scheme}:// cannot be read here: {error}") from error


def resolve(uri: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system of ``uri`` and the path to use on it.

    Raises:
        InputError: the scheme is not known or its package is not installed.
    """
    scheme = scheme_of(uri)
    if scheme == "file":
        local = local_path(uri)
        return (
            (_filesystem(scheme), local) if is_utf8(local) else (_filesystem(_ODD), marked(local))
        )
    if scheme in ("http", "https"):
        return _filesystem(scheme), uri  # fsspec's http file system wants the whole address
    path = uri.partition("://")[2]
    if is_s3(uri):
        if not bucket_of(uri):
            raise InputError(f"{uri} names no bucket; write s3://BUCKET/PREFIX")
        return _s3(bucket_of(uri), _settings(uri), reads_by_s3fs(uri)), path
    return _filesystem(scheme), path


def _settings(uri: str) -> S3Settings:
    return settings_of(bucket_of(uri), current_words())


def s3fs_of(uri: str) -> Any:
    """The s3fs file system of an ``s3://`` address; None for others."""
    if not is_s3(uri):
        return None
    return s3_filesystem(_settings(uri))


def reads_by_s3fs(uri: str) -> bool:
    """Whether the bytes of an ``s3://`` address come through s3fs rather than PyArrow's client.

    That one takes a key for a path: it refuses ``a//b`` and reads ``a/./b`` as ``a/b``.
    """
    settings, key = _settings(uri), uri.partition("://")[2].partition("/")[2]
    if not {"", ".", ".."}.isdisjoint(key.removesuffix("/").split("/")) and key:
        return True
    return needs_s3fs(settings) or is_behind_proxy(bucket_of(uri), settings)


def join(uri: str, *parts: str) -> str:
    """Append path segments to a path or URI (percent-encoding them for ``file://``)."""
    if uri.startswith("file://"):
        parts = tuple(quote_from_bytes(os.fsencode(part)) for part in parts)
    return "/".join([uri.rstrip("/"), *parts])


def beside(uri: str, address: str) -> str:
    """Return an address that stands in a file: a URI as it is, a path from the file's folder on.

    Args:
        uri: the file.
        address: a URI, an absolute local path, or one relative to the folder of the file.
    """
    if not is_local(address) or address.startswith("file://"):
        return address
    address = os.path.expanduser(address)
    if os.path.isabs(address):
        return local_uri(address)
    if is_local(uri):
        folder = os.path.dirname(local_path(uri))
        return local_uri(os.path.normpath(os.path.join(folder, address)))
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    inside = os.path.normpath(os.path.join("/", os.path.dirname(key), address))
    return f"{scheme}://{bucket}{inside}"


def absolute(uri: str) -> str:
    """Return ``uri`` with a plain or ``file://`` local path made absolute; others unchanged."""
    return local_path(uri) if is_local(uri) else uri.rstrip("/")


def exists(uri: str) -> bool:
    """Say whether a file or folder is there."""
    if is_local(uri):
        return os.path.exists(local_path(uri))
    filesystem, path = resolve(uri)
    return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)


def is_file_entry(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a local folder is a file, links followed; a loop of links is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def is_folder_entry(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a local folder is one too, links followed; a loop of links is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def list_files(uri: str, suffix: str = "") -> list[str]:
    """List the files directly in a folder as paths on its file system, sorted; none if absent."""
    filesystem, path = resolve(uri)
    if is_local(uri):  # PyArrow gives up on a folder that holds one name which is no UTF-8
        path = local_path(uri)
        if not os.path.isdir(path):
            return []
        with os.scandir(path) as entries:
            files = [entry.path for entry in entries if is_file_entry(entry)]
    else:
        infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        files = [info.path for info in infos if info.type == pafs.FileType.File]
    return sorted(file for file in files if file.endswith(suffix))


def list_folders(uri: str) -> list[str]:
    """List the folders directly in a folder as paths on its file system, sorted; none if absent."""
    if is_local(uri):
        path = local_path(uri)
        if not os.path.isdir(path):
            return []
        with os.scandir(path) as entries:
            return sorted(entry.path for entry in entries if is_folder_entry(entry))
    filesystem, path = resolve(uri)
    infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    return sorted(info.path for info in infos if info.type == pafs.FileType.Directory)


def read_bytes(uri: str) -> bytes:
    """Read a whole file."""
    if is_local(uri):
        with open(local_path(uri), "rb") as file:
            return file.read()
    filesystem, path = resolve(uri)
    with filesystem.open_input_stream(path, compression=None) as stream:
        return bytes(stream.read())


def write_bytes(uri: str, data: bytes) -> None:
    """Write a whole file, making its folder; a local file appears whole or not at all."""
    if is_local(uri):
        path = local_path(uri)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        partial = f"{path}.partial-{os.getpid()}"
        with open(partial, "wb") as file:
            file.write(data)
        os.replace(partial, path)
        return
    filesystem, path = resolve(uri)
    with filesystem.open_output_stream(path) as stream:
        stream.write(data)


def delete_folder(uri: str) -> None:
    """Delete a folder and all it holds; an absent folder is fine."""
    filesystem, path = resolve(uri)
    if is_local(uri):
        if os.path.isdir(local_path(uri)):
            shutil.rmtree(local_path(uri))
    elif filesystem.get_file_info(path).type == pafs.FileType.Directory:
        filesystem.delete_dir(path)
