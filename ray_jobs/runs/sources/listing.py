"""Decides what kind of archive ``--images`` names and lists it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs

from actors import storage
from actors.storage.s3 import why
from methods.errors import InputError, one_line
from ray_jobs.runs.sources import folders, lists, tables, tars
from ray_jobs.runs.sources.globs import is_glob
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name
from ray_jobs.runs.sources.survey import packed_kind, survey

__all__ = ["Listing", "ManifestRow", "list_images"]


@dataclass
class Listing:
    """The rows of an archive, and what was left out once they have been read."""

    kind: str
    rows: Iterator[ManifestRow]
    skipped: Skipped


def list_images(source: str) -> Listing:
    """List an archive: a folder, a glob, an ``s3://`` prefix, ``.parquet``, ``.tar`` or ``.txt``.

    What a folder is read as, `ray_jobs.runs.sources.survey` says.

    Raises:
        InputError: nothing is there, or it is no kind known; raised here or on reading rows.
    """
    skipped = Skipped()
    local = storage.is_local(source)
    if is_glob(source) and not storage_has(source):
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
            return Listing(
                "file",
                iter([ManifestRow(folders.readable(os.path.basename(source.rstrip("/"))), uri)]),
                skipped,
            )
        raise InputError(
            f"--images {source}: not an archive; give a folder, a glob, an s3:// prefix, "
            "a .parquet, a .tar or a .txt list"
        )
    return _folder(source, storage.local_path(source) if local else path, skipped)


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
    local = storage.is_local(source)
    if local and not os.access(path, os.R_OK | os.X_OK):
        raise InputError(f"--images {source}: the folder may not be read")
    found = survey(source)
    if found.reads == "images":
        rows = (
            folders.local_folder(path, skipped)
            if local
            else folders.images_among(folders.remote_files(source), skipped)
        )
        return Listing("folder" if local else "prefix", rows, skipped)
    skipped.notes += found.left_out(source)
    return _packed(found.reads, found.files, skipped)


def _glob(source: str, skipped: Skipped) -> Listing:
    root, glob = folders.split_glob(source)
    files = folders.glob_files(root, glob)
    packed = packed_kind(glob.pattern)
    if packed is None:
        return Listing("glob", folders.images_among(files, skipped), skipped)
    return _packed(packed, list(files), skipped)


def _packed(kind: str, files: list[tuple[str, str]], skipped: Skipped) -> Listing:
    if kind == "parquet":
        return Listing("parquet", tables.tables(files), skipped)
    return Listing("tar", tars.tars(files, skipped), skipped)
