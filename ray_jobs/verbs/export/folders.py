"""A folder a class, with links to its images, or copies where an image is no file here.

``classes.csv`` says which folder is which class: names of folders are made safe for any file
system. An image with several labels is in several folders; rows without a label are left out.
"""

from __future__ import annotations

import csv
import os
import re
from typing import Any, Final

from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from ray_jobs.verbs.export.rows import ExportRow, RunExport, ending, local_file

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST: Final = 120
"""Bytes of a name; file systems take 255."""
WITHOUT: Final = "no_label"
"""In ``left_out``, images that have neither a label nor an error."""


def write_folders(export: RunExport, path: str) -> dict[str, Any]:
    """Write the folders and ``classes.csv``."""
    os.makedirs(path)
    folders = safe_names([*export.classes])
    made: set[str] = set()
    written = 0
    for row in export.rows(sources=True):
        if not row.labels:
            export.left_out[row.error or WITHOUT] += 1
            continue
        data: bytes | None = None
        target = None if export.copy_images else local_file(row)
        if target is None:
            try:
                data = fetch_bytes(row.source)
            except ImageError as error:
                export.left_out[error.code] += 1
                continue
        for label in row.labels:
            folder = os.path.join(path, folders[label])
            if label not in made:
                os.makedirs(folder)
                made.add(label)
            place = _place(folder, row, data)
            if data is None:
                os.symlink(str(target), place)
            else:
                with open(place, "wb") as file:
                    file.write(data)
        written += 1
    with open(os.path.join(path, "classes.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["folder", "label"])
        writer.writerows([folders[label], label] for label in export.classes if label in made)
    return {"written": written, "folders": len(made)}


def _place(folder: str, row: ExportRow, data: bytes | None) -> str:
    """A free name: the image's own, with its id where another has that name."""
    name = safe_name(row.path.rpartition("/")[2])
    stem, dot, kind = name.rpartition(".")
    if not dot or not stem:
        stem, kind = name, ending(data or b"", row.path).lstrip(".")
    place = os.path.join(folder, f"{stem}.{kind}")
    return os.path.join(folder, f"{stem}-{row.key}.{kind}") if os.path.lexists(place) else place


def safe_name(name: str) -> str:
    """Return a name that any file system takes for a file or folder."""
    safe = _UNSAFE.sub("_", name).strip(" ").rstrip(". ")
    if len(safe.encode("utf-8", "surrogatepass")) > _LONGEST:
        stem, dot, kind = safe.rpartition(".")
        tail = f".{kind}" if dot and stem and len(kind) <= 8 else ""
        head = safe[: len(safe) - len(tail)].encode("utf-8", "ignore")[: _LONGEST - len(tail)]
        safe = head.decode("utf-8", "ignore") + tail
    if not safe or _DEVICES.match(safe):
        safe = f"_{safe}"
    return f"_{safe[1:]}" if safe.startswith(".") else safe


def safe_names(names: list[str]) -> dict[str, str]:
    """Return a safe name for each, no two alike even where capitals do not count."""
    taken: set[str] = {"classes.csv"}
    found: dict[str, str] = {}
    for name in names:
        safe = first = safe_name(name)
        number = 2
        while safe.casefold() in taken:
            safe, number = f"{first}-{number}", number + 1
        taken.add(safe.casefold())
        found[name] = safe
    return found
