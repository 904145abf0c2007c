"""Folders, globs and prefixes: one image a file, locally or in a bucket."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow.fs as pafs

from actors import storage
from actors.storage.s3 import why
from actors.storage.s3_listing import list_keys
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.braces import has_braces
from ray_jobs.runs.sources.globs import Glob, is_glob, local_matches
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name

logger = logging.getLogger(f"onoma.{__name__}")


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
            elif not storage.is_folder_entry(entry):
                skipped.file(entry.name)
            if storage.is_folder_entry(entry):
                yield from walk(entry.path, path + "/")

    yield from walk(root, "")


def readable(name: str) -> str:
    """Return a file name as valid Unicode; bytes that are no UTF-8 become backslash escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def split_pattern(source: str) -> tuple[str, str]:
    """Split a glob, or a name with braces, into its fixed folder and the rest.

    The folder may have such marks in its name.

    Raises:
        InputError: the name of a bucket has marks.
    """
    names = source.split("/")
    fixed = 0
    for at, name in enumerate(names[:-1]):
        rest = "/".join(names[at:])
        opens = name.count("{") > name.count("}") and has_braces(rest)  # {a,b/c} is of two names
        marked = is_glob(name) or has_braces(name) or opens
        if opens or (marked and ("**" in name or not _is_there("/".join(names[: at + 1])))):
            break
        fixed = at + 1
    if not storage.is_local(source) and fixed < 3:
        raise InputError(f"--images {source}: the bucket must be named without marks of a glob")
    root = "/".join(names[:fixed])
    if storage.is_local(source):
        root = storage.local_path(root or ("/" if source.startswith("/") else "."))
    return root, "/".join(names[fixed:])


def _is_there(uri: str) -> bool:
    try:
        return storage.exists(uri)
    except Exception:  # whatever is wrong is told when the folder is listed
        return False


def glob_files(root: str, glob: Glob) -> Iterator[tuple[str, str]]:
    """The files below a folder that match a glob, sorted: names relative to it, and URIs.

    Raises:
        InputError: a remote folder cannot be listed.
    """
    if storage.is_local(root):
        for name, path in local_matches(storage.local_path(root), glob):
            yield readable(name), storage.local_uri(path)
        return
    for name, uri in remote_files(root):
        if glob.matches(name):
            yield name, uri


def images_among(files: Iterable[tuple[str, str]], skipped: Skipped) -> Iterator[ManifestRow]:
    """Rows of the files that are images by name; the others are counted."""
    for name, uri in files:
        if is_image_name(name):
            yield ManifestRow(name, uri)
        else:
            skipped.file(name)


def remote_files(uri: str) -> Iterator[tuple[str, str]]:
    """The files below a prefix of a bucket or another remote folder, sorted: names and URIs.

    Raises:
        InputError: the prefix cannot be listed.
    """
    if (client := storage.s3fs_of(uri)) is not None:
        yield from _s3_files(client, uri)
        return
    filesystem, base = storage.resolve(uri)
    try:
        infos = filesystem.get_file_info(pafs.FileSelector(base, recursive=True))
    except (OSError, FileNotFoundError) as error:
        raise InputError(f"--images {uri}: cannot be listed: {one_line(error)}") from error
    scheme = storage.scheme_of(uri)
    for info in sorted(infos, key=lambda info: info.path):
        if info.type == pafs.FileType.File:
            yield info.path[len(base.rstrip("/")) + 1 :], f"{scheme}://{info.path}"


def _s3_files(client: Any, uri: str) -> Iterator[tuple[str, str]]:
    """List a prefix of a bucket page by page; it comes in order."""
    scheme, _, place = uri.partition("://")
    bucket, _, prefix = place.rstrip("/").partition("/")
    prefix = f"{prefix}/" if prefix else ""
    try:
        for key in list_keys(client, bucket, prefix):
            relative = key[len(prefix) :]
            if relative and not relative.endswith("/"):  # else it stands for a folder
                yield relative, f"{scheme.lower()}://{bucket}/{key}"
    except Exception as error:  # botocore's errors have no common class with s3fs's
        raise InputError(f"--images {uri}: {why(error, bucket)}") from error
