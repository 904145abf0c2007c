"""Keyword arguments to settings: the config classes of the command line, and errors in our words.

A setting has the name of its flag, ``clip_batch`` for ``--clip-batch``, and its type, checks and
default are the flag's. Paths may be `pathlib.Path`, what `onoma.label` or `onoma.fit` returned
stands for its folder, and ``classes`` may be a list of names.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from methods.class_file_forms import check_form
from methods.errors import InputError
from ray_jobs.config import VerbConfig
from ray_jobs.config.base import configured
from ray_jobs.config.names import RENAMED, did_you_mean

T = TypeVar("T", bound=VerbConfig)

_OF_THE_CONSOLE: Final = {"config", "json_output", "verbose", "method"}


class UnknownSettingError(InputError, TypeError):
    """A keyword argument that the method does not have, with what was perhaps meant."""


class WrongSettingError(InputError, ValueError):
    """A setting that is needed and not given, or has a value that cannot be."""


def names_of(kind: type[VerbConfig]) -> list[str]:
    """The settings that a program may give, in the order of ``--help``."""
    return [name for name in kind.model_fields if name not in _OF_THE_CONSOLE]


@contextmanager
def keyword_settings(kind: type[T], verb: str, given: Mapping[str, Any]) -> Iterator[T]:
    """Make settings of keyword arguments, and keep what they need while a job runs.

    Args:
        kind: the config class.
        verb: of what the settings are, for messages.
        given: the arguments; None leaves a setting at its default.

    Raises:
        UnknownSettingError: an argument is no setting.
        WrongSettingError: a setting is missing or wrong.
    """
    names = names_of(kind)
    for name in given:
        if name not in names:
            new = RENAMED.get(name)
            meant = f"; it is {new} now" if new in names else did_you_mean(name, names)
            words = ", ".join(map(repr, verb.split()))
            raise UnknownSettingError(
                f"{name} is not a setting of {verb}{meant}; onoma.settings_of({words}) lists them"
            )
    plain = {name: _plain(value) for name, value in given.items() if value is not None}
    with _class_file(plain) as settings:
        try:
            made = configured(kind, settings)
        except InputError as error:
            raise WrongSettingError(_sentence(error)) from error
        yield made


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@contextmanager
def _class_file(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same with a file in the place of a list of class names."""
    names = settings.get("classes")
    if names is None or isinstance(names, str):
        yield settings
        return
    _check_names(names)
    with tempfile.TemporaryDirectory(prefix="onoma-classes-") as folder:
        file = Path(folder) / "classes.txt"
        file.write_text(_written(names), "utf-8")
        yield {**settings, "classes": str(file)}


def _written(names: Sequence[str]) -> str:
    """One a line, or as a list where lines would be taken for something else, as numbered ones."""
    try:
        check_form(names, "classes")
    except InputError:
        return json.dumps(list(names))
    return "".join(f"{name}\n" for name in names)


def _check_names(names: Any) -> None:
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise WrongSettingError(
            "classes is a list of names, or a file of them, one a line: NAME, or "
            "ID<TAB>NAME<TAB>OTHER|OTHER"
        )
    for name in names:
        if not name.strip() or any(letter in name for letter in "\t\r\n"):
            raise WrongSettingError(f"classes: {name!r} is no name: a line without tabs is one")


def _sentence(error: InputError) -> str:
    """What is wrong, with settings by their names in Python."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return str(error)
    parts = []
    for problem in cause.errors(include_url=False):
        name = ".".join(str(piece) for piece in problem["loc"])
        if problem["type"] == "missing":
            parts.append(f"{name} is needed")
        else:
            said = problem["msg"][0].lower() + problem["msg"][1:]
            parts.append(f"{name}={problem['input']!r}: {said}" if name else said)
    return "; ".join(parts)
