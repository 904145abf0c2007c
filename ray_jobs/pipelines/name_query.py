"""Asking a multimodal LLM for the name of what an image shows, without a list of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.mllm.model import MllmModel
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.request import ResponseFormat, Sampling
from actors.mllm.responses import said_in
from methods.discovered_names import parse_name
from ray_jobs.config import NamingConfig
from ray_jobs.passes.mllm_settings import image_query
from ray_jobs.runs.prompts import read_prompt

NAME = "name"
"""Name of the query, of its column, and of the JSON field of the response."""


@dataclass(frozen=True)
class NameReader:
    """What is asked, and how a name is read from a response.

    Attributes:
        text: of the prompt.
        category: what all images show.
        field: of the JSON object that the answer is; empty where it is a line.
        response_format: how the engine is held to that.
    """

    text: str
    category: str
    field: str
    response_format: ResponseFormat

    def query(self, config: NamingConfig, how: Sampling) -> Query:
        """The query about every image, for one way of sampling."""
        prompt = ImagePrompt(self.text, self.field, self.response_format)
        return image_query(config, NAME, prompt, how)

    def name_of(self, response: Mapping[str, Any] | None) -> str:
        """Read the name from a response of a stage table.

        Raises:
            AnswerError: there is none in it.
        """
        return parse_name(*said_in(response), self.category, self.field or None)


def resolve_name_reader(config: NamingConfig, model: MllmModel) -> NameReader:
    """Read the prompt and choose the form of the response.

    Raises:
        InputError: the prompt's file cannot work.
    """
    line = config.name_format == "line"
    prompt = read_prompt(
        "near", "line" if line and config.name_prompt is None else "name", config.name_prompt, (),
        ("category", "unit"),
    )  # fmt: skip
    held: ResponseFormat = "guided" if model.engine == "vllm" else "none"
    forms: dict[str, ResponseFormat] = {"guided": "guided", "json": "json", "auto": held}
    return NameReader(
        text=prompt.fill(category=config.category, unit=config.unit),
        category=config.category,
        field="" if line else NAME,
        response_format=forms.get(config.name_format, "none"),
    )
