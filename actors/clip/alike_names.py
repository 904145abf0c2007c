"""Class names that CLIP reads as one text, and names that it reads a part of.

CLIP's tokenizer knows no capitals and no blanks in a row, takes HTML entities for what they stand
for, and cuts a text at the encoder's context. Two classes of the same tokens have one row of the
class matrix: the second is never a label, and each takes half of the other's score. That is found
here by the tokens, before Ray or a model starts.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Sequence
from typing import Any

from actors.clip.model import ClipModel
from actors.clip.tokenizer import find_tokenizer, takes_whole
from methods.class_matching import display_name
from methods.class_matrix import fill
from methods.class_names import ClassNames
from methods.errors import InputError

logger = logging.getLogger(f"onoma.{__name__}")

_SPECIAL = 2  # tokens for the beginning and the end of a text
_SAID = 3


def check_names_apart(
    model: ClipModel,
    classes: ClassNames,
    templates: Sequence[str],
    where: str,
    *,
    underscores: bool = False,
    refuse: bool = True,
) -> None:
    """Check that CLIP reads every class name as a text of its own, and whole.

    Where the class file has ids, whose names may be alike, it is said and not refused. Names that
    are cut and still differ are said.

    Args:
        model: reads.
        classes: of the file.
        templates: each with ``{}`` for a name; one that tells two names apart is enough.
        where: flag and file, for the sentence.
        underscores: whether CLIP is shown blanks for them.
        refuse: whether nothing but the name stands for a class; otherwise it is only said.

    Raises:
        InputError: CLIP reads two of them as one.
    """
    names = [display_name(name) if underscores else name for name in classes.names]
    length = int(model.config["text_cfg"].get("context_length", 77))
    longest = max(templates, key=len)
    # a token is a byte of the text at least
    long = [
        at for at, name in enumerate(names)
        if len(fill(longest, name).encode()) + _SPECIAL > length
    ]  # fmt: skip
    if not long and not _may_be_alike(model, names):
        return
    tokenizer = find_tokenizer(model.config, model.tokenizer, f"--clip {model.name}")
    cut = [at for at in long if not takes_whole(tokenizer, fill(longest, names[at]))]
    alike = _alike(tokenizer, names, templates)
    if alike:
        _tell(alike, classes, set(cut), where, refuse=refuse and classes.is_plain)
    others = sorted(set(cut) - {at for group in alike for at in group})
    if others:
        logger.warning(
            "%s: CLIP reads no more than %d tokens of a text, so that %d names are cut: %s",
            where, length, len(others), _named(classes, others),
        )  # fmt: skip


def _may_be_alike(model: ClipModel, names: Sequence[str]) -> bool:
    """Whether it takes the tokenizer to know; without it a command starts seconds earlier.

    CLIP's own tokenizer is known: of ASCII it drops blanks and capitals and reads entities.
    """
    if model.tokenizer or not all(name.isascii() for name in names):
        return True
    keys = {"".join(html.unescape(html.unescape(name)).lower().split()) for name in names}
    return len(keys) < len(names)


def _alike(tokenizer: Any, names: Sequence[str], templates: Sequence[str]) -> list[list[int]]:
    """Groups of names whose tokens are the same in every template."""
    groups = [list(range(len(names)))]
    for template in templates:
        found: list[list[int]] = []
        for group in groups:
            tokens = tokenizer([fill(template, names[at]) for at in group]).numpy()
            same: dict[bytes, list[int]] = {}
            for at, row in zip(group, tokens, strict=True):
                same.setdefault(row.tobytes(), []).append(at)
            found += [each for each in same.values() if len(each) > 1]
        groups = found
    return groups


def _tell(
    groups: Sequence[Sequence[int]], classes: ClassNames, cut: set[int], where: str, *, refuse: bool
) -> None:
    named = "; ".join(_named(classes, group) for group in groups[:_SAID])
    more = f" (and {len(groups) - _SAID} more such groups)" if len(groups) > _SAID else ""
    why = "its tokenizer knows no capitals and no blanks in a row"
    if all(len({classes.names[at] for at in group}) == 1 for group in groups):
        why = "they are the same"
    elif any(at in cut for group in groups for at in group):
        why = "it cuts a text at its context"
    said = f"{where}: CLIP reads as one text {named}{more}, since {why}"
    if refuse:
        raise InputError(
            f"{said}, so that only the first could ever be a label; write names that differ "
            "otherwise, or leave one out"
        )
    logger.warning("%s: by the names alone the first is the label", said)


def _named(classes: ClassNames, group: Sequence[int]) -> str:
    shown = []
    for at in group[:_SAID]:
        key, name = classes.ids[at], classes.names[at]
        name = name if len(name) <= 60 else f"{name[:57]}..."
        shown.append(f"{name!r} (class {at + 1}{'' if key == classes.names[at] else f', {key}'})")
    more = [f"{len(group) - _SAID} more"] if len(group) > _SAID else []
    return " and ".join([*shown, *more])
