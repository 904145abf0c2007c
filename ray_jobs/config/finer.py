"""Settings of FineR, a baseline without class names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingImagesConfig, Positive


class FitFinerConfig(PublishedConfig, AskingImagesConfig, StoredConfig):
    """Make a classifier as FineR does, to compare with: names guessed from attributes, by vote."""

    method: Literal["finer"] = "finer"
    out: str = Field(
        description="classifier folder, local or s3://; run the same command again to resume"
    )
    sample: Positive = Field(300, description="images to find names in, drawn at random")
    category: str = Field("object", description="what all images show, such as bird or car")
    unit: str = Field("kind", description="what the name is to be of it, such as species or model")
    guesses: Positive = Field(3, description="names that each description leads to, at most")
    guess_temperature: Annotated[float, Field(ge=0)] = Field(
        0.9, description="of the guesses; descriptions take --temperature"
    )
    alpha: Annotated[float, Field(ge=0, le=1)] = Field(
        0.7, description="weight of a name's text in its row; the images that vote for it the rest"
    )
    describe_prompt: str | None = Field(
        None,
        description="file with the question for attributes; {category} and {unit} are put in",
    )
    guess_prompt: str | None = Field(
        None,
        description="file with the question for names; {description} is put in, and {category}, "
        "{unit} and {count} where they stand",
    )
    max_tokens: Positive = Field(256, description="longest answer, in tokens")
