"""Class names from a file, and what the built-in models know of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from actors.clip.model import FIELD_GUIDE, ClipModel
from actors.mllm.model import MllmModel
from methods.class_names import ClassNames, parse_classes
from methods.errors import InputError
from ray_jobs.runs.text_files import read_text

logger = logging.getLogger(f"onoma.{__name__}")


def read_classes(path: str | None, method: str) -> ClassNames:
    """Read the file of class names, with ids and other names where it has them.

    Raises:
        InputError: none given, not readable, or bad names.
    """
    if path is None:
        raise InputError(
            f"--classes is needed: {method} chooses among class names; give a file of them"
        )
    classes = parse_classes(read_text("--classes", path), f"--classes {path}")
    if len(classes) == 1:
        logger.warning(
            "--classes %s: one class, %r; several are written one a line", path, classes.names[0]
        )
    return classes


def check_same_classes(path: str, labels: Sequence[str], classifier: str) -> None:
    """Check that a file of class names holds a classifier's labels, in any order.

    Raises:
        InputError: the first name that one of them lacks.
    """
    names = read_classes(path, "the classifier").ids
    if strangers := sorted(set(names) ^ set(labels)):
        name = strangers[0]
        where = f"is in --classes {path} only" if name in names else f"is not in --classes {path}"
        raise InputError(
            f"--classifier {classifier} was made for {len(labels)} classes and --classes {path} "
            f"has {len(names)}: {name!r} {where}; leave --classes out, or fit a classifier for them"
        )


_EXAMPLES = {"CLIP": "--clip ViT-L-14/openai", "MLLM": "--mllm Qwen/Qwen2.5-VL-7B-Instruct"}
"""A flag that names a real model, by kind."""


def warn_builtin_models(
    clip: ClipModel | None, mllm: MllmModel | None, names: Sequence[str]
) -> None:
    """Warn once for each model that is built in and asked about things it has never seen.

    Args:
        clip, mllm: the models of a job; None where it has none.
        names: class names.
    """
    from fieldguide.scenes import CATEGORIES
    from fieldguide.world import NAMES

    known = {*NAMES, *CATEGORIES}
    unknown = [name for name in names if name not in known]
    for kind, model in (("CLIP", clip), ("MLLM", mllm)):
        if model is None or model.name != FIELD_GUIDE or not unknown:
            continue
        logger.warning(
            "the built-in fieldguide %s knows only the drawn field guide, not %r: labels will be "
            "meaningless; pass %s with a real model, such as %s",
            kind,
            unknown[0],
            _EXAMPLES[kind].partition(" ")[0],
            _EXAMPLES[kind],
        )
