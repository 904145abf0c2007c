"""Settings that verbs share: reading, models, archives and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import yaml
from pydantic import Field, field_validator
from pydantic_settings import CliDualFlag

from actors.clip.precision import PRECISION_HELP, Precision
from actors.images.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS, DEFAULT_MAX_SIDE
from methods.errors import ROW_CODES, InputError
from ray_jobs.config.base import VerbConfig
from ray_jobs.config.names import did_you_mean

if TYPE_CHECKING:
    from ray_jobs.runs.sources.table_columns import TableColumns

Positive = Annotated[int, Field(ge=1)]
ClassListForm = Literal["lines", "python"]
CLASS_LIST_HELP: Final = (
    "how a prompt shows the class names: one a line, or as a list in Python's writing, as published"
)


class TablesConfig(VerbConfig):
    """Which columns of Parquet files are read."""

    image_column: str | None = Field(
        None,
        description="column of a Parquet file with the images or their addresses [default: the "
        "first of the usual names whose type fits]",
    )
    id_column: str | None = Field(
        None,
        description="column of a Parquet file with what images are called, text or whole numbers; "
        "# numbers the rows [default: the first of the usual names]",
    )
    keep_columns: list[str] = Field(
        default_factory=list,
        description="columns of the tables in or beside the archive that the labels table gets as "
        "well: NAME,NAME,... or all",
    )

    def table_columns(self) -> TableColumns:
        """These settings as the listing of an archive takes them."""
        from ray_jobs.runs.sources.table_columns import TableColumns

        return TableColumns(self.image_column, self.id_column, tuple(self.keep_columns))

    def refuse_kept_columns(self, verb: str) -> None:
        """Refuse columns to keep where a verb makes no labels table.

        Raises:
            InputError: some are to be kept.
        """
        if self.keep_columns:
            raise InputError(
                f"--keep-columns: {verb} makes no labels table that could have them; give it to "
                "onoma label, or to onoma manifest"
            )


class ArchiveConfig(TablesConfig):
    """Which archive, how its images are read and decoded, and where the run goes."""

    images: str = Field(
        description="folder, glob, s3:// prefix, .parquet (images, URIs or a manifest), .tar or "
        ".txt list"
    )
    out: str = Field(description="run folder, local or s3://; run the same command again to resume")
    max_bytes: Positive = Field(
        DEFAULT_MAX_BYTES, description="refuse images of more encoded bytes than this"
    )
    max_pixels: Positive = Field(
        DEFAULT_MAX_PIXELS, description="refuse images of more pixels than this, before decoding"
    )
    exact_decode: CliDualFlag[bool] = Field(
        False,
        description="decode all of every JPEG; for CLIP, one of 20 times its input size is decoded "
        "at half its scale, which moves features by less than 0.001 in cosine",
    )
    as_stored: CliDualFlag[bool] = Field(
        False,
        description="take images as they are stored, as published code does: no EXIF turn, and "
        "alpha is dropped, not laid on white",
    )
    decode_tasks: Positive | None = Field(
        None, description="decode tasks at once [default: one per CPU core of the cluster]"
    )
    decode_cpus: Annotated[float, Field(gt=0)] | None = Field(
        None, description="CPUs that each decode task takes, fractions allowed [default: 1]"
    )
    decode_resource: str | None = Field(
        None,
        description="custom Ray resource of the nodes that read and decode [default: any node]",
    )
    rows_per_block: Positive | None = Field(
        None,
        description="images per block, written and checkpointed together, at least one "
        "--clip-batch [default: from the archive's size, 64 to 512]",
    )


class GrowingConfig(VerbConfig):
    """How a labelling run goes on that was finished."""

    update: bool = Field(
        False,
        description="list the archive again and label what is new; nothing is asked twice, and "
        "images that have gone keep their rows",
    )
    retry_errors: list[str] = Field(
        default_factory=list,
        description="make rows with an error again: codes joined by commas, such as "
        "storage_error,mllm_timeout, or all",
    )

    @field_validator("retry_errors", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("retry_errors")
    @classmethod
    def _codes(cls, given: list[str]) -> list[str]:
        """Codes one by one.

        Raises:
            ValueError: there is no such error.
        """
        codes = [code.strip() for text in given for code in text.split(",") if code.strip()]
        for code in codes:
            if code not in ROW_CODES and code != "all":
                meant = did_you_mean(code, ROW_CODES)
                raise ValueError(
                    f"no error {code!r}{meant}; give codes that run.json counts, or all"
                )
        return codes


class ClipConfig(VerbConfig):
    """Which CLIP model, and how it runs."""

    clip: str = Field(
        "fieldguide",
        description="fieldguide, MODEL/TAG of open_clip such as ViT-L-14/openai, hf-hub:ORG/REPO "
        "(or ORG/REPO@REVISION), or a folder",
    )
    precision: Precision = Field("auto", description=PRECISION_HELP)
    clip_replicas: Positive | None = Field(
        None, description="CLIP replicas [default: one per GPU, or one per 8 CPU cores]"
    )
    clip_replicas_max: Positive | None = Field(
        None,
        description="replicas that a pass may grow to while it has work for more [default: none "
        "are added]",
    )
    clip_resource: str | None = Field(
        None, description="custom Ray resource of the nodes that CLIP runs on [default: any node]"
    )
    clip_gpus: Annotated[float, Field(ge=0)] | None = Field(
        None, description="GPUs per replica, fractions allowed [default: 1 if the cluster has any]"
    )
    clip_batch: Positive | None = Field(
        None, description="images per forward pass [default: 64, 256 on a GPU]"
    )


class TemplatesConfig(VerbConfig):
    """Prompt templates of the zero-shot class matrix."""

    classes: str | None = Field(
        None, description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER"
    )
    templates: str = Field(
        "simple",
        description="simple (a photo of a {}.), imagenet (open_clip's 80 ImageNet templates), or a "
        "file of templates, one a line, each with {} for the name",
    )


class MllmConfig(VerbConfig):
    """Which multimodal LLM, and how it runs."""

    mllm: str = Field(
        "fieldguide",
        description="fieldguide, a Hugging Face id (ORG/MODEL, or ORG/MODEL@REVISION) or a folder "
        "(vLLM runs it; MODEL+ADAPTER with a LoRA adapter), openai:MODEL@BASE_URL, or dummy:FILE "
        "(answers from a file)",
    )
    mllm_chat_template: str | None = Field(
        None,
        description="file of a Jinja chat template, in place of the model's own [default: the "
        "model's]",
    )
    mllm_image_position: Literal["auto", "first", "last", "alone"] = Field(
        "auto",
        description="where images stand in a request: before its text, after it, or alone in the "
        "user's turn with the text in the system's; auto is as the model was trained: first, "
        "unless its folder says otherwise",
    )
    response_cache: str | None = Field(
        None,
        description="folder of the response cache, local or s3://; what was answered before is not "
        "asked again [default: the folder answers beside the run]",
    )
    max_tokens: Positive = Field(
        128, description="longest answer, in tokens, thoughts of a model that thinks included"
    )
    temperature: Annotated[float, Field(ge=0)] = Field(0.0, description="0 is greedy")
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="nucleus of sampling")
    max_side: Annotated[int, Field(ge=16)] = Field(
        DEFAULT_MAX_SIDE, description="larger images are made smaller, to this longest side"
    )
    mllm_batch: Positive = Field(64, description="requests that travel to a replica together")
    mllm_replicas: Positive | None = Field(
        None, description="replicas [default: as many as the cluster's GPUs allow, or one]"
    )
    mllm_replicas_max: Positive | None = Field(
        None,
        description="replicas to have where the cluster finds room for them; asking starts with "
        "the first that is there [default: --mllm-replicas]",
    )
    mllm_resource: str | None = Field(
        None,
        description="custom Ray resource of the nodes that the MLLM runs on [default: any node]",
    )
    mllm_tensor_parallel_size: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="GPUs of each replica, on one node, tensor parallel [default: 1 if there are "
        "any]",
    )
    mllm_max_model_len: Positive | Literal["auto"] = Field(
        "auto",
        description="longest prompt and answer, in tokens; auto is the model's own, or as much of "
        "it as the memory holds",
    )
    mllm_max_num_seqs: Positive | None = Field(
        None,
        description="requests in an engine at once [default: 64 on a CPU, vLLM's choice on a GPU]",
    )
    mllm_gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = Field(
        0.9, description="share of a GPU's memory that vLLM takes"
    )
    mllm_engine: dict[str, Any] = Field(
        default_factory=dict,
        description="more engine arguments of vLLM, name=value or JSON, such as quantization=fp8",
    )
    mllm_chat: dict[str, Any] = Field(
        default_factory=dict,
        description="what the chat template is given, name=value or JSON, such as "
        "enable_thinking=false for a model that thinks before it answers; an endpoint gets it as "
        "chat_template_kwargs",
    )
    mllm_deadline: Annotated[float, Field(gt=0)] = Field(
        1800.0,
        description="seconds that vLLM has for one answer, from when it takes the request up; "
        "what takes longer is an error, mllm_timeout",
    )
    mllm_extra: dict[str, Any] = Field(
        default_factory=dict,
        description="more fields of the requests to an endpoint, name=value or JSON, such as "
        "reasoning_effort=low, or detail=low of its images; null leaves a field out",
    )
    mllm_image_format: Literal["auto", "png", "jpeg"] = Field(
        "auto",
        description="how images travel to an endpoint; auto: photographs as JPEG to a hosted one, "
        "all else as PNG",
    )
    mllm_concurrency: Positive = Field(32, description="requests to an endpoint at once")
    mllm_rate: Positive | None = Field(
        None, description="requests per minute to an endpoint [default: no limit]"
    )
    mllm_retries: Annotated[int, Field(ge=0)] = Field(
        6, description="how often an endpoint is asked again, with growing pauses"
    )
    mllm_timeout: Annotated[float, Field(gt=0)] = Field(
        120.0, description="seconds that an endpoint has for one answer"
    )

    @field_validator("mllm_engine", "mllm_chat", "mllm_extra")
    @classmethod
    def _as_typed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Give ``name=value`` from the command line the type that YAML would give it.

        Raises:
            ValueError: an argument that says which model, which is another flag's to say.
        """
        for name in ("model", "revision"):
            if name in values:
                raise ValueError(f"{name} is said by --mllm, as ORG/MODEL@REVISION")
        return {
            name: yaml.safe_load(value) if isinstance(value, str) else value
            for name, value in values.items()
        }


class AskingConfig(MllmConfig):
    """A job that asks a multimodal LLM and keeps what it says beside its output."""

    out: str


class AskingImagesConfig(ArchiveConfig, AskingConfig):
    """A job that asks about the images of an archive."""
