"""Typed configuration: one pydantic class per verb and method, and nothing beside it.

From these classes come the command-line flags (``clip_batch`` is ``--clip-batch``), the keys of the
YAML file (``--config run.yaml``; flags win) and the reference in ``--help``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from actors.clip import Precision
from actors.decode import DEFAULT_MAX_PIXELS
from actors.fetch import DEFAULT_MAX_BYTES
from methods.errors import InputError

Positive = Annotated[int, Field(ge=1)]
T = TypeVar("T", bound="VerbConfig")


class VerbConfig(BaseSettings):
    """What every verb takes."""

    model_config = SettingsConfigDict(
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags="toggle",
        cli_hide_none_type=True,
        cli_avoid_json=True,
        validate_default=True,
    )
    yaml_values: ClassVar[dict[str, Any]] = {}

    config: Path | None = Field(None, description="YAML file with these settings; flags win")
    json_output: bool = Field(
        False,
        alias="json",
        description="one JSON object on standard output, the rest on standard error",
    )
    seed: int = Field(0, description="seed of everything random")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take flags and the YAML file; no environment variable changes a run unseen."""
        return init_settings, InitSettingsSource(settings_cls, init_kwargs=cls.yaml_values)

    def public(self) -> dict[str, Any]:
        """The settings as plain values, for ``run.json`` and the report."""
        return self.model_dump(mode="json", exclude={"config", "json_output"})


class ReadingConfig(VerbConfig):
    """How images are read and decoded."""

    max_bytes: Positive = Field(
        DEFAULT_MAX_BYTES, description="refuse images of more encoded bytes than this"
    )
    max_pixels: Positive = Field(
        DEFAULT_MAX_PIXELS, description="refuse images of more pixels than this, before decoding"
    )
    decode_tasks: Positive | None = Field(
        None, description="decode tasks at once [default: one per CPU core of the cluster]"
    )
    rows_per_block: Positive | None = Field(
        None,
        description="images per unit of work, written and checkpointed together, at least one "
        "--clip-batch [default: from the archive's size, 64 to 512]",
    )


class ClipConfig(VerbConfig):
    """Which CLIP model, and how it runs."""

    clip: str = Field(
        "fieldguide",
        description="fieldguide, MODEL/TAG of open_clip such as ViT-L-14/openai, hf-hub:ORG/REPO, "
        "or a folder",
    )
    precision: Precision = Field("auto", description="auto is bf16 on a GPU and fp32 on a CPU")
    clip_replicas: Positive | None = Field(
        None, description="CLIP replicas [default: one per GPU, or one per 8 CPU cores]"
    )
    clip_gpus: Annotated[float, Field(ge=0)] | None = Field(
        None, description="GPUs per replica, fractions allowed [default: 1 if the cluster has any]"
    )
    clip_batch: Positive = Field(64, description="images per forward pass")


class ArchiveConfig(VerbConfig):
    """Which archive, and where the run goes."""

    images: str = Field(
        description="folder, glob, s3:// prefix, .parquet (images, URIs or a manifest), .tar or "
        ".txt list"
    )
    out: str = Field(description="run folder, local or s3://; run the same command again to resume")


class TemplatesConfig(VerbConfig):
    """Prompt templates of the zero-shot class matrix."""

    classes: str | None = Field(None, description="file of class names, one a line")
    templates: str = Field(
        "simple",
        description="simple (a photo of a {}.), imagenet (open_clip's 80 ImageNet templates), or a "
        "file of templates, one a line, each with {} for the name",
    )


class ManifestConfig(VerbConfig):
    """List an archive as a Parquet manifest: image_id, path, uri."""

    images: str = Field(description="folder, glob, s3:// prefix, .parquet, .tar or .txt list")
    out: str = Field(description="Parquet file to write")


class FitZeroShotConfig(ClipConfig, TemplatesConfig):
    """Make a CLIP classifier from class names and prompt templates."""

    method: Literal["zero_shot"] = "zero_shot"
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(description="classifier folder to write, local or s3://")


class LabelZeroShotConfig(ArchiveConfig, ReadingConfig, ClipConfig, TemplatesConfig):
    """Label an archive with zero-shot CLIP."""

    method: Literal["zero_shot"] = "zero_shot"


class LabelClassifierConfig(ArchiveConfig, ReadingConfig, ClipConfig):
    """Label an archive with a classifier made by fit."""

    method: Literal["classifier"] = "classifier"
    classifier: str = Field(description="classifier folder, local or s3://")
    clip: str | None = Field(  # type: ignore[assignment]
        None, description="the same CLIP model in another place [default: where it was at fit]"
    )


class EvaluateConfig(VerbConfig):
    """Compare a run's labels with the truth."""

    labels: str = Field(description="run folder")
    truth: str = Field(description="CSV with columns path,label; several labels joined by |")


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


def parse(kind: type[T], arguments: list[str], program: str) -> T:
    """Make a config from command-line arguments and the YAML file they may name.

    Raises:
        InputError: one sentence a wrong setting: which, its value, what would be right.
        SystemExit: code 0 after ``--help``.
    """
    values = _yaml_values(arguments)
    bound = type(kind.__name__, (kind,), {"yaml_values": values, "__doc__": kind.__doc__})
    source: CliSettingsSource[Any] = CliSettingsSource(
        bound, cli_prog_name=program, cli_exit_on_error=False
    )
    try:
        return CliApp.run(bound, cli_args=arguments, cli_settings_source=source)
    except ValidationError as error:
        raise InputError(_sentence(error)) from error
    except SettingsError as error:
        text = str(error).removeprefix("error parsing CLI: ")
        raise InputError(f"{text}; {program} --help lists what there is") from error


def _yaml_values(arguments: list[str]) -> dict[str, Any]:
    path = None
    for index, argument in enumerate(arguments):
        if argument == "--config" and index + 1 < len(arguments):
            path = arguments[index + 1]
        elif argument.startswith("--config="):
            path = argument.partition("=")[2]
    if path is None:
        return {}
    try:
        values = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"--config {path}: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(
            f"--config {path}: holds a {type(values).__name__}, not settings as key: value"
        )
    return {str(key).replace("-", "_"): value for key, value in values.items()}


def yaml_method(arguments: list[str]) -> str | None:
    """Return the ``method`` that the YAML file among the arguments names, if it does."""
    method = _yaml_values(arguments).get("method")
    return None if method is None else str(method)


def _sentence(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False):
        flag = "--" + "-".join(str(piece) for piece in problem["loc"][:1]).replace("_", "-")
        if problem["type"] == "missing":
            parts.append(f"{flag} is needed")
        elif problem["type"] == "extra_forbidden":
            parts.append(f"{flag} is not a setting of this command")
        else:
            message = problem["msg"][0].lower() + problem["msg"][1:]
            parts.append(f"{flag} {problem['input']!r}: {message}")
    return "; ".join(parts)


def method_of(kind: type[VerbConfig]) -> str:
    """Return the method a config class is for, as the command line names it."""
    return str(get_args(kind.model_fields["method"].annotation)[0])


def program_name() -> str:
    """How this program was started, for usage lines."""
    return "python -m ray_jobs" if sys.argv[0].endswith("__main__.py") else "onoma"
