"""From command-line arguments and a YAML file to a typed config, and errors as sentences.

From a config class come the command-line flags (``clip_batch`` is ``--clip-batch``), the keys of
the YAML file (``--config run.yaml``; flags win) and the reference in ``--help``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from actors.s3_settings import check_words
from methods.errors import InputError
from ray_jobs.config.names import did_you_mean, flag_of, say_renamed
from ray_jobs.config.yaml_file import yaml_values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="VerbConfig")
Settings = TypeVar("Settings", bound="DataclassInstance")

_SECRET = re.compile("token|secret|password|api_?key", re.IGNORECASE)


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
    s3: list[str] = Field(
        default_factory=list,
        description="how S3 is asked: anon, profile=NAME, requester-pays or endpoint=URL; also of "
        "one bucket, as BUCKET:anon; may be given several times",
    )
    seed: int = Field(0, description="seed of everything random")
    verbose: bool = Field(
        False, description="show tracebacks, and what the libraries below log themselves"
    )

    @field_validator("s3")
    @classmethod
    def _checked(cls, words: list[str]) -> list[str]:
        check_words(words)
        return words

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
        """The settings as plain values, for ``run.json`` and the report, without secrets."""
        values = self.model_dump(mode="json", exclude={"config", "json_output", "verbose"})
        return {name: _public(value) for name, value in values.items()}


def settings_from(config: VerbConfig, kind: type[Settings], **derived: Any) -> Settings:
    """Make a dataclass of `methods` from the settings of a verb that have its fields' names.

    Args:
        config: the verb's settings.
        kind: the dataclass; a field that is neither a setting nor derived keeps its default.
        derived: fields that are worked out from settings rather than set.

    Raises:
        ValueError: the values contradict each other.
    """
    settings = type(config).model_fields
    named = {f.name: getattr(config, f.name) for f in fields(kind) if f.name in settings}
    return kind(**{**named, **derived})


def _public(value: Any) -> Any:
    """A setting as others may see it: what an engine needs to log in stays here."""
    if not isinstance(value, dict):
        return value
    return {
        name: "***" if isinstance(own, str) and _SECRET.search(name) else own
        for name, own in value.items()
    }


def parse(kind: type[T], arguments: list[str], program: str) -> T:
    """Make a config from command-line arguments and the YAML file they may name.

    Raises:
        InputError: one sentence a wrong setting: which, its value, what would be right.
    """
    values = yaml_values(arguments)
    flags = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    _check_names(kind, [*flags, *map(flag_of, values)], program)
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
        if "unrecognized arguments" in text and (flag := _flag_before_two(kind, arguments)):
            text += f"; several values of {flag} are joined by commas"
        raise InputError(f"{text}; {program} --help lists what there is") from error


def configured(kind: type[T], settings: Mapping[str, Any]) -> T:
    """Make a config from settings that a program chose.

    Raises:
        InputError: one sentence a wrong setting: which, its value, what would be right.
    """
    try:
        return kind(**settings)
    except ValidationError as error:
        raise InputError(_sentence(error)) from error


def _check_names(kind: type[VerbConfig], given: list[str], program: str) -> None:
    """Refuse names that this command does not have.

    Args:
        kind: the config class.
        given: flags, as they stand on the command line, and keys of the YAML file as flags.
        program: how the command is started.

    Raises:
        InputError: one sentence a wrong name, with what was perhaps meant.
    """
    fields = kind.model_fields
    if renamed := say_renamed((flag[2:].replace("-", "_") for flag in given), fields):
        raise InputError(renamed)
    flags = {flag_of(info.alias or name) for name, info in fields.items()}
    flags |= {flag_of(f"no_{name}") for name, info in fields.items() if _is_switch(info.annotation)}
    wrong = [flag for flag in dict.fromkeys(given) if flag not in flags]
    if wrong:
        said = [
            f"{flag} is not a setting of {program}{did_you_mean(flag, flags)}" for flag in wrong
        ]
        raise InputError(f"{'; '.join(said)}; {program} --help lists what there is")


def _flag_before_two(kind: type[VerbConfig], arguments: list[str]) -> str | None:
    """The first flag of a list behind which stand two words or more, as if they were its values."""
    lists = {
        flag_of(info.alias or name)
        for name, info in kind.model_fields.items()
        if any(get_origin(part) is list for part in (info.annotation, *get_args(info.annotation)))
    }
    for flag, *behind in zip(arguments, arguments[1:], arguments[2:], strict=False):
        if flag in lists and not any(word.startswith("-") for word in behind):
            return flag
    return None


def _is_switch(annotation: Any) -> bool:
    return annotation in (bool, bool | None)


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
