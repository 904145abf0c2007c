"""The settings: those of every job that asks about images, and a class list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.config import AskingImagesConfig


class LabelDirectConfig(AskingImagesConfig):
    """Label an archive by asking the MLLM for the class at once."""

    method: Literal["direct"] = "direct"
    classes: str | None = Field(None, description="file of class names, one a line")
