"""What ``--help`` says of a command: its settings by group, one default each, sizes with units."""

from __future__ import annotations

import re
import textwrap
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.groups import EXPERT, METHOD, NEEDED, groups_of
from ray_jobs.config.names import flag_of

COLUMNS: Final = 100
_WIDEST: Final = 30
_DEFAULT: Final = re.compile(r"\s*\[default: ([^\]]+)\]\s*$")
_BYTES: Final = frozenset({"max_bytes", "max_body", "max_held"})
_SECONDS: Final = re.compile(r"(_seconds|_timeout|_deadline|^retry_after)$")
_WORDS: Final = {
    "images": "SRC",
    "out": "DIR",
    "classes": "FILE",
    "classifier": "DIR",
    "classifiers": "DIR",
    "runs": "RUN",
    "clip": "MODEL",
    "mllm": "MODEL",
    "run": "RUN",
    "labels": "RUN",
    "truth": "FILE",
    "templates": "FILE",
}
_ENDINGS: Final = (
    ("_prompt", "FILE"),
    ("_template", "FILE"),
    ("_resource", "NAME"),
    ("_mllm", "MODEL"),
)


def help_text(
    kind: type[VerbConfig],
    command: str,
    *,
    full: str = "",
    positional: str | None = None,
    examples: Sequence[str] = (),
    everything: bool = False,
) -> str:
    """The help of a command.

    Args:
        kind: its config class.
        command: how it is typed, ``onoma label slac``.
        full: the same with its method, where that may be left out.
        positional: the setting that needs no flag.
        examples: command lines.
        everything: whether experts' settings are shown as well.
    """
    groups = groups_of(kind, (positional,) if positional else ())
    hidden = [] if everything else groups.pop(EXPERT, [])
    if METHOD in groups and "method" not in kind.model_fields:
        groups = {("settings" if g == METHOD else g): names for g, names in groups.items()}
    parts = [_usage(kind, command, groups.get(NEEDED, []), positional)]
    told = ((" ".join(each.split())) for each in (kind.__doc__ or "").split("\n\n"))
    parts += [textwrap.fill(each, COLUMNS) for each in told if each]
    for group, names in groups.items():
        lines = [line for name in names for line in _lines(kind, name, name == positional)]
        parts.append("\n".join([f"{group}:", *lines]))
    if examples:
        parts.append("\n".join(["examples:", *(f"  {example}" for example in examples)]))
    if hidden:
        word = "setting" if len(hidden) == 1 else "settings"
        parts.append(f"{len(hidden)} more {word} for experts: {full or command} --help-all")
    return "\n\n".join(parts) + "\n"


def _usage(
    kind: type[VerbConfig], command: str, needed: Sequence[str], positional: str | None
) -> str:
    words = []
    for name in needed:
        info = kind.model_fields[name]
        shown = metavar(name, info, name == positional)
        word = shown if name == positional else f"{flag_of(info.alias or name)} {shown}"
        words.append(word if info.is_required() or name != positional else f"[{word}]")
    return textwrap.fill(
        f"usage: {command} {' '.join([*words, '[settings]'])}", COLUMNS, subsequent_indent="  "
    )


def _lines(kind: type[VerbConfig], name: str, positional: bool) -> Iterator[str]:
    """A setting in two columns."""
    info = kind.model_fields[name]
    shown = metavar(name, info, positional)
    flag = flag_of(f"no_{name}" if info.default is True else info.alias or name)
    head = shown if positional else f"{flag} {shown}".rstrip()
    text = described(name, info)
    wrapped = textwrap.wrap(text, COLUMNS - _WIDEST - 2, break_on_hyphens=False)
    if len(head) > _WIDEST - 4:
        yield f"  {head}"
    elif wrapped:
        yield f"  {head:<{_WIDEST - 2}}{wrapped.pop(0)}"
    yield from (" " * _WIDEST + line for line in wrapped)


def described(name: str, info: FieldInfo) -> str:
    """What a setting is, and its default, said once."""
    text = " ".join((info.description or "").split())
    told = _DEFAULT.search(text)
    text = _DEFAULT.sub("", text)
    if info.is_required():
        return text
    default = told[1] if told else default_of(name, info)
    return f"{text} [default: {default}]" if default else text


def default_of(name: str, info: FieldInfo) -> str:
    """The default of a setting with its unit; empty where there is nothing to say."""
    value = info.default
    if value is PydanticUndefined or value is None or isinstance(value, bool) or value == "":
        return ""
    if name in _BYTES:
        return _size(int(value))
    if name == "max_pixels":
        return f"{int(value) / 1e6:g} megapixels"
    if isinstance(value, float | int):
        number = f"{value:,}" if isinstance(value, int) and value > 9999 else f"{value:g}"
        return f"{number} s" if _SECONDS.search(name) else number
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _size(value: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,} bytes"


def choices_of(info: FieldInfo) -> list[str]:
    """What a setting can be, where it is one of a few words."""
    return [str(word) for word in _literals(info.annotation)]


def metavar(name: str, info: FieldInfo, positional: bool = False) -> str:
    """A word for the value of a setting; none for a switch.

    Several values are joined by commas behind a flag, and by blanks where there is none.
    """
    plain = [each for each in _parts(info.annotation) if each is not type(None)]
    if plain == [bool]:
        return ""
    if words := choices_of(info):
        free = [each for each in plain if get_origin(each) is not Literal]
        joined = "|".join([*words, *("N" for each in free if each in (int, float))])
        return joined if len(joined) <= 60 else "WORD"
    if any(get_origin(each) is dict for each in plain):
        return "NAME=VALUE"
    if int in plain:
        return "N"
    if float in plain:
        return "X"
    word = _WORDS.get(name) or next((w for end, w in _ENDINGS if name.endswith(end)), "")
    if any(each is Path for each in plain):
        word = "FILE"
    several = any(get_origin(each) is list for each in plain)
    more = (" ..." if positional else ",...") if several else ""
    return (word or ("WORD" if several else "TEXT")) + more


def _parts(annotation: Any) -> list[Any]:
    """The types of a union, without what is only said about them."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for each in get_args(annotation) for part in _parts(each)]
    return [annotation]


def _literals(annotation: Any) -> list[Any]:
    found = []
    for each in _parts(annotation):
        if get_origin(each) is Literal:
            found += list(get_args(each))
        elif get_origin(each) is list:
            found += _literals(get_args(each)[0])
    return found
