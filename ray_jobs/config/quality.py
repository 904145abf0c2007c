"""Settings of the verbs ``audit`` and ``calibrate``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.config.base import VerbConfig

LookAt = Annotated[int, Field(ge=0)]


class AuditConfig(VerbConfig):
    """Say how good a run's labels are without a human label."""

    run: str = Field(description="run folder")
    with_: list[str] = Field(
        default_factory=list,
        alias="with",
        description="another run over the same images, by another model or method; may be given "
        "several times",
    )
    embeddings: str | None = Field(
        None,
        description="folder of Parquet files with image_id and feature, to find near-duplicates by "
        "[default: by the pictures themselves]",
    )
    look: LookAt = Field(
        2000,
        description="pictures to look at for duplicates and for writing, drawn by chance where "
        "there are more; 0 for none",
    )
    top: Annotated[int, Field(ge=1)] = Field(50, description="findings listed of each kind")


class CalibrateConfig(VerbConfig):
    """Turn scores into probabilities by reviewed images, and abstain below a wanted precision."""

    run: str = Field(description="run folder")
    reviewed: str | None = Field(
        None,
        description="CSV with columns image_id (or path) and label, as onoma review writes it; "
        "a column weight counts images of a stratified sample",
    )
    precision: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="share of the labels kept that shall be right, between 0 and 1"
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.95, description="how sure that is to be, between 0.5 and 1"
    )
    method: Literal["auto", "temperature", "isotonic", "none"] = Field(
        "auto", description="of calibration; auto takes the better on reviewed images held out"
    )
    least: Annotated[int, Field(ge=1)] = Field(
        60, description="reviewed images that a class needs for a threshold of its own"
    )
    apply: str | None = Field(
        None,
        description="folder of a new run with the same rows, in which labels below their threshold "
        "are the error abstained",
    )
    classifier: str | None = Field(
        None, description="folder of a copy of the run's classifier that carries the thresholds"
    )
