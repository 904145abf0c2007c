"""The verb ``label``: the job of the method that the settings name."""

from __future__ import annotations

from typing import Any

from ray_jobs.config import ArchiveConfig, method_of
from ray_jobs.config.published import say_published
from ray_jobs.pipelines.registry import label_method
from ray_jobs.runs.first_look import look_first


def label(config: ArchiveConfig) -> dict[str, Any]:
    """Label an archive; returns the content of ``run.json``.

    Raises:
        InputError: files, models, the archive, the output folder or a setting cannot work.
        Interrupted: stopped by the user.
        LedgerError: the rows written do not add up.
    """
    say_published(config)
    look_first(config)
    from ray_jobs.passes.label_job import label_archive  # Ray is imported with it

    return label_archive(label_method(method_of(type(config))), config)
