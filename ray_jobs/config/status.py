"""Settings of the verb ``status``."""

from __future__ import annotations

from pydantic import Field

from ray_jobs.config.base import VerbConfig


class StatusConfig(VerbConfig):
    """Say how far a run or a fit is: running, finished, failed, stopped, or dead."""

    run: str = Field(description="run folder of label or fit, local or s3://")
