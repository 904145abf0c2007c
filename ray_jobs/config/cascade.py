"""Settings of the cascade: CLIP for every image, a multimodal LLM for the uncertain ones."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from methods.cascade.budget import parse_budget
from methods.settings import Measure
from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingImagesConfig, GrowingConfig, Positive, TemplatesConfig

DEFAULT_BUDGET: Final = "20%"


class LabelCascadeConfig(
    PublishedConfig, AskingImagesConfig, StoredConfig, TemplatesConfig, GrowingConfig
):
    """Label an archive with CLIP, and ask an MLLM about the uncertain images, within a budget."""

    method: Literal["cascade"] = "cascade"
    classifier: str | None = Field(
        None,
        description="classifier folder made by fit, in place of --classes and --templates",
    )
    budget: str | None = Field(
        None,
        description="what may be spent on the MLLM, never exceeded: a share of the images (20%), a "
        "number of calls (5000), or hours of its GPUs (2h, by the forecast of onoma plan cascade) "
        "[default: 20%, or what --pilot picks]",
    )
    threshold: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="in place of a budget: ask about every image of which CLIP is less confident "
        "than this",
    )
    learn: bool | None = Field(
        None,
        description="ask about images at random, and let the answers teach a head of CLIP that "
        "labels the others; --no-learn has CLIP label them, and asks about uncertain ones "
        "[default: learn, unless --threshold, --uncertainty or a pilot says who is asked]",
    )
    uncertainty: Measure = Field(
        "gain",
        description="without --learn, which images are asked about first: those where asking is "
        "expected to gain most (gain), with the smallest lead of the best class (margin), the "
        "highest entropy (entropy) or the smallest probability of the best class (confidence)",
    )
    choices: Annotated[int, Field(ge=2)] = Field(
        5, description="best classes of CLIP that the MLLM chooses among"
    )
    shuffle: bool = Field(
        True,
        description="show the choices of each image in an order of its own, drawn by --seed; "
        "without it CLIP's best stands first",
    )
    clip_temperature: Annotated[float, Field(ge=0.25, le=8)] | None = Field(
        None,
        description="what CLIP's logits are divided by for its confidence, on a grid of four steps "
        "a doubling [default: fitted by a pilot, else 1]",
    )
    pilot: Positive | None = Field(
        None,
        description="ask about this many images first, spread over CLIP's confidence: they say "
        "what a budget is expected to gain, pick one where none is set, and are part of it",
    )
    accuracy: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="pick the smallest budget that a pilot expects to reach this accuracy "
        "[default: 90 % of what asking can gain]",
    )
    prompt: str | None = Field(
        None,
        description="folder made by fit autosep, or a text file with a description prompt: the "
        "MLLM first describes the image with it, which takes a call more [default: it chooses at "
        "once]",
    )
    category: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="what all images show, such as bird [default: as at fit, else object]"
    )
    choose_prompt: str | None = Field(
        None,
        description="file with the question for the class; {classes} is put in, and {category} and "
        "{description} where they stand [default: one that fits any classes]",
    )
    answer_form: Literal["auto", "none", "guided"] = Field(
        "auto",
        description="how the engine is held to the choices: not at all, or by guided decoding; "
        "auto is guided where vLLM runs in the replica, else none",
    )

    @field_validator("budget", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """A number of a YAML file is a number of calls."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if is_number else value

    @field_validator("budget")
    @classmethod
    def _a_budget(cls, value: str | None) -> str | None:
        if value is not None:
            parse_budget(value)
        return value
