"""Whether anything is where ``--images`` points, asked before anything is listed.

It needs none of what reads archives, so that a wrong path is told before that is imported.
"""

from __future__ import annotations

from actors import storage
from actors.storage.s3 import has_keys, why
from methods.errors import InputError, one_line
from ray_jobs.runs.sources.braces import has_braces
from ray_jobs.runs.sources.globs import is_glob


def check_source(source: str) -> bool:
    """Check that something is at ``source``, or that it is a pattern; returns whether it is one.

    Raises:
        InputError: neither.
    """
    if storage_has(source):
        return False
    if is_glob(source) or has_braces(source):
        return True
    hint = "" if storage.is_local(source) else " (check the bucket, the region and the credentials)"
    raise InputError(f"--images {source}: no such folder or file{hint}")


def storage_has(source: str) -> bool:
    """Say whether something is at ``source``, with a clear error when the storage cannot tell."""
    try:
        return storage.exists(source)
    except InputError:
        raise
    except Exception as error:  # botocore's errors are no OSError
        if not isinstance(error, OSError) and not storage.is_s3(source):
            raise
        if storage.is_s3(source):
            return _bucket_has(source)
        raise InputError(f"--images {source}: {one_line(error)}") from error


def _bucket_has(source: str) -> bool:
    """Ask again where HEAD was refused: such an answer has no body that says why."""
    bucket, _, prefix = source.partition("://")[2].partition("/")
    try:
        return has_keys(storage.s3fs_of(source), bucket, prefix)
    except Exception as error:  # botocore's errors have no common class with s3fs's
        raise InputError(f"--images {source}: {why(error, bucket)}") from error
