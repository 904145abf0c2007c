"""Settings of What Do You See: the class matrix, and the fusion of an image with two answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from methods.settings import CLASS_PARTS, ClassPart, LongText
from ray_jobs.config.embeddings import StoredConfig
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import (
    CLASS_LIST_HELP,
    AskingConfig,
    AskingImagesConfig,
    ClassListForm,
    ClipConfig,
    GrowingConfig,
    Positive,
)

Weight = Annotated[float, Field(ge=0)]


class ClassTextsConfig(PublishedConfig, ClipConfig, AskingConfig):
    """What stands for classes in a class matrix: names, templates, what an LLM writes of them."""

    classes: str | None = Field(
        None, description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER"
    )
    class_parts: list[ClassPart] = Field(
        list(CLASS_PARTS),
        description="what a class's weights are the sum of: name, template, descriptions",
    )
    class_answers: Positive = Field(
        50, description="descriptions that the LLM writes of each class, spread over the prompts"
    )
    class_prompts: str | None = Field(
        None,
        description="file of prompts that ask for a description, one a line, each with {class} "
        "[default: five that fit any classes]",
    )
    class_temperature: Annotated[float, Field(ge=0)] = Field(
        0.99, description="of class descriptions; 0 is greedy, and each prompt is asked once"
    )
    class_rounds: Positive = Field(
        3, description="how often a description is asked for at most, if refused or unusable"
    )
    long_text: LongText = Field(
        "truncate",
        description="texts beyond the CLIP encoder's context: truncate at its last token, mean of "
        "the sentences, or published (the first 200 characters, as the published code does)",
    )

    @field_validator("class_parts")
    @classmethod
    def _each_once(cls, parts: list[ClassPart]) -> list[ClassPart]:
        """Put the parts into their order, each once."""
        if not parts:
            raise ValueError("give at least one of name, template, descriptions")
        return [part for part in CLASS_PARTS if part in parts]


class FitWhatDoYouSeeConfig(ClassTextsConfig):
    """Make a What Do You See classifier: class names, templates and what an LLM writes of them."""

    method: Literal["what_do_you_see"] = "what_do_you_see"
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(
        description="classifier folder, local or s3://; run the same command again to resume"
    )


class LabelWhatDoYouSeeConfig(AskingImagesConfig, StoredConfig, ClassTextsConfig, GrowingConfig):
    """Label an archive with What Do You See: CLIP features of image and two answers, fused."""

    method: Literal["what_do_you_see"] = "what_do_you_see"
    classifier: str | None = Field(
        None,
        description="classifier folder made by fit what_do_you_see [default: fit into the run, "
        "from --classes]",
    )
    # chosen with benchmarks.fusion_weights on seeds for development; the paper's are all 1, and its
    # two texts then outvote the image: texts are closer to texts than images are
    image_weight: Weight = Field(4.0, description="of the image in the fused query; the paper's 1")
    description_weight: Weight = Field(
        1.0, description="of the model's description; 0 leaves it out and asks for none"
    )
    prediction_weight: Weight = Field(
        0.5,
        description="of the model's guess with the class list; 0 asks for none; the paper's 1",
    )
    describe_prompt: str | None = Field(
        None, description="file with the question for a description [default: fits any images]"
    )
    predict_prompt: str | None = Field(
        None,
        description="file with the question for a guess; {classes} is put in; published is our "
        "wording in the published form [default: fits any classes]",
    )
    class_list: ClassListForm = Field("lines", description=CLASS_LIST_HELP)
    predict_temperature: Annotated[float, Field(ge=0)] = Field(
        0.3, description="of the guess; descriptions take --temperature"
    )
    published_pixels: bool = Field(
        False,
        description="prepare images for CLIP as the published code does: squeezed to a square, "
        "without mean and standard deviation",
    )
