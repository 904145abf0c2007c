"""One row of a manifest, and which file names are images."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

IMAGE_EXTENSIONS: Final = frozenset(
    "jpg jpeg jpe jfif png webp gif bmp dib tif tiff avif heic heif jp2 ppm pgm pnm tga ico".split()
)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """Where one image is: a file, a byte range of one (tar), or a cell of a Parquet file.

    Attributes:
        path: relative to the archive's root, or the key; what the image's id is a hash of.
        uri: the file or object.
        member: name inside a tar.
        offset, length: byte range inside ``uri``; length -1 for a member that is no regular file.
        column, row_group, row: cell inside a Parquet file.
        image_id: given by a ready manifest; otherwise the hash of ``path``.
    """

    path: str
    uri: str
    member: str | None = None
    offset: int | None = None
    length: int | None = None
    column: str | None = None
    row_group: int | None = None
    row: int | None = None
    image_id: int | None = None


@dataclass
class Skipped:
    """What a listing left out, by kind, so that nothing disappears in silence.

    Attributes:
        by_kind: counts of files that are no images by name.
        notes: what else was left out, in words.
    """

    by_kind: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def file(self, name: str) -> None:
        """Count a file that is no image by its name."""
        _, dot, extension = name.rpartition("/")[2].rpartition(".")
        self.by_kind[f".{extension.lower()}" if dot else "no extension"] += 1

    def sentence(self) -> str:
        """Say what was skipped, or nothing."""
        return "; ".join([*self.notes, *self._counted()])

    def _counted(self) -> list[str]:
        if not self.by_kind:
            return []
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.by_kind.most_common(6))
        said = [
            f"skipped {self.by_kind.total()} entries that are no images by name ({kinds})",
            "list them in a .txt file to label them all the same",
        ]
        if {".parquet", ".tar"} & self.by_kind.keys():
            said[1] = (
                "what tables and tars hold is read where --images names them or a glob of them"
            )
        return said


def is_image_name(name: str) -> bool:
    """Say whether the name of a file, or its path, has an image's extension, behind a dot."""
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    return bool(dot) and extension.lower() in IMAGE_EXTENSIONS
