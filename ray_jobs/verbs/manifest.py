"""The verb ``manifest``: an archive's images with stable ids, in one Parquet file."""

from __future__ import annotations

from typing import Any

from methods.errors import InputError
from ray_jobs.config import ManifestConfig
from ray_jobs.runs.manifest import write_manifest


def manifest(config: ManifestConfig) -> dict[str, Any]:
    """List ``config.images`` into ``config.out``.

    Returns:
        ``manifest``, the file; ``images``, how many; ``skipped``, a sentence on what was left out.

    Raises:
        InputError: the archive cannot be listed, or the file not be written.
    """
    if not config.out.endswith(".parquet"):
        raise InputError(
            f"--out {config.out}: the manifest is one Parquet file; end it in .parquet"
        )
    try:
        listed = write_manifest(config.images, config.out, columns=config.table_columns())
    except PermissionError as error:
        raise InputError(f"--out {config.out}: cannot be written (no permission)") from error
    return {"manifest": config.out, "images": listed.images, "skipped": listed.skipped}
