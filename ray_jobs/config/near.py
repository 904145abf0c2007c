"""Settings of NeaR: a classifier of names that were found in the images themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from methods.near.settings import Training, WarmupOn
from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.open_vocabulary import NamingConfig
from ray_jobs.config.shared import Positive

Fraction = Annotated[float, Field(gt=0, le=1)]


class FitNearConfig(NamingConfig, StoredConfig):
    """Make a NeaR classifier: an MLLM names a sample of the images, CLIP learns those names.

    A reconstruction of arXiv 2505.01064, of which no code is public: docs/methods/near.md.
    """

    method: Literal["near"] = "near"
    out: str = Field(
        description="classifier folder, local or s3://; run the same command again to resume"
    )
    sample: Positive = Field(300, description="images that the MLLM names, drawn at random")
    spread: Positive = Field(
        1,
        description="draw this many times as many at first, and name one image of each of --sample "
        "clusters of their CLIP features, so that rare kinds are not missed; 1 makes no clusters",
    )
    name_retries: Annotated[int, Field(ge=0)] = Field(
        2, description="how often an image is asked about again after an answer without a name"
    )
    retry_temperature: Annotated[float, Field(gt=0)] = Field(0.7, description="of those answers")
    names: str | None = Field(
        None, description="names.csv of an earlier fit, as you have edited it: key to name"
    )
    merge_similarity: Fraction | None = Field(
        None,
        description="merge names whose CLIP text features have at least this cosine, into the most "
        "frequent [default: merge none]",
    )
    label_filter: Literal["none", "zero_shot", "trained"] = Field(
        "none",
        description="names to leave out: those that no image of the sample gets from zero-shot "
        "CLIP (before training), or from the trained classifier",
    )
    neighbours: Annotated[int, Field(ge=0)] = Field(
        3, description="nearest images whose names become candidates; 0 for an image's own alone"
    )
    training: Training = Field(
        "near",
        description="near, or for comparison ce (the names as they are) or proden (candidates "
        "without a split into clean and noisy)",
    )
    epochs: Positive = Field(50, description="passes over the sample")
    warmup: Annotated[int, Field(ge=0)] = Field(
        3, description="epochs before the first split; after many, wrong names are memorised"
    )
    warmup_on: WarmupOn = Field(
        "candidates", description="what they train on: all candidates of an image, or its label"
    )
    views: Annotated[int, Field(ge=0)] = Field(
        1,
        description="nearest images whose predictions are averaged with an image's own, to tell "
        "clean from noisy and for its target; of --neighbours, and fewer than a kind has images",
    )
    alignment: Annotated[int, Field(ge=0)] = Field(
        3,
        description="rounds of aligning predictions with the frequencies of names, each epoch, so "
        "that two kinds do not end in one name; 0 for none",
    )
    trust: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="how far a clean label is mixed into its target; DivideMix's is 1"
    )
    context: str = Field(
        "16", description="learned tokens: how many random ones, or words to start from"
    )
    train_batch: Positive = Field(32, description="images a step of training")
    learning_rate: Annotated[float, Field(gt=0)] = Field(0.002, description="at its highest")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="of SGD")
    weight_decay: Annotated[float, Field(ge=0)] = Field(5e-4, description="of SGD")
    clean_threshold: Fraction = Field(
        0.5, description="a name is clean if its probability to be so is above this"
    )
    loss_window: Positive = Field(5, description="epochs whose losses are averaged for the split")
    sharpening: Annotated[float, Field(ge=1)] = Field(
        1.0, description="power that targets are raised to: 2 is a temperature of 0.5"
    )
    entropy_weight: Annotated[float, Field(ge=0)] = Field(
        0.0, description="of the penalty on early certainty, in warm-up"
    )
    uniform_weight: Annotated[float, Field(ge=0)] = Field(
        0.0, description="of the penalty on unequally frequent names"
    )
    train_workers: Positive = Field(1, description="processes that train; they share out the names")

    checkpoint_seconds: Annotated[float, Field(ge=0)] = Field(
        15.0, description="how often training keeps what it takes to go on, at an epoch's end"
    )

    @field_validator("context")
    @classmethod
    def _count_or_words(cls, text: str) -> str:
        """A number is a count of at least one, anything else words."""
        if not text.strip() or (text.strip().lstrip("-").isdigit() and int(text) < 1):
            raise ValueError("give how many tokens, at least 1, or some words")
        return text.strip()
