"""Asking a multimodal LLM for the name of what an image shows, without a list of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.mllm.generate import ImagePrompt, response_text
from actors.mllm.model import MllmModel
from actors.mllm.request import ResponseFormat, Sampling
from methods.discovered_names import parse_name
from ray_jobs.config import NamingConfig
from ray_jobs.passes.generate import PassQuery
from ray_jobs.runs.prompts import read_prompt

NAME = "name"
"""Name of the ask, of its column, and of the JSON field of the answer."""


@dataclass(frozen=True)
class NameQuestion:
    """What is asked, and how the answer is read.

    Attributes:
        text: of the prompt.
        category: what all images show.
        field: of the JSON object that the answer is; empty where it is a line.
        answer_format: how the engine is held to that.
    """

    text: str
    category: str
    field: str
    response_format: ResponseFormat

    def asked(self, model: MllmModel, sampling: Sampling, max_side: int) -> PassQuery:
        """The ask, for one way of sampling."""
        identity = {
            "model": model.fingerprint,
            "prompt": self.text,
            "sampling": sampling.identity(),
            "max_side": max_side,
            "form": [self.field, self.response_format],
        }
        question = ImagePrompt(self.text, sampling, self.field, self.response_format)
        return PassQuery(NAME, question, identity)

    def name_of(self, said: Mapping[str, Any] | None) -> str:
        """Read the name from an answer of a stage table.

        Raises:
            AnswerError: there is none in it.
        """
        text = response_text(said)
        return parse_name(text, None, self.category, self.field or None)


def name_question(config: NamingConfig, model: MllmModel) -> NameQuestion:
    """Read the prompt and choose the form of the answer.

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
    return NameQuestion(
        text=prompt.fill(category=config.category, unit=config.unit),
        category=config.category,
        field="" if line else NAME,
        response_format=forms.get(config.name_format, "none"),
    )
