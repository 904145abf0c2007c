"""The command ``onoma``, which is ``python -m onoma`` as well."""

from __future__ import annotations


def main() -> int:
    """Run this process's command; returns the exit code.

    `onoma` is imported first, so what lies in the working folder is not taken for ours.
    """
    from ray_jobs.cli import main as run

    return run()
