"""A chat template of the user's own: how a request is written as a prompt, in Jinja."""

from __future__ import annotations

import json
import re
from typing import Final

from methods.errors import InputError
from ray_jobs.runs.text_files import read_text

_FLAG: Final = "--mllm-chat-template"
_GENERATION: Final = re.compile(r"{%-?\s*(end)?generation\s*-?%}")
"""Marks of transformers around what a model says; no statement of Jinja's."""


def read_chat_template(path: str) -> str:
    """Read and check a template: a Jinja file, or a JSON file with ``chat_template`` in it.

    Raises:
        InputError: no such file, no Jinja, or a template that does not use the messages.
    """
    text = read_text(_FLAG, path)
    if path.endswith(".json"):
        text = _from_json(path, text)
    from jinja2 import TemplateSyntaxError, meta
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    syntax = ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"])
    try:
        names = meta.find_undeclared_variables(syntax.parse(_GENERATION.sub("", text)))
    except TemplateSyntaxError as error:
        raise InputError(
            f"{_FLAG} {path}: line {error.lineno} is no Jinja ({error.message}); give the "
            "chat_template.jinja that the model was trained with"
        ) from error
    if "messages" not in names:
        raise InputError(
            f"{_FLAG} {path}: does not use messages, what a chat template is given; give the "
            "chat_template.jinja that the model was trained with"
        )
    return text


def _from_json(path: str, text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"{_FLAG} {path}: is not valid JSON ({error})") from error
    template = found.get("chat_template") if isinstance(found, dict) else None
    if not isinstance(template, str):
        raise InputError(f"{_FLAG} {path}: holds no text chat_template; give a Jinja file")
    return template
