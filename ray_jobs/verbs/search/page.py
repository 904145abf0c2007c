"""The page of a search: the images found, as small pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from actors import storage
from actors.embedding_store import EmbeddingStore
from methods.errors import InputError
from ray_jobs.pages.templates import FOLDER, templates
from ray_jobs.runs.reader import rows_of_manifest
from ray_jobs.verbs.report.thumbnails import draw_thumbnails


class StoreImages:
    """How to read the images of a store: its manifest."""

    def __init__(self, store: EmbeddingStore) -> None:
        """Keep where the manifest is."""
        self._folder = store.manifest

    def manifest_rows(self, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The manifest rows of some images."""
        return rows_of_manifest(self._folder, image_ids)


def check_page(path: str) -> None:
    """See whether a page can be written, before anything is computed.

    Raises:
        InputError: it is a folder, or its folder is not there.
    """
    if not storage.is_local(path):
        return
    local = storage.local_path(path)
    if os.path.isdir(local):
        raise InputError(f"--html {path} is a folder; give a file, such as {path}/search.html")
    if not os.path.isdir(os.path.dirname(local) or "."):
        raise InputError(f"--html {path}: its folder is not there")


def write_page(store: EmbeddingStore, found: dict[str, Any], path: str) -> str:
    """Write the page of what was found; returns where it is."""
    uri = storage.absolute(path)
    storage.write_bytes(uri, draw_page(store, found).encode())
    return uri


def draw_page(store: EmbeddingStore, found: dict[str, Any]) -> str:
    """The page as HTML; of an image that cannot be read, the reason stands in its place."""
    results = found["results"]
    first = [
        {"image_id": row["duplicate_of"], "path": row["duplicate_of_path"], "uri": None}
        for row in results
        if "duplicate_of" in row
    ]
    thumbnails = draw_thumbnails(StoreImages(store), [*first, *results])
    shots = [{**row, "thumbnail": thumbnails[row["image_id"]]} for row in results]
    for shot in shots:
        if "duplicate_of" in shot:
            shot["other"] = {
                "path": shot["duplicate_of_path"],
                "thumbnail": thumbnails[shot["duplicate_of"]],
            }
    return (
        templates(Path(__file__).parent)
        .get_template("page.html.j2")
        .render(
            css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
            looked_for=found["looked_for"],
            duplicates=found.get("duplicates"),
            images=store.count,
            clip=store.record["clip"]["name"],
            shots=shots,
        )
    )
