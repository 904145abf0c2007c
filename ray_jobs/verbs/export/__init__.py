"""``onoma export RUN --to FORMAT --out PATH``: a run's labels as other tools read them.

Rows stream from the labels table, a batch at a time, into files that appear whole or not at all.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import Any, Final

from actors import storage
from methods.errors import InputError
from ray_jobs.config import ExportConfig
from ray_jobs.pipelines.registry import load
from ray_jobs.runs.folder import FINISHED
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.export.rows import RunExport

logger = logging.getLogger(f"onoma.{__name__}")

WRITERS: Final = {
    "csv": "ray_jobs.verbs.export.tables:write_csv",
    "jsonl": "ray_jobs.verbs.export.tables:write_jsonl",
    "webdataset": "ray_jobs.verbs.export.webdataset:write_webdataset",
    "hf": "ray_jobs.verbs.export.hugging_face:write_hugging_face",
    "fiftyone": "ray_jobs.verbs.export.fiftyone:write_fiftyone",
    "label-studio": "ray_jobs.verbs.export.label_studio:write_label_studio",
    "coco": "ray_jobs.verbs.export.coco:write_coco",
    "folder": "ray_jobs.verbs.export.folders:write_folders",
}
"""What writes each format: from the run and a path to counts, ``written`` and others."""


def run(config: ExportConfig) -> dict[str, Any]:
    """Export a run.

    Returns:
        ``out``, ``format``, ``images`` (rows of the run, or of the sample), ``written``,
        ``left_out`` (rows that the format cannot hold, by error code) and what the format tells.

    Raises:
        InputError: the run is none, or the output exists or cannot be written.
    """
    reader = RunReader(config.run)
    if not storage.is_local(config.out):
        raise InputError(f"--out {config.out}: export writes on this machine; give a local path")
    out = storage.local_path(config.out)
    if os.path.lexists(out):
        raise InputError(f"--out {config.out} exists; give a path where nothing is")
    if reader.record.get("state", FINISHED) != FINISHED:
        logger.warning("%s is not finished; what it has so far is exported", config.run)
    export = RunExport(
        reader, out, copy_images=config.copy_images, sample=config.sample, seed=config.seed
    )
    partial = f"{out}.partial-{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(out), exist_ok=True)
        told = load(WRITERS[config.to])(export, partial)
        os.rename(partial, out)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise  # of a reader of images
        raise InputError(f"--out {config.out} cannot be written: {error.strerror}") from error
    finally:
        _remove(partial)
    return {
        "out": out,
        "format": config.to,
        "images": export.images,
        **told,
        "left_out": dict(sorted(export.left_out.items())),
    }


def _remove(path: str) -> None:
    """Remove what was begun."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
