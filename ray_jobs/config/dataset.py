"""Settings of the verb dataset."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import Positive


class DatasetConfig(VerbConfig):
    """Read a data set of the papers from disk: images.txt, classes.txt, truth.csv and prompts/."""

    name: str | None = Field(
        None, description="which data set [default: list those there are, with their layouts]"
    )
    root: str | None = Field(
        None, description="folder that holds the data set, or the folder above; nothing is fetched"
    )
    out: str | None = Field(
        None, description="folder for images.txt, classes.txt, truth.csv and prompts/"
    )
    split: str = Field("test", description="train, val, test or what else the data set has")
    classes: Literal["all", "base", "novel"] = Field(
        "all", description="all classes, or CoOp's first or second half of them"
    )
    protocol: Literal["coop", "official"] | None = Field(
        None,
        description="whose split: CoOp's (split_zhou_*.json) or the owner's [default: CoOp's where "
        "its file is there]",
    )
    names: str | None = Field(
        None,
        description="whose way to write class names, such as coop, finer or folder [default: the "
        "first that the data set has]",
    )
    per_class: Positive | None = Field(
        None,
        description="images to draw of each class, of its 50 largest files as FineR does; with "
        "--long-tail the most of a class",
    )
    long_tail: bool = Field(
        False, description="draw 1 to 10 images of each class by Zipf's law, as FineR does"
    )
