"""WebDataset tars: every image member becomes a byte range of its tar."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence

from actors import storage
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name


def tar_members(uri: str, prefix: str, skipped: Skipped) -> Iterator[ManifestRow]:
    """List a tar's image members, reading headers only.

    Args:
        uri: the tar.
        prefix: what comes before member names in paths; keys are unique only within one tar.
        skipped: counts members that are no images.

    Raises:
        InputError: no such file, compressed, or no tar.
    """
    filesystem, path = storage.resolve(uri)
    where = uri if not storage.is_local(uri) else storage.local_uri(path)
    try:
        with (
            filesystem.open_input_file(path) as file,
            tarfile.open(fileobj=file, mode="r:", errors="backslashreplace") as archive,
        ):
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isdir():
                    continue
                if not is_image_name(name):
                    skipped.file(name)
                    continue
                length = member.size if member.isfile() else -1
                yield ManifestRow(
                    prefix + name, where, member=name, offset=member.offset_data, length=length
                )
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header it has seen; a shard has many
    except tarfile.ReadError as error:
        raise InputError(
            f"--images {uri}: no readable tar ({one_line(error)}); a compressed tar must be "
            "unpacked, since images are read from it by position"
        ) from error
    except OSError as error:
        raise InputError(f"--images {uri}: {one_line(error)}") from error


def tars(uris: Sequence[tuple[str, str]], skipped: Skipped) -> Iterator[ManifestRow]:
    """List tars, given as (relative name, uri); a single one needs no name before its keys."""
    for name, uri in uris:
        yield from tar_members(uri, f"{name}/" if len(uris) > 1 else "", skipped)
