"""What a model's folder holds: its format, and every file that can change what the model says.

Beside the weights these are configurations, tokenizers, chat templates, settings of the image
processor, and code. Files are hashed whole, weights too: a byte that changed in the middle of a
shard is another model, and reading a file once costs less than loading it does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import xxhash

from actors.hub import hash_file
from methods.errors import InputError

ModelFormat = Literal["hf", "mistral"]
"""Whose files a model is in: those of transformers, or Mistral's own."""

CONFIGS: Final[dict[str, ModelFormat]] = {"config.json": "hf", "params.json": "mistral"}
"""The file that says what a model is, by whose it is; the first counts where both are there."""

SETTINGS: Final = "onoma.json"
"""What a folder may say of how its model was trained: ``{"image_position": "last"}``."""

ImagePosition = Literal["first", "last"]
"""Where the images of a request stand: before its text, or after it."""

_WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth")
_ANYWHERE: Final = (".py", ".jinja")  # code and templates may lie in folders
_DECIDING: Final = (*_WEIGHTS, *_ANYWHERE, ".json", ".model", ".tiktoken")
_TOKENIZERS: Final = ("tokenizer", "tekken", "vocab", "merges")  # such as tokenizer.model.v3


def deciding_files(folder: Path) -> list[Path]:
    """The files of a model's folder that decide what it says, sorted; broken links are left out."""
    return sorted(path for path in _files(folder) if path.is_file())


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        here = Path(place)
        for name in names:
            kinds = _DECIDING if here == folder else _ANYWHERE
            if name.endswith(kinds) or (here == folder and name.startswith(_TOKENIZERS)):
                yield here / name


def files_fingerprint(folder: Path) -> str:
    """The identity of a model's folder: names and content of `deciding_files`.

    A copy elsewhere has the same; two files that were swapped, or one byte anywhere, make another.
    """
    lines = (
        f"{path.relative_to(folder).as_posix()}:{hash_file(str(path))}\n"
        for path in deciding_files(folder)
    )
    return f"files:{xxhash.xxh3_128_hexdigest(''.join(lines).encode())}"


def folder_format(flag: str, name: str, folder: Path) -> ModelFormat:
    """Say whose files a folder's model is in, and check that none is missing.

    Raises:
        InputError: no configuration, one that is no JSON, no weights, or no tokenizer.
    """
    config = next((file for file in CONFIGS if (folder / file).is_file()), None)
    if config is None:
        raise InputError(
            f"{flag} {name}: {folder} holds no {' or '.join(CONFIGS)}; give a model's folder"
        )
    read_json(flag, name, folder / config)
    found = CONFIGS[config]
    names = [path.name for path in deciding_files(folder) if path.parent == folder]
    if found == "hf":
        if not any(each.endswith(_WEIGHTS) for each in names):
            raise InputError(f"{flag} {name}: {folder} holds no weights; expected *.safetensors")
        return found
    weights = [each for each in names if each.endswith(".safetensors")]
    if not any(each.startswith("consolidated") for each in weights):
        raise InputError(
            f"{flag} {name}: {folder} holds no weights; expected consolidated*.safetensors beside "
            "params.json"
        )
    if not any(each.startswith(("tekken", "tokenizer")) for each in names):
        raise InputError(
            f"{flag} {name}: {folder} holds no tokenizer; expected tekken.json beside params.json"
        )
    return found


def image_position_of(flag: str, name: str, folder: Path) -> ImagePosition:
    """Where images stand in what a folder's model was trained on: first, unless it says otherwise.

    Raises:
        InputError: its settings say something else than first or last.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return "first"
    position = read_json(flag, name, path).get("image_position", "first")
    if position not in ("first", "last"):
        raise InputError(
            f"{flag} {name}: image_position {position!r} in {path}; it is first or last"
        )
    return "last" if position == "last" else "first"


def read_json(flag: str, name: str, path: Path) -> dict[str, Any]:
    """Read a JSON object of a model's folder.

    Raises:
        InputError: it is none.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{flag} {name}: {path} is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{flag} {name}: {path} holds no JSON object")
    return found
