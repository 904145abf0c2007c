"""Decides what kind of archive ``--images`` names and lists it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs

from actors import storage
from actors.storage.s3 import why
from methods.errors import InputError, one_line
from ray_jobs.runs.sources import folders, lists, tables, tars
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name

__all__ = ["Listing", "ManifestRow", "list_images"]


@dataclass
class Listing:
    """The rows of an archive, and what was left out once they have been read."""

    kind: str
    rows: Iterator[ManifestRow]
    skipped: Skipped


def list_images(source: str) -> Listing:
    """List an archive: a folder, a glob, an ``s3://`` prefix, ``.parquet``, ``.tar`` or ``.txt``.

    A folder that holds Parquet files or tars and no image files is read as those.

    Raises:
        InputError: nothing is there, or it is no kind known; raised here or on reading rows.
    """
    skipped = Skipped()
    local = storage.is_local(source)
    is_glob = bool(folders.GLOB_MARKS & set(source)) and not storage_has(source)
    if is_glob:
        return _glob(source, skipped)
    lower = source.lower().rstrip("/")
    if not storage_has(source):
        hint = "" if local else " (check the bucket, the region and the credentials)"
        raise InputError(f"--images {source}: no such folder or file{hint}")
    filesystem, path = storage.resolve(source)
    if filesystem.get_file_info(path).type != pafs.FileType.Directory:
        if lower.endswith(".parquet"):
            return Listing("parquet", tables.tables([("", source)]), skipped)
        if lower.endswith(".tar"):
            return Listing("tar", tars.tars([("", source)], skipped), skipped)
        if lower.endswith(".txt"):
            return Listing("list", lists.text_list(source), skipped)
        if is_image_name(lower):
            uri = storage.local_uri(path) if local else source
            return Listing("file", iter([ManifestRow(os.path.basename(path), uri)]), skipped)
        raise InputError(
            f"--images {source}: not an archive; give a folder, a glob, an s3:// prefix, "
            "a .parquet, a .tar or a .txt list"
        )
    return _folder(source, path, skipped)


def storage_has(source: str) -> bool:
    """Say whether something is at ``source``, with a clear error when the storage cannot tell."""
    try:
        return storage.exists(source)
    except InputError:
        raise
    except Exception as error:  # botocore's errors are no OSError
        if not isinstance(error, OSError) and not storage.is_s3(source):
            raise
        told = one_line(error)
        if storage.is_s3(source):
            told = why(error, storage.bucket_of(source))
        raise InputError(f"--images {source}: {told}") from error


def _folder(source: str, path: str, skipped: Skipped) -> Listing:
    packed = _packed_files(source)
    if packed:
        extension, files = packed
        if extension == ".parquet":
            return Listing("parquet", tables.tables(files), skipped)
        return Listing("tar", tars.tars(files, skipped), skipped)
    if storage.is_local(source):
        if not os.access(path, os.R_OK | os.X_OK):
            raise InputError(f"--images {source}: the folder may not be read")
        return Listing("folder", folders.local_folder(path, skipped), skipped)
    return Listing("prefix", folders.remote_folder(source, skipped), skipped)


def _packed_files(source: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the Parquet files or tars directly in a folder that holds no images beside them."""
    names = [os.path.basename(path) for path in storage.list_files(source)]
    if any(is_image_name(name) for name in names):
        return None
    for extension in (".parquet", ".tar"):
        found = [name for name in names if name.lower().endswith(extension)]
        if found:
            base = storage.absolute(source)
            return extension, [(name, storage.join(base, name)) for name in found]
    return None


def _glob(source: str, skipped: Skipped) -> Listing:
    root, pattern = folders.split_glob(source)
    extension = os.path.splitext(pattern)[1].lower()
    if extension in (".parquet", ".tar"):
        files = _glob_files(root, pattern)
        if extension == ".parquet":
            return Listing("parquet", tables.tables(files), skipped)
        return Listing("tar", tars.tars(files, skipped), skipped)
    if storage.is_local(source):
        return Listing("glob", folders.local_glob(source, skipped), skipped)
    return Listing("glob", folders.remote_folder(root, skipped, pattern), skipped)


def _glob_files(root: str, pattern: str) -> list[tuple[str, str]]:
    base = storage.absolute(root or ".")
    names = [os.path.basename(path) for path in storage.list_files(base)]
    return [(n, storage.join(base, n)) for n in names if fnmatch.fnmatch(n, pattern)]
