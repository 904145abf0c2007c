"""Settings of the small verbs: manifest, evaluate, report, demo, doctor, fieldguide draw."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fieldguide.editions import Edition, Kind
from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import Positive, TablesConfig


class ManifestConfig(TablesConfig):
    """List an archive as a Parquet manifest: image_id, path, uri."""

    images: str = Field(description="folder, glob, s3:// prefix, .parquet, .tar or .txt list")
    out: str = Field(description="Parquet file to write")


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
    classes: str | None = Field(
        None,
        description="class file with the ids that the truth holds, so that sACC compares names "
        "[default: the run's own]",
    )
    mllm_run: str | None = Field(
        None,
        description="a run in which the MLLM named every image of the same archive, to compare "
        "with",
    )


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ReportConfig(VerbConfig):
    """A page of a run, RUN/report.html, or one that compares several runs."""

    run: Annotated[list[str], BeforeValidator(_listed)] = Field(
        min_length=1,
        description="run folders; of several over the same images, one page that compares them, "
        "where NAME=RUN says what a run is called",
    )
    truth: str | None = Field(
        None, description="CSV with columns path,label, to show what is wrong"
    )
    out: str | None = Field(
        None,
        description="the page [default: RUN/report.html; of several, comparison.html in the first]",
    )


class RepairConfig(VerbConfig):
    """Make a run folder whole that two jobs wrote to: one row of each image."""

    run: str = Field(description="run folder")


_EDITION = (
    "of the drawn world: 1 is small, built-in models fieldguide; 2 is larger and harder, models "
    "fieldguide-2"
)


class DemoConfig(VerbConfig):
    """The whole story on the field guide, with a report."""

    out: str = Field("onoma-demo", description="folder for the drawn archive and the runs")
    count: Positive = Field(1000, description="images to draw")
    seed: int = Field(2026, description="seed of the drawn archive")
    edition: Edition = Field("2", description=_EDITION)
    methods: list[str] | None = Field(
        None, min_length=1, description="methods to show, such as tlac,near [default: all]"
    )


class DoctorConfig(VerbConfig):
    """Say what is ready on this machine or cluster, what is missing, and what to do."""


class DrawConfig(VerbConfig):
    """Draw a field-guide archive with its truth."""

    out: str = Field(description="folder that gets images/, classes.txt and truth.csv")
    count: Positive = Field(1000, description="images to draw")
    kind: Kind = Field("birds", description="what to draw")
    edition: Edition = Field("1", description=_EDITION)
    species: str | None = Field(None, description="file with the species to draw, one a line")
