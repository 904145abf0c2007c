"""Settings of CaSED, a baseline without class names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import ArchiveConfig, ClipConfig, GrowingConfig, Positive


class LabelCasedConfig(PublishedConfig, ArchiveConfig, ClipConfig, GrowingConfig):
    """Label an archive with CaSED: words of the captions nearest to an image, to compare with."""

    method: Literal["cased"] = "cased"
    captions: str = Field(
        description="file with what is retrieved from: one caption a line, COCO's "
        "captions_*.json, or one name a line"
    )
    retrieved: Positive = Field(10, description="captions that each image gets, the nearest ones")
    candidates: Literal["words", "lines"] = Field(
        "words",
        description="what may be a label: words that occur in the captions of an image more than "
        "once, as published, or the lines themselves, for a file of names",
    )
    alpha: Annotated[float, Field(ge=0, le=1)] = Field(
        0.7, description="weight of the image's own scores; its captions' have the rest"
    )
