"""Text lists: one path or URI a line."""

from __future__ import annotations

import os
from collections.abc import Iterator

from actors import storage
from ray_jobs.runs.sources.rows import ManifestRow
from ray_jobs.runs.text_files import read_text


def text_list(uri: str) -> Iterator[ManifestRow]:
    """List the images named in a text file; relative paths start at the file's own folder.

    Raises:
        InputError: the file cannot be read as UTF-8 text.
    """
    text = read_text("--images", uri)
    local = storage.is_local(uri)
    folder = os.path.dirname(storage.local_path(uri)) if local else uri.rpartition("/")[0]
    for line in text.split("\n"):
        entry = line.rstrip("\r")
        if not entry.strip():
            continue
        if "://" in entry:
            yield ManifestRow(entry.strip(), entry.strip())
        elif local or entry.startswith("/"):
            full = os.path.join(folder if local else "/", os.path.expanduser(entry))
            yield ManifestRow(entry, storage.local_uri(full))
        else:
            yield ManifestRow(entry, storage.join(folder, entry))
