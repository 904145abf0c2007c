"""Settings of naming without a list of names: how an MLLM is asked, and labelling with it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingImagesConfig, GrowingConfig, Positive


class NamingConfig(PublishedConfig, AskingImagesConfig):
    """How a multimodal LLM is asked for the name of what an image shows."""

    category: str = Field("object", description="what all images show, such as bird or car")
    unit: str = Field("kind", description="what the name is to be of it, such as species or model")
    name_prompt: str | None = Field(
        None,
        description="file with the question; {category} and {unit} are put in where they stand "
        "[default: one that asks for JSON, or with --name-format line for one line]",
    )
    name_format: Literal["auto", "guided", "json", "none", "line"] = Field(
        "auto",
        description="form of the answer: a JSON object with the field name, to which the engine is "
        "held by guided decoding, by a JSON schema, or by the prompt alone (none), or else one "
        "line; auto is guided where vLLM runs in the replica, else none",
    )
    max_tokens: Positive = Field(64, description="longest answer, in tokens")

    @field_validator("category", "unit")
    @classmethod
    def _some_words(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("give a word or a few, such as bird")
        return text.strip()


class LabelMllmNamesConfig(NamingConfig, GrowingConfig):
    """Label an archive with what a multimodal LLM calls each image: what NeaR is measured by."""

    method: Literal["mllm_names"] = "mllm_names"
