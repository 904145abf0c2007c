"""Settings of SLAC and TLAC."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import CliDualFlag

from methods.settings import Matching
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import (
    CLASS_LIST_HELP,
    AskingImagesConfig,
    ClassListForm,
    ClipConfig,
    GrowingConfig,
)


class RecogniseConfig(PublishedConfig, AskingImagesConfig, ClipConfig):
    """What SLAC and TLAC share."""

    classes: str | None = Field(
        None, description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER"
    )
    recognise_prompt: str | None = Field(
        None,
        description="file with the question about every image [default: one that fits any images]",
    )
    matching: Matching = Field(
        "names",
        description="how the class of the last answer is found: by a class name in it, and by "
        "CLIP's text encoder where it holds none (names); always by CLIP (clip), as published; or, "
        "to compare with, by a class name alone: an answer without one has no label (names_alone)",
    )
    upstream_compat: CliDualFlag[bool] = Field(
        False, description="clean answers as the published code does, faults included"
    )


class LabelSlacConfig(RecogniseConfig, GrowingConfig):
    """Label an archive with SLAC: an MLLM says what is there, CLIP's text side finds the class."""

    method: Literal["slac"] = "slac"


class LabelTlacConfig(RecogniseConfig, GrowingConfig):
    """Label an archive with TLAC: SLAC, and the MLLM then chooses from the class list."""

    method: Literal["tlac"] = "tlac"
    choose_prompt: str | None = Field(
        None,
        description="file with the second question; {classes} and {answer} are put in [default: "
        "one that fits any classes]",
    )
    class_list: ClassListForm = Field("lines", description=CLASS_LIST_HELP)
    choose_mllm: str | None = Field(
        None,
        description="another model for the second answer, which sees text alone, as --mllm "
        "[default: --mllm]",
    )
    choices: Literal["auto", "none", "guided", "json"] = Field(
        "auto",
        description="how the engine is held to the class names: not at all, by guided decoding, or "
        "by a JSON schema; auto is guided where vLLM runs in the replica, else none",
    )
    shortlist: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="show only this many names, the closest to the description in CLIP's text "
        "space; 0 shows all [default: 100 for more than 1,000 classes]",
    )
