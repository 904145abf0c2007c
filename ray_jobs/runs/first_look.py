"""A first look at what a job is given, before Ray is imported for it.

A wrong path is the mistake made most often. Importing Ray and the stages takes longer than
anything else that happens until then, and who mistyped a path need not wait for it.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from ray_jobs.runs.sources.presence import check_source
from ray_jobs.runs.text_files import read_text


def look_first(config: Any) -> None:
    """Look whether the images and the class names that settings name are on this machine's disk.

    Where the run folder is there already nothing is looked at, since a run that goes on may need
    neither, nor is anything that is stored elsewhere.

    Args:
        config: an ``ArchiveConfig``, with ``classes`` or without.

    Raises:
        InputError: one of them is not there, or cannot be read.
    """
    if not storage.is_local(config.out) or storage.exists(config.out):
        return
    classes = getattr(config, "classes", None)
    if classes is not None and storage.is_local(classes):
        read_text("--classes", classes)
    if storage.is_local(config.images):
        check_source(config.images)
