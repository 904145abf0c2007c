"""Settings of k-means on CLIP's features, a baseline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingImagesConfig, Positive


class LabelClustersConfig(PublishedConfig, StoredConfig, AskingImagesConfig):
    """Label an archive with clusters of CLIP's features: k-means, to compare with."""

    method: Literal["clusters"] = "clusters"
    clusters: Positive | None = Field(
        None, description="how many clusters (k) [default: one for each class of --classes]"
    )
    classes: str | None = Field(
        None,
        description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER; with "
        "--examples clusters are named by them [default: clusters have numbers]",
    )
    examples: Annotated[int, Field(ge=0)] = Field(
        0,
        description="images of each cluster whose class the MLLM is asked for: the one with the "
        "most votes names the cluster; 0 asks nothing, and clusters have numbers",
    )
    learn_from: Positive = Field(
        100_000, description="images that the centres are learned from, at most, drawn at random"
    )
    category: str = Field("object", description="what all images show, such as bird or car")
    vanilla_prompt: str | None = Field(
        None,
        description="file with the question for a class, or published; {classes} is put in "
        "[default: one that fits any classes]",
    )
    max_tokens: Positive = Field(32, description="longest answer, in tokens")
    reading: Literal["strict", "published"] = Field(
        "strict",
        description="how the class is read: by letter or name, or as in AutoSEP's published code "
        "(letters only, for up to 26 classes, faults included)",
    )
