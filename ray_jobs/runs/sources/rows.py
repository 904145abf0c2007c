"""One row of a manifest, and which file names are images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ray_jobs.runs.sources.packed_tars import how_to_unpack, is_packed_tar

IMAGE_EXTENSIONS: Final = frozenset(
    "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff avif heic heif hif ppm pgm pbm pnm tga "
    "ico jp2 j2k jpx jpf jpc j2c jxl".split()
)
CAMERA_RAW: Final = frozenset(
    "cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 raf pef srw x3f 3fr iiq kdc dcr mrw erf mef "
    "mos rwl gpr".split()
)
"""Extensions of cameras' raw files: images that get an error row, never silence."""
_SHARDS_NAMED: Final = 20


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
        kept: what the labels are to have of the user's own table.
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
    kept: Mapping[str, Any] | None = None


@dataclass
class Skipped:
    """What a listing left out, by kind, so that nothing disappears in silence.

    Attributes:
        by_kind: counts of files that are no images by name.
        notes: what else was left out, in words.
        shards: tars and tables that are broken, each in words.
        packed: one compressed tar.
    """

    by_kind: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    packed: str | None = None

    def file(self, name: str) -> None:
        """Count a file that is no image by its name."""
        _, dot, extension = name.rpartition("/")[2].rpartition(".")
        self.by_kind[f".{extension.lower()}" if dot else "no extension"] += 1
        if self.packed is None and is_packed_tar(name):
            self.packed = name

    def sentence(self) -> str:
        """Say what was skipped, or nothing."""
        return "; ".join([*self.notes, *self._broken(), *self._counted()])

    def _broken(self) -> list[str]:
        more = len(self.shards) - _SHARDS_NAMED
        return self.shards[:_SHARDS_NAMED] + ([f"{more} more files are broken"] if more > 0 else [])

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
        if self.packed is not None:
            said.append(how_to_unpack(self.packed))
        return said


def is_image_name(name: str) -> bool:
    """Say whether the name of a file, or its path, has an image's extension, behind a dot."""
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    return bool(dot) and extension.lower() in IMAGE_EXTENSIONS | CAMERA_RAW
