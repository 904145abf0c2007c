"""One config class for every verb and method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import (
    ArchiveConfig,
    AskingImagesConfig,
    ClassTextsConfig,
    ClipConfig,
    Positive,
    TemplatesConfig,
)

Weight = Annotated[float, Field(ge=0)]


class ManifestConfig(VerbConfig):
    """List an archive as a Parquet manifest: image_id, path, uri."""

    images: str = Field(description="folder, glob, s3:// prefix, .parquet, .tar or .txt list")
    out: str = Field(description="Parquet file to write")


class FitZeroShotConfig(ClipConfig, TemplatesConfig):
    """Make a CLIP classifier from class names and prompt templates."""

    method: Literal["zero_shot"] = "zero_shot"
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(description="classifier folder to write, local or s3://")


class LabelZeroShotConfig(ArchiveConfig, ClipConfig, TemplatesConfig):
    """Label an archive with zero-shot CLIP."""

    method: Literal["zero_shot"] = "zero_shot"


class LabelClassifierConfig(ArchiveConfig, ClipConfig):
    """Label an archive with a classifier made by fit."""

    method: Literal["classifier"] = "classifier"
    classifier: str = Field(description="classifier folder, local or s3://")
    classes: str | None = Field(
        None, description="file of class names, one a line, that must be the classifier's"
    )
    clip: str | None = Field(  # type: ignore[assignment]
        None, description="the same CLIP model in another place [default: where it was at fit]"
    )


class RecogniseConfig(AskingImagesConfig, ClipConfig):
    """What SLAC and TLAC share."""

    classes: str | None = Field(None, description="file of class names, one a line")
    recognise_prompt: str | None = Field(
        None,
        description="file with the question about every image [default: one that fits any images]",
    )
    upstream_compat: bool = Field(
        False, description="clean answers as the published code does, faults included"
    )


class LabelSlacConfig(RecogniseConfig):
    """Label an archive with SLAC: an MLLM says what is there, CLIP's text side finds the class."""

    method: Literal["slac"] = "slac"


class LabelTlacConfig(RecogniseConfig):
    """Label an archive with TLAC: SLAC, and the MLLM then chooses from the class list."""

    method: Literal["tlac"] = "tlac"
    choose_prompt: str | None = Field(
        None,
        description="file with the second question; {classes} and {answer} are put in [default: "
        "one that fits any classes]",
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


class FitWhatDoYouSeeConfig(ClassTextsConfig):
    """Make a What Do You See classifier: class names, templates and what an LLM writes of them."""

    method: Literal["what_do_you_see"] = "what_do_you_see"
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(
        description="classifier folder, local or s3://; run the same command again to resume"
    )


class LabelWhatDoYouSeeConfig(AskingImagesConfig, ClassTextsConfig):
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
        description="file with the question for a guess; {classes} is put in [default: fits any "
        "classes]",
    )
    predict_temperature: Annotated[float, Field(ge=0)] = Field(
        0.3, description="of the guess; descriptions take --temperature"
    )
    published_pixels: bool = Field(
        False,
        description="prepare images for CLIP as the published code does: squeezed to a square, "
        "without mean and standard deviation",
    )


class EvaluateConfig(VerbConfig):
    """Compare a run's labels with the truth."""

    labels: str = Field(description="run folder")
    truth: str = Field(description="CSV with columns path,label; several labels joined by |")
    sentences: str | None = Field(
        None,
        description="sentence-transformers model for sACC, a name of the hub or a folder [default: "
        "all-mpnet-base-v2 for runs that discover names, left out with a note when it cannot be "
        "had]",
    )
    mllm_run: str | None = Field(
        None,
        description="a run in which the MLLM named every image of the same archive, to compare "
        "with",
    )


class ReportConfig(VerbConfig):
    """Write RUN/report.html."""

    run: str = Field(description="run folder")
    truth: str | None = Field(
        None, description="CSV with columns path,label, to show what is wrong"
    )


class DemoConfig(VerbConfig):
    """The whole story on the field guide, with a report."""

    out: str = Field("onoma-demo", description="folder for the drawn archive and the runs")
    count: Positive = Field(1000, description="images to draw")
    seed: int = Field(2026, description="seed of the drawn archive")


class DoctorConfig(VerbConfig):
    """Say what is ready on this machine or cluster, what is missing, and what to do."""


class DrawConfig(VerbConfig):
    """Draw a field-guide archive with its truth."""

    out: str = Field(description="folder that gets images/, classes.txt and truth.csv")
    count: Positive = Field(1000, description="images to draw")
    kind: Literal["birds", "scenes"] = Field("birds", description="what to draw")
    species: str | None = Field(None, description="file with the species to draw, one a line")
