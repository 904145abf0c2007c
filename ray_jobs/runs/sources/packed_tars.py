"""Compressed tars: known by their names or first bytes, and refused with the command that helps."""

from __future__ import annotations

from typing import Final

_KINDS: Final = (
    ("gzip", b"\x1f\x8b", (".tar.gz", ".tgz"), "gzip -dc"),
    ("zstd", b"\x28\xb5\x2f\xfd", (".tar.zst", ".tzst", ".tar.zstd"), "zstd -dc"),
    ("bzip2", b"BZh", (".tar.bz2", ".tbz2", ".tbz"), "bzip2 -dc"),
    ("xz", b"\xfd7zXZ\x00", (".tar.xz", ".txz"), "xz -dc"),
    ("lz4", b"\x04\x22\x4d\x18", (".tar.lz4",), "lz4 -dc"),
)
"""Kind, first bytes, ends of names, and the command that writes it unpacked."""


def is_packed_tar(name: str) -> bool:
    """Whether a name is that of a compressed tar."""
    return name.lower().endswith(tuple(end for _, _, ends, _ in _KINDS for end in ends))


def packed_kind_of(head: bytes) -> str | None:
    """How the file that begins so is compressed; None if it is not."""
    return next((kind for kind, begins, _, _ in _KINDS if head.startswith(begins)), None)


def how_to_unpack(name: str, kind: str | None = None) -> str:
    """One sentence: that a tar is compressed, and the command that makes one that can be read.

    Args:
        name: of the tar, or its path.
        kind: how it is compressed, where its name does not say so.
    """
    tail = name.rpartition("/")[2]
    for known, _, ends, command in _KINDS:
        end = next((end for end in ends if tail.lower().endswith(end)), None)
        if kind == known or (kind is None and end is not None):
            stem = tail[: -len(end)] if end else f"{tail.removesuffix('.tar')}-unpacked"
            return (
                f"{tail} is compressed ({known}) and must be unpacked, since images are read from "
                f"a tar by position: {command} {tail} > {stem}.tar"
            )
    return f"{tail} is compressed, and must be unpacked to a .tar"
