"""The YAML file that ``--config`` names: settings as ``key: value``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from methods.errors import InputError


def yaml_values(arguments: list[str]) -> dict[str, Any]:
    """Return the settings of the YAML file among the arguments, none where there is no such file.

    Keys are spelled with ``_``, whichever of ``-`` and ``_`` the file has.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
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
    method = yaml_values(arguments).get("method")
    return None if method is None else str(method)
