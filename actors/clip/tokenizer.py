"""The tokenizer of a model, and what a text tower of transformers needs: found before Ray starts.

CLIP's own tokenizer comes with open_clip. The others are files, in the model's folder or in a
repository of the hub.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from actors.compat.open_clip import make_tokenizer
from actors.hub import first_line, hub_failure
from methods.errors import InputError

_FILES: Final = ("tokenizer.json", "tokenizer_config.json")
_PATTERNS: Final = (
    *_FILES,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "config.json",
)


def find_tokenizer(config: Mapping[str, Any], sources: Sequence[str], what: str) -> Any:
    """Make a model's tokenizer: texts in, int64 tokens (n, context length) out.

    Args:
        config: open_clip's ``model_cfg``.
        sources: folders and repositories that may hold its files, the first first. Repositories
            are read as folders of the cache: transformers would ask the hub for files besides.
        what: flag and name of the model, for messages.

    Raises:
        InputError: its files are missing, or cannot be read.
    """
    text = config["text_cfg"]
    if not text.get("hf_tokenizer_name"):
        return make_tokenizer(config, None)
    problems: list[str] = []
    for source in sources:
        try:
            folder = _folder(source)
        except Exception as error:  # the hub client raises many kinds
            problems.append(
                f"{', '.join(_FILES)} of {source} are not in the cache, and {hub_failure(error)}; "
                "run once where the hub can be reached and keep its cache (HF_HOME)"
            )
            continue
        try:
            # transformers tells of conversions on standard output, which belongs to results
            with contextlib.redirect_stdout(None):
                return make_tokenizer(config, str(folder))
        except Exception as error:  # transformers and tokenizers raise many kinds
            problems.append(_unusable(folder, str(text["hf_tokenizer_name"]), error))
    raise InputError(f"{what}: its tokenizer files are missing: {problems[0]}")


def takes_whole(tokenizer: Any, text: str) -> bool:
    """Say whether a tokenizer takes a text whole."""
    length = tokenizer.context_length
    short = tokenizer([text], context_length=length)[0]
    long, empty = tokenizer([text, ""], context_length=2 * length)
    if empty[-1] != empty[-2]:  # a token of its own stands last, whatever the text
        short, long, empty, length = short[:-1], long[:-1], empty[:-1], length - 1
    # with room for as much again, the same tokens stand there, and padding behind them
    return bool((long[:length] == short).all() and (long[length:] == empty[length:]).all())


def _folder(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download

    repository, _, commit = source.partition("@")
    found = snapshot_download(repository, revision=commit or None, allow_patterns=list(_PATTERNS))
    return Path(found)


def _unusable(folder: Path, named: str, error: Exception) -> str:
    absent = [name for name in _FILES if not (folder / name).is_file()]
    if absent:
        return f"{', '.join(absent)} of {named}; put them into {folder}"
    return f"those in {folder} cannot be read ({first_line(error)}); copy {named}'s there again"


def check_text_tower(config: Mapping[str, Any], what: str) -> None:
    """Check that the configuration of a text tower of transformers is at hand.

    Raises:
        InputError: it is neither a folder nor in the cache, and no hub gives it.
    """
    named = config["text_cfg"].get("hf_model_name")
    if not named:
        return
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(named)
    except Exception as error:  # the hub client raises many kinds
        raise InputError(
            f"{what}: its text tower is {named}, whose config.json is not in the cache, and "
            f"{hub_failure(error)}; run once where the hub can be reached and keep its cache "
            "(HF_HOME)"
        ) from error
