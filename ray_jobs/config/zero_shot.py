"""Settings of zero-shot CLIP, and of labelling with a classifier that fit has made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import ClipConfig, GrowingConfig, TemplatesConfig


class ClassesByTextConfig(TemplatesConfig):
    """What stands for classes: their names in templates, or texts about them."""

    class_texts: str | None = Field(
        None,
        description="JSON file with texts about each class, as fit what_do_you_see and CuPL write "
        "one; they stand for it in place of its name in --templates",
    )


class FitZeroShotConfig(PublishedConfig, ClipConfig, ClassesByTextConfig):
    """Make a CLIP classifier from class names and prompt templates."""

    method: Literal["zero_shot"] = "zero_shot"
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(description="classifier folder to write, local or s3://")


class LabelZeroShotConfig(PublishedConfig, StoredConfig, ClassesByTextConfig, GrowingConfig):
    """Label an archive with zero-shot CLIP."""

    method: Literal["zero_shot"] = "zero_shot"


class LabelClassifierConfig(PublishedConfig, StoredConfig, GrowingConfig):
    """Label an archive with a classifier made by fit."""

    method: Literal["classifier"] = "classifier"
    classifier: str = Field(description="classifier folder, local or s3://")
    classes: str | None = Field(
        None, description="file of class names, one a line, that must be the classifier's"
    )
    clip: str | None = Field(  # type: ignore[assignment]
        None, description="the same CLIP model in another place [default: where it was at fit]"
    )
