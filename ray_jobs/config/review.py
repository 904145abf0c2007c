"""Settings of `review` and `export`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import Positive

Format = Literal["csv", "jsonl", "webdataset", "hf", "fiftyone", "label-studio", "coco", "folder"]


class ReviewConfig(VerbConfig):
    """Look at a sample of a run's labels, in a browser, and learn how good all of them are."""

    run: str = Field(description="run folder")
    reviewer: str = Field("reviewer", description="who answers; several may, at once")
    reviewed: str | None = Field(
        None, description="CSV file that answers are added to [default: RUN/reviewed.csv]"
    )
    status: bool = Field(False, description="say what was found so far, and open no page")
    import_file: str | None = Field(
        None,
        alias="import",
        description="add the answers of a Label Studio export (JSON), or of FiftyOne's labels.json "
        "or samples.json",
    )
    port: int = Field(0, ge=0, le=65535, description="of the page, on this machine; 0: a free one")
    overlap: float = Field(
        0.1, ge=0, le=1, description="share of images that a second reviewer is shown as well"
    )

    @field_validator("reviewer")
    @classmethod
    def _named(cls, name: str) -> str:
        name = " ".join(name.split())
        if not name:
            raise ValueError("a name is needed")
        return name


class ExportConfig(VerbConfig):
    """Write a run's labels in another tool's format."""

    run: str = Field(description="run folder")
    to: Format = Field(description="format")
    out: str = Field(description="file, or folder for formats of several files; on this machine")
    sample: Positive | None = Field(
        None, description="only so many images, those that a review would show first"
    )
    copy_images: bool = Field(
        False, description="copy images also where a link or their address would do"
    )
