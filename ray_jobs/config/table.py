"""Settings of the verb ``table``: one table from many evaluated runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from methods.settings import RESAMPLES
from ray_jobs.config.base import VerbConfig

Price = Annotated[float, Field(ge=0)] | None
TableFormat = Literal["markdown", "csv", "latex"]
TableMetric = Literal["accuracy", "top5", "cacc", "sacc", "map"]


class LayoutConfig(VerbConfig):
    """How a table of runs is made; prices are of any one currency."""

    format: TableFormat = Field("markdown", description="markdown, csv or latex")
    metrics: list[TableMetric] = Field(
        default_factory=list,
        description="of accuracy, top5, cacc, sacc and map; may be given several times [default: "
        "whichever the runs have]",
    )
    resamples: Annotated[int, Field(ge=0)] = Field(
        RESAMPLES, description="resamples of the bootstrap over images; 0 for no intervals"
    )
    price_in: Price = Field(None, description="price of a million tokens of prompts")
    price_out: Price = Field(None, description="price of a million tokens of answers")
    gpu_hour: Price = Field(None, description="price of a GPU for an hour")


class TableConfig(LayoutConfig):
    """One table from many evaluated runs."""

    runs: list[str] = Field(
        description="run folders, each evaluated by onoma evaluate; NAME=RUN names the archive, "
        "NAME/base=RUN and NAME/novel=RUN its base and novel classes"
    )
    against: list[str] = Field(
        default_factory=list,
        description="run that the others are tested against, on the same images; may be given once "
        "for each archive",
    )
    out: str | None = Field(None, description="file to write the table to, local or s3://")
