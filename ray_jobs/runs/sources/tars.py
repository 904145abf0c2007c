"""WebDataset tars: every image member becomes a byte range of its tar.

Tars that were joined one behind the other are read to their end. One that is cut off, empty or no
tar costs what is lost of it: among several it is said and left out from there on, and alone it is
refused.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors import storage
from actors.images.formats import LFS_POINTER, POINTS_ELSEWHERE
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.metadata import Metadata
from ray_jobs.runs.sources.packed_tars import how_to_unpack, packed_kind_of
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name

_HEAD: Final = 64
_LOOKED_AT: Final = 1 << 20


class BrokenTar(Exception):
    """A tar, or its rest, cannot be read: why, in words."""


@dataclass(frozen=True)
class Shard:
    """One tar of an archive.

    Attributes:
        name: relative to the archive.
        uri: where it is.
        prefix: of paths, since keys are unique only within one tar.
    """

    name: str
    uri: str
    prefix: str


def _members(shard: Shard, skipped: Skipped, metadata: Metadata) -> Iterator[ManifestRow]:
    """List a tar's image members, reading headers only.

    Raises:
        BrokenTar: it, or what comes behind the rows given, cannot be read.
        InputError: no such file, or it may not be read.
    """
    filesystem, path = storage.resolve(shard.uri)
    where = shard.uri if not storage.is_local(shard.uri) else storage.local_uri(path)
    try:
        with filesystem.open_input_file(path) as file:
            size = file.size()
            if not size:
                raise BrokenTar("is empty")
            head = _at(file, 0, _HEAD)
            if (kind := packed_kind_of(head)) is not None:
                raise BrokenTar(how_to_unpack(shard.name or shard.uri, kind))
            if head.startswith(LFS_POINTER):
                raise BrokenTar(f"is {POINTS_ELSEWHERE}")
            for member in _headers(file, size):
                name = member.name.removeprefix("./")
                if member.isdir():
                    continue
                if not is_image_name(name):
                    skipped.file(name)
                    continue
                length = member.size if member.isfile() else -1
                yield ManifestRow(
                    shard.prefix + name,
                    where,
                    member=name,
                    offset=member.offset_data,
                    length=length,
                    kept=metadata.of_member(shard.uri, name),
                )
    except FileNotFoundError as error:
        raise BrokenTar("is not there") from error
    except PermissionError as error:
        raise BrokenTar("may not be read") from error
    except OSError as error:
        raise InputError(f"--images {shard.uri}: {one_line(error)}") from error


def _headers(file: Any, size: int) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar, or of several joined, one at a time.

    Raises:
        BrokenTar: it is none, something in it is damaged, or it ends too early.
    """
    end, damaged = 0, 0
    try:
        # zeros end a tar, and another may begin behind them; what is no header is stepped over
        with tarfile.open(
            fileobj=file, mode="r:", errors="backslashreplace", ignore_zeros=True
        ) as archive:
            for member in archive:
                if member.offset > end and not damaged and not _is_zero(file, end, member.offset):
                    damaged = end or 1
                data = member.offset_data + (member.size if member.isreg() else 0)
                end = -(-data // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                yield member
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header it has seen; a shard has many
                if data > size:
                    raise BrokenTar(f"is cut off: {size} bytes, and {member.name} ends at {data}")
    except tarfile.ReadError as error:
        if not end:
            raise BrokenTar(f"is no tar, or cut off in its first header ({size} bytes)") from error
        raise BrokenTar(f"is cut off behind byte {end} ({one_line(error)})") from error
    if not end and not _is_zero(file, 0, size):
        raise BrokenTar("is no tar: there is no header in it")
    if damaged or not _is_zero(file, end, size):
        raise BrokenTar(f"is damaged or cut off behind byte {damaged or end}")
    if end >= size:  # whole writers end a tar with two blocks of zeros
        raise BrokenTar(f"has no end mark, so it may be cut off behind byte {end}")


def _is_zero(file: Any, begin: int, end: int) -> bool:
    """Whether a stretch of a file is zeros, as far as one looks; where it is read next stays."""
    length = min(end - begin, _LOOKED_AT)
    return length <= 0 or not any(_at(file, begin, length))


def _at(file: Any, begin: int, length: int) -> bytes:
    here = file.tell()
    file.seek(begin)
    found = bytes(file.read(length))
    file.seek(here)
    return found


def tars(
    uris: Sequence[tuple[str, str]], skipped: Skipped, metadata: Metadata
) -> Iterator[ManifestRow]:
    """List tars, given as (relative name, uri); a single one needs no name before its keys.

    Raises:
        InputError: none of them can be read at all, with what is wrong with the first.
    """
    shards = [Shard(name, uri, f"{name}/" if len(uris) > 1 else "") for name, uri in uris]
    broken: list[str] = []
    rows = 0
    for shard in shards:
        own = 0
        try:
            for row in _members(shard, skipped, metadata):
                own += 1
                yield row
        except BrokenTar as error:
            told = str(error)
            name = shard.name or shard.uri
            whole = told if told.startswith(name.rpartition("/")[2]) else f"{name} {told}"
            skipped.shards.append(f"{whole}; {own} of its images are listed")
            broken.append(whole)
        rows += own
    if broken and not rows:
        more = f" (and {len(broken) - 1} more like it)" if len(broken) > 1 else ""
        raise InputError(
            f"--images {shards[0].uri if len(shards) == 1 else 'tars'}: no readable tar: "
            f"{broken[0]}{more}"
        )
