"""Class names from a file, and what the built-in models know of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from actors.clip.model import FIELD_GUIDE, ClipModel
from actors.mllm.model import MllmModel
from methods.class_names import ClassNames, parse_classes
from methods.errors import InputError
from ray_jobs.config import VerbConfig
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


def check_builtin_models(
    config: VerbConfig, clip: ClipModel | None, mllm: MllmModel | None, names: Sequence[str]
) -> None:
    """Refuse models that are built in for names that they have never seen, unless they are wanted.

    Whoever names them, on the command line or in the YAML file, is warned and has them. Methods
    that find names themselves give none, or the category that the user has set.

    Args:
        config: of the verb; what it was given tells a model that is wanted from a flag forgotten.
        clip, mllm: the models of a job; None where it has none.
        names: class names.

    Raises:
        InputError: a model was not named, and would know nothing of a class.
    """
    unknown = unknown_to_fieldguide([*names, *_category(config)])
    for kind, model in (("CLIP", clip), ("MLLM", mllm)):
        flag = kind.lower()
        forgotten = flag in type(config).model_fields and flag not in config.model_fields_set
        if unknown and forgotten and model is not None and model.name == FIELD_GUIDE:
            raise InputError(
                f"--{flag} is needed: {_knows(kind, unknown)}; give a real model, such as "
                f"{_EXAMPLES[kind]}, or --{flag} {FIELD_GUIDE} to have it all the same"
            )
    warn_builtin_models(clip, mllm, unknown)


def warn_builtin_models(
    clip: ClipModel | None, mllm: MllmModel | None, names: Sequence[str]
) -> None:
    """Warn once for each model that is built in and asked about things it has never seen.

    Args:
        clip, mllm: the models of a job; None where it has none.
        names: class names.
    """
    unknown = unknown_to_fieldguide(names)
    for kind, model in (("CLIP", clip), ("MLLM", mllm)):
        if model is not None and model.name == FIELD_GUIDE and unknown:
            logger.warning(
                "%s: labels will be meaningless; pass --%s with a real model, such as %s",
                _knows(kind, unknown),
                kind.lower(),
                _EXAMPLES[kind],
            )


def _knows(kind: str, unknown: Sequence[str]) -> str:
    return f"the built-in fieldguide {kind} knows only the drawn field guide, not {unknown[0]!r}"


def unknown_to_fieldguide(names: Sequence[str]) -> list[str]:
    """Names of which the built-in models have seen no drawing, in order."""
    from fieldguide.scenes import CATEGORIES
    from fieldguide.world import NAMES

    known = {name.casefold() for name in (*NAMES, *CATEGORIES, *_DRAWN)}
    return [name for name in names if name.strip().replace("_", " ").casefold() not in known]


_DRAWN = ("bird", "birds", "thing", "things")
"""What the field guide draws, as a category."""


def _category(config: VerbConfig) -> list[str]:
    """The category of a method that finds names itself, where the user has set one."""
    finds = "category" in config.model_fields_set and "classes" not in type(config).model_fields
    return [str(getattr(config, "category", ""))] if finds else []
