"""Looks at what a folder holds before it is read: images, tars, or Parquet files.

Images count first, wherever in the folder they lie: a table beside them, as Hugging Face's
``metadata.parquet`` or a manifest, is about them. Tars come before tables: img2dataset writes
``00000.parquet`` beside ``00000.tar``, addresses beside images. Tables decide where they are alone.
Only tars right in the folder, and tables in a folder ``data`` of it, where Hugging Face keeps those
of a data set, come before images below it, which are as a rule examples of theirs.
Whatever is left out so is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from actors import storage
from ray_jobs.runs.sources import folders
from ray_jobs.runs.sources.globs import Glob
from ray_jobs.runs.sources.rows import is_image_name

Kind = Literal["images", "tar", "parquet"]
Files = list[tuple[str, str]]
"""Names relative to the folder, and URIs."""


_DATA: Final = "data/"
_SHARD: Final = re.compile(r"-\d{5}-of-\d{5}[^/]*$")
_IN_ORDER: Final[tuple[Literal["tar", "parquet"], ...]] = ("tar", "parquet")


@dataclass(frozen=True)
class Survey:
    """What a folder is read as.

    Attributes:
        reads: what.
        files: the tars or tables to read.
        others: tars and tables that are not read.
        image: an image below that is not read either; None where there is none.
    """

    reads: Kind
    files: Files
    others: Files
    image: str | None = None

    def left_out(self, source: str) -> list[str]:
        """Say what is not read, and how it would be."""
        said = []
        folder = source.rstrip("/")
        read = "tars" if self.reads == "tar" else "Parquet files"
        for kind, what in (("tar", "tars"), ("parquet", "Parquet files")):
            names = [name for name, _ in self.others if packed_kind(name) == kind]
            if names:
                said.append(
                    f"the {read} are read, and {len(names)} {what} are not, such as {names[0]}: "
                    f"for these give {folder}/**/*.{kind}"
                )
        if self.image is not None:
            said.append(
                f"the {read} are read, and images in folders are not, such as {self.image}: for "
                f"these give {folder}/**/*.{self.image.rpartition('.')[2]}"
            )
        return said


def packed_kind(name: str) -> Literal["tar", "parquet"] | None:
    """Whether a name, or a glob, is one of tars or of Parquet files."""
    lower = name.lower()
    return "tar" if lower.endswith(".tar") else "parquet" if lower.endswith(".parquet") else None


def survey(source: str) -> Survey:
    """Look at a folder, as far as it takes to see what it is read as.

    Raises:
        InputError: it cannot be listed.
    """
    top = [
        name for path in storage.list_files(source) if (name := path.rpartition("/")[2])[0] != "."
    ]
    if any(is_image_name(name) for name in top):
        return Survey("images", [], [])
    tars_first = any(packed_kind(name) == "tar" for name in top)
    tables_first = not tars_first and _has_data_tables(source)
    packed: dict[str, Files] = {"tar": [], "parquet": []}
    image = None
    for name, uri in folders.glob_files(source, Glob("**")):
        if is_image_name(name):
            if not tars_first and (not tables_first or name.startswith(_DATA)):
                return Survey("images", [], [])
            image = image or name
        elif (kind := packed_kind(name)) is not None:
            packed[kind].append((name, uri))
    for each in ("parquet",) if tables_first else _IN_ORDER:
        if packed[each]:
            files = _at_top(packed[each]) or packed[each]
            if tables_first:
                files = [(name, uri) for name, uri in packed[each] if name.startswith(_DATA)]
            return Survey(each, files, _others(packed, files), image)
    return Survey("images", [], [])


def _has_data_tables(source: str) -> bool:
    """Whether the folder ``data`` has shards of a data set in it."""
    folder = storage.join(source, _DATA.rstrip("/"))
    return any(_SHARD.search(path) for path in storage.list_files(folder, ".parquet"))


def _at_top(files: Files) -> Files:
    return [(name, uri) for name, uri in files if "/" not in name]


def _others(packed: dict[str, Files], read: Files) -> Files:
    names = {name for name, _ in read}
    return [each for files in packed.values() for each in files if each[0] not in names]
