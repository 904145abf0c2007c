"""Local files whose paths are no UTF-8, for PyArrow, which takes paths of UTF-8 only.

A disk has names of any bytes: of archives from other systems, of cameras, of cut downloads. Such a
path goes to PyArrow percent-encoded under a mark, to a file system that reads it as it is meant.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pyarrow as pa
import pyarrow.fs as pafs

MARK: Final = "/\x1fbytes:"
"""Before an encoded path; no path of a user begins so."""


def is_utf8(path: str) -> bool:
    """Whether a path is text that PyArrow, and what Ray sends, can hold as it is."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def marked(path: str) -> str:
    """An absolute path, encoded under the mark."""
    return MARK + quote_from_bytes(os.fsencode(path))


def plain(path: str) -> str:
    """The path that a marked one stands for; others are given back as they are."""
    return os.fsdecode(unquote_to_bytes(path[len(MARK) :])) if path.startswith(MARK) else path


class OddNamesHandler(pafs.FileSystemHandler):  # type: ignore[misc]
    """Reads local files by marked paths; what is written gets names of UTF-8."""

    def __eq__(self, other: object) -> bool:
        """All are the same."""
        return isinstance(other, OddNamesHandler)

    def __ne__(self, other: object) -> bool:
        """None are different."""
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def get_type_name(self) -> str:
        """Its name among file systems."""
        return "odd-names"

    def normalize_path(self, path: str) -> str:
        """Paths are absolute already."""
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        """What is at each path."""
        return [_info(path) for path in paths]

    def get_file_info_selector(self, selector: Any) -> list[Any]:
        """What is in a folder."""
        folder = plain(selector.base_dir)
        if selector.allow_not_found and not os.path.isdir(folder):
            return []
        found = []
        for name in sorted(os.listdir(folder)):
            found.append(_info(marked(os.path.join(folder, name))))
            if selector.recursive and found[-1].type == pafs.FileType.Directory:
                below = pafs.FileSelector(found[-1].path, recursive=True)
                found += self.get_file_info_selector(below)
        return found

    def open_input_stream(self, path: str) -> Any:
        """Read a file from its beginning."""
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        """Read a file anywhere."""
        return pa.PythonFile(open(plain(path), "rb"), mode="r")

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise OSError("a name in the path is no UTF-8: it is read, and not written to")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse


def _info(path: str) -> Any:
    try:
        found = os.stat(plain(path))
    except FileNotFoundError:
        return pafs.FileInfo(path, pafs.FileType.NotFound)
    kind = pafs.FileType.Directory if stat.S_ISDIR(found.st_mode) else pafs.FileType.File
    size = None if kind == pafs.FileType.Directory else found.st_size
    return pafs.FileInfo(path, kind, size=size, mtime_ns=found.st_mtime_ns)
