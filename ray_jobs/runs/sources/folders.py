"""Folders, globs and prefixes: one image a file, locally or in a bucket."""

from __future__ import annotations

import fnmatch
import glob
import logging
import os
from collections.abc import Iterator
from typing import Any, Final

import pyarrow.fs as pafs

from actors import storage
from actors.storage.s3 import why
from actors.storage.s3_listing import list_keys
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name

logger = logging.getLogger(f"onoma.{__name__}")

GLOB_MARKS: Final = frozenset("*?[")


def local_folder(root: str, skipped: Skipped) -> Iterator[ManifestRow]:
    """Walk a local folder in sorted order, following links to folders once.

    Dangling links, directories and pipes that are named like images get a row: they become error
    rows, not silence.
    """
    seen: set[tuple[int, int]] = set()

    def walk(folder: str, prefix: str) -> Iterator[ManifestRow]:
        try:
            status = os.stat(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            logger.warning("cannot list %s: %s", folder, error)
            skipped.by_kind["folders that cannot be listed"] += 1
            return
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            path = prefix + readable(entry.name)
            if is_image_name(entry.name):
                yield ManifestRow(path, storage.local_uri(entry.path))
            elif not entry.is_dir():
                skipped.file(entry.name)
            if entry.is_dir():
                yield from walk(entry.path, path + "/")

    yield from walk(root, "")


def readable(name: str) -> str:
    """Return a file name as valid Unicode; bytes that are no UTF-8 become backslash escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def split_glob(pattern: str) -> tuple[str, str]:
    """Split a glob into the folder before the first magic segment and the rest."""
    segments = pattern.split("/")
    magic = next(i for i, segment in enumerate(segments) if GLOB_MARKS & set(segment))
    return "/".join(segments[:magic]), "/".join(segments[magic:])


def local_glob(pattern: str, skipped: Skipped) -> Iterator[ManifestRow]:
    """Match a local glob (``**`` for any depth); paths are relative to its fixed part."""
    root, rest = split_glob(pattern)
    root = storage.local_path(root or ("/" if pattern.startswith("/") else "."))
    for name in sorted(glob.glob(rest, root_dir=root, recursive=True)):
        full = os.path.join(root, name)
        if is_image_name(name):
            yield ManifestRow(readable(name), storage.local_uri(full))
        elif not os.path.isdir(full):
            skipped.file(name)


def remote_folder(uri: str, skipped: Skipped, pattern: str = "") -> Iterator[ManifestRow]:
    """List a prefix of a bucket (or another remote folder), optionally by glob, in sorted order.

    Raises:
        InputError: the prefix cannot be listed.
    """
    if (client := storage.s3fs_of(uri)) is not None:
        yield from _s3_folder(client, uri, skipped, pattern)
        return
    filesystem, base = storage.resolve(uri)
    try:
        infos = filesystem.get_file_info(pafs.FileSelector(base, recursive=True))
    except (OSError, FileNotFoundError) as error:
        raise InputError(f"--images {uri}: cannot be listed: {one_line(error)}") from error
    scheme = storage.scheme_of(uri)
    for info in sorted(infos, key=lambda info: info.path):
        relative = info.path[len(base.rstrip("/")) + 1 :]
        if info.type != pafs.FileType.File or (pattern and not fnmatch.fnmatch(relative, pattern)):
            continue
        if is_image_name(relative):
            yield ManifestRow(relative, f"{scheme}://{info.path}")
        else:
            skipped.file(relative)


def _s3_folder(client: Any, uri: str, skipped: Skipped, pattern: str) -> Iterator[ManifestRow]:
    """List a prefix of a bucket page by page; it comes in order."""
    scheme, _, place = uri.partition("://")
    bucket, _, prefix = place.rstrip("/").partition("/")
    prefix = f"{prefix}/" if prefix else ""
    try:
        for key in list_keys(client, bucket, prefix):
            relative = key[len(prefix) :]
            if relative.endswith("/") or not relative or not _matches(relative, pattern):
                continue  # a key with a slash at its end stands for a folder
            if is_image_name(relative):
                yield ManifestRow(relative, f"{scheme.lower()}://{bucket}/{key}")
            else:
                skipped.file(relative)
    except Exception as error:  # botocore's errors have no common class with s3fs's
        raise InputError(f"--images {uri}: {why(error, bucket)}") from error


def _matches(relative: str, pattern: str) -> bool:
    return not pattern or fnmatch.fnmatch(relative, pattern)
