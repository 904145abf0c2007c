"""Images as files beside an export: where they are, if they are files here, or else copies."""

from __future__ import annotations

import os

from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from ray_jobs.verbs.export.rows import ExportRow, RunExport, ending, local_file

FOLDER = "images"


def placed(export: RunExport, row: ExportRow, path: str) -> str | None:
    """Return the path of an image's file, copying it below ``path`` where it is none here.

    Returns:
        An absolute path, of a copy the one that it will have when the export is done; None where
        the image cannot be read, which is counted.
    """
    if row.unreadable:
        export.left_out[str(row.error)] += 1
        return None
    there = local_file(row)
    if there is not None and not export.copy_images:
        return there
    try:
        data = fetch_bytes(row.source)
    except ImageError as error:
        export.left_out[row.error or error.code] += 1
        return None
    name = row.key + ending(data, row.path)
    os.makedirs(os.path.join(path, FOLDER), exist_ok=True)
    with open(os.path.join(path, FOLDER, name), "wb") as file:
        file.write(data)
    return os.path.join(export.out, FOLDER, name)
