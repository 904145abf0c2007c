"""Settings of the verb ``reproduce``: the headline table of a paper."""

from __future__ import annotations

from typing import Annotated, Any

import yaml
from pydantic import Field, field_validator

from ray_jobs.config.shared import Positive
from ray_jobs.config.table import LayoutConfig


class ReproduceConfig(LayoutConfig):
    """Make the runs of a paper's headline table, one after another, and the table.

    A run that is finished is not made again: the same command goes on after a stop.
    """

    paper: str = Field(
        description="autosep, what_do_you_see, near, tlac, slac (tlac's table without TLAC), "
        "tlac_training_free (its other table) or data_free"
    )
    root: str = Field(description="folder that holds the data sets; nothing is fetched")
    out: str | None = Field(
        None, description="folder for lists, runs and the table [default: onoma-PAPER]"
    )
    datasets: list[str] = Field(
        default_factory=list,
        description="of the paper's data sets, which; may be given several times [default: all]",
    )
    rows: list[str] = Field(
        default_factory=list,
        description="of the table's rows, which, by title; may be given several times [default: "
        "all]",
    )
    seeds: Positive = Field(1, description="runs of each cell, with seeds from --seed on")
    mllm: str | None = Field(None, description="the multimodal LLM, as --mllm of label")
    clip: str | None = Field(None, description="the CLIP model, as --clip of label")
    sentences: str | None = Field(None, description="the model of sACC, as --sentences of evaluate")
    more: dict[str, Any] = Field(
        default_factory=dict,
        description="more settings, name=value, of every fit and label that has them, such as "
        "mllm_tensor_parallel_size=4",
    )
    dry_run: bool = Field(
        False,
        description="print the commands, what they will take and the table's shape; no model runs",
    )
    pilot: Annotated[int, Field(ge=0)] = Field(
        0,
        description="with --dry-run: so many images of a data set are labelled by each method that "
        "needs no fit, as onoma plan does, to forecast hours, tokens and price; 0 for none",
    )

    @field_validator("more")
    @classmethod
    def _as_yaml(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Give ``name=value`` the type that YAML would give it."""
        return {
            name.replace("-", "_"): yaml.safe_load(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
