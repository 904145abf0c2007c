"""From command-line arguments and a YAML file to a typed config, and errors as sentences.

From a config class come the command-line flags (``clip_batch`` is ``--clip-batch``), the keys of
the YAML file (``--config run.yaml``; flags win) and the reference in ``--help``.
"""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args

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

from methods.errors import InputError

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
        """The settings as plain values, for ``run.json`` and the report, without secrets."""
        values = self.model_dump(mode="json", exclude={"config", "json_output"})
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
