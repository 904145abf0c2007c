"""Decides what kind of archive ``--images`` names and lists it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pyarrow.fs as pafs

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.sources import folders, lists, tables, tars
from ray_jobs.runs.sources.braces import expanded
from ray_jobs.runs.sources.globs import Glob, is_glob
from ray_jobs.runs.sources.kept import KeptColumns
from ray_jobs.runs.sources.metadata import Metadata
from ray_jobs.runs.sources.packed_tars import how_to_unpack, is_packed_tar
from ray_jobs.runs.sources.presence import check_source
from ray_jobs.runs.sources.rows import ManifestRow, Skipped, is_image_name
from ray_jobs.runs.sources.survey import packed_kind, survey
from ray_jobs.runs.sources.table_columns import TableColumns

__all__ = ["Listing", "ManifestRow", "list_images"]


@dataclass
class Listing:
    """The rows of an archive, and what was left out once they have been read."""

    kind: str
    rows: Iterable[ManifestRow]
    skipped: Skipped
    kept: KeptColumns = field(default_factory=KeptColumns)

    def hint(self) -> str:
        """What to do about paths that are given twice; empty where nothing is known of it."""
        return self.rows.hint() if isinstance(self.rows, tables.Tables) else ""


def list_images(source: str, columns: TableColumns | None = None) -> Listing:
    """List an archive: a folder, a glob, an ``s3://`` prefix, ``.parquet``, ``.tar`` or ``.txt``.

    What a folder is read as, `ray_jobs.runs.sources.survey` says.

    Raises:
        InputError: nothing is there, or it is no kind known; raised here or on reading rows.
    """
    columns = columns or TableColumns()
    found = _Reading(columns, Skipped(), KeptColumns(columns.keep)).of(source)
    if not isinstance(found.rows, tables.Tables):
        for flag, named in (("--image-column", columns.image), ("--id-column", columns.key)):
            if named is not None:
                raise InputError(
                    f"{flag} {named} is for Parquet files, and {source} is read as a {found.kind}"
                )
    return found


@dataclass
class _Reading:
    """One archive being listed."""

    columns: TableColumns
    skipped: Skipped
    kept: KeptColumns

    def of(self, source: str) -> Listing:
        """See what it is."""
        if check_source(source):
            return self._pattern(source)
        local = storage.is_local(source)
        lower = source.lower().rstrip("/")
        filesystem, path = storage.resolve(source)
        if filesystem.get_file_info(path).type == pafs.FileType.Directory:
            return self._folder(source, storage.local_path(source) if local else path)
        if (packed := packed_kind(lower)) is not None:
            return self._packed(packed, [("", source)])
        if lower.endswith(".txt"):
            return self._listing("list", lists.text_list(source))
        if is_packed_tar(lower):
            raise InputError(f"--images {source}: {how_to_unpack(source)}")
        if is_image_name(lower):
            uri = storage.local_uri(path) if local else source
            name = folders.readable(os.path.basename(source.rstrip("/")))
            return self._listing("file", iter([ManifestRow(name, uri)]))
        raise InputError(
            f"--images {source}: not an archive; give a folder, a glob, an s3:// prefix, "
            "a .parquet, a .tar or a .txt list"
        )

    def _listing(self, kind: str, rows: Iterable[ManifestRow]) -> Listing:
        if self.kept and kind in ("list", "file"):
            raise InputError(f"--keep-columns: a {kind} of images has no columns")
        return Listing(kind, rows, self.skipped, self.kept)

    def _folder(self, source: str, path: str) -> Listing:
        local = storage.is_local(source)
        if local and not os.access(path, os.R_OK | os.X_OK):
            raise InputError(f"--images {source}: the folder may not be read")
        found = survey(source)
        if found.reads == "images":
            rows = (
                folders.local_folder(path, self.skipped)
                if local
                else folders.images_among(folders.remote_files(source), self.skipped)
            )
            root = storage.local_uri(path) if local else source
            return self._listing("folder" if local else "prefix", self._with_rows(root, rows))
        self.skipped.notes += found.left_out(source)
        return self._packed(found.reads, found.files)

    def _pattern(self, source: str) -> Listing:
        """A glob, or a name with braces."""
        root, pattern = folders.split_pattern(source)
        where = storage.local_uri(root) if storage.is_local(root) else root
        found: dict[str, str] = {}
        for each in expanded(pattern):
            if is_glob(each):
                found.update(folders.glob_files(root, Glob(each)))
            else:
                names = [name for name in each.split("/") if name not in ("", ".")]
                found["/".join(names)] = storage.join(where, *names)
        packed = packed_kind(pattern)
        if packed is not None:
            return self._packed(packed, list(found.items()))
        rows = folders.images_among(found.items(), self.skipped)
        return self._listing("glob", self._with_rows(where, rows))

    def _packed(self, kind: str, files: list[tuple[str, str]]) -> Listing:
        if kind == "parquet":
            rows: Iterable[ManifestRow] = tables.Tables(
                files, self.columns, self.kept, self.skipped
            )
            return self._listing("parquet", rows)
        metadata = Metadata(self.kept)
        return self._listing("tar", self._told(tars.tars(files, self.skipped, metadata), metadata))

    def _with_rows(self, root: str, rows: Iterable[ManifestRow]) -> Iterator[ManifestRow]:
        """Rows of files, with what a table beside them says of each."""
        metadata = Metadata(self.kept)
        if not self.kept:
            return iter(rows)
        joined = (replace(row, kept=metadata.of_file(root, row.path)) for row in rows)
        return self._told(joined, metadata)

    def _told(self, rows: Iterable[ManifestRow], metadata: Metadata) -> Iterator[ManifestRow]:
        yield from rows
        if said := metadata.sentence():
            self.skipped.notes.append(said)
