"""Requests and answers of the endpoint, typed: the OpenAPI document comes from these."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

MOST_TOP: Final = 100
DEFAULT_TOP: Final = 5

TopK = Annotated[int, Field(ge=1, le=MOST_TOP)]
Threshold = Annotated[float, Field(allow_inf_nan=False, ge=-1000, le=1000)]


class Options(BaseModel):
    """What a request may say beside its images."""

    model_config = ConfigDict(extra="forbid")

    classifier: str | None = Field(
        None, max_length=200, description="a name of /v1/classifiers [default: the first of them]"
    )
    top_k: TopK = Field(DEFAULT_TOP, description="how many labels to rank")
    threshold: Threshold | None = Field(
        None,
        description="for classifiers with several labels: takes the place of their own thresholds "
        "of scores without their mean over classes",
    )


class ImageData(BaseModel):
    """One image of a JSON request: its bytes or its address."""

    model_config = ConfigDict(extra="forbid")

    data: str | None = Field(None, description="the encoded image file in base64")
    url: str | None = Field(
        None, max_length=2000, description="its address, where the operator allows some hosts"
    )
    name: str | None = Field(None, max_length=500, description="comes back with the answer")


class ClassifyRequest(Options):
    """A JSON request."""

    images: list[ImageData] = Field(min_length=1, description="one image or several")


class LabelScore(BaseModel):
    """A label and its score, and what it is called where labels are ids."""

    label: str
    score: float
    name: str | None = Field(None, description="null where the classifier's labels are names")


class ImageAnswer(BaseModel):
    """What was found in one image."""

    name: str | None = Field(description="as it was sent")
    labels: list[LabelScore] = Field(
        description="its label; or all above their thresholds, perhaps none"
    )
    abstained: bool = Field(
        False,
        description="not sure: the score is below the classifier's threshold, so no label is given",
    )
    top: list[LabelScore] = Field(
        description="the best classes: probabilities, or scaled cosines for several labels"
    )


class Answered(BaseModel):
    """Which classifier answered."""

    name: str
    version: str = Field(description="changes with labels, weights and CLIP model")
    method: str
    multi_label: bool


class Timings(BaseModel):
    """Where the time went, in milliseconds."""

    decode_ms: float
    wait_ms: float = Field(description="for the forward pass before to end")
    model_ms: float
    total_ms: float = Field(description="from the whole request to its answer, queueing included")


class ClassifyAnswer(BaseModel):
    """The answer to POST /v1/classify: images in the order they were sent."""

    classifier: Answered
    images: list[ImageAnswer]
    timings: Timings


class ClassifierInfo(Answered):
    """One classifier that can be asked."""

    label_count: int
    clip: str = Field(description="the CLIP model it was made for")
    loaded_at: str = Field(description="UTC")
    has_reference: bool = Field(description="whether drift can be measured")


class ClassifierList(BaseModel):
    """The answer to GET /v1/classifiers."""

    default: str
    classifiers: list[ClassifierInfo]
    problems: list[str] = Field(description="classifiers that could not be loaded, and why")


class Health(BaseModel):
    """The answer to GET /healthz."""

    status: str


def request_body() -> dict[str, Any]:
    """Describe both kinds of body for the OpenAPI document."""
    options = Options.model_json_schema()["properties"]
    form = {
        "type": "object",
        "required": ["images"],
        "properties": {
            "images": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "binary"},
                "description": "image files, one part each",
            },
            **options,
        },
    }
    json_schema = ClassifyRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    json_schema.pop("$defs", None)
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": form,
                "encoding": {"images": {"contentType": "image/*, application/octet-stream"}},
            },
            "application/json": {"schema": json_schema},
        },
    }
