"""What the built-in models know, which are refused or warned of where they know nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from actors.clip.model import ClipModel
from actors.hub import BUILT_IN
from actors.mllm.model import MllmModel
from methods.errors import InputError
from ray_jobs.config import VerbConfig

logger = logging.getLogger(f"onoma.{__name__}")

_EXAMPLES = {"CLIP": "--clip ViT-L-14/openai", "MLLM": "--mllm Qwen/Qwen2.5-VL-7B-Instruct"}
"""A flag that names a real model, by kind."""
_DRAWN = ("bird", "birds", "thing", "things")
"""What the field guide draws, as a category."""


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
    asked = [*names, *_category(config)]
    for kind, model in (("CLIP", clip), ("MLLM", mllm)):
        flag = kind.lower()
        forgotten = flag in type(config).model_fields and flag not in config.model_fields_set
        if forgotten and model is not None and (unknown := unknown_to(model.name, asked)):
            raise InputError(
                f"--{flag} is needed: {_knows(kind, model.name, unknown)}; give "
                f"{_advice(flag, kind, asked)}, or --{flag} {model.name} to have it all the same"
            )
    _warn(clip, mllm, asked)


def warn_of_found_names(
    clip: ClipModel | None, mllm: MllmModel | None, found: Sequence[str]
) -> None:
    """Warn of models that are built in where most of the names that a job found were never drawn.

    A few such names are slips of a model that knows what it is shown.

    Args:
        clip, mllm: the models of a job; None where it has none.
        found: names.
    """

    def lost(model: ClipModel | MllmModel | None) -> bool:
        return model is not None and len(unknown_to(model.name, found)) > len(found) / 2

    _warn(clip if lost(clip) else None, mllm if lost(mllm) else None, found)


def _warn(clip: ClipModel | None, mllm: MllmModel | None, names: Sequence[str]) -> None:
    """Warn once for each model that is built in and asked about things it has never seen."""
    for kind, model in (("CLIP", clip), ("MLLM", mllm)):
        if model is not None and (unknown := unknown_to(model.name, names)):
            logger.warning(
                "%s: labels will be meaningless; pass --%s with a real model, such as %s",
                _knows(kind, model.name, unknown),
                kind.lower(),
                _EXAMPLES[kind],
            )


def unknown_to(model: str, names: Sequence[str]) -> list[str]:
    """Names of which a model has seen no drawing, in order; none for models that are not built in.

    Args:
        model: its name, as ``--clip`` or ``--mllm`` give it.
        names: class names, or a category.
    """
    if model not in BUILT_IN:
        return []
    known = _drawn_names(model)
    return [name for name in names if name.strip().replace("_", " ").casefold() not in known]


@cache
def _drawn_names(model: str) -> frozenset[str]:
    from fieldguide.editions import MODEL_OF, drawn_world

    world = drawn_world(next(edition for edition, own in MODEL_OF.items() if own == model))
    others = [other for both in world.other_names.values() for other in both]
    # models name a bird by its genus, the last word of its name and the first of the Latin one
    genera = [name.split()[-1] for name in world.species] + [other.split()[0] for other in others]
    names = (*world.species, *world.categories, *others, *genera, *_DRAWN)
    return frozenset(name.casefold() for name in names)


def _knows(kind: str, model: str, unknown: Sequence[str]) -> str:
    return f"the built-in {model} {kind} knows only the drawn field guide, not {unknown[0]!r}"


def _advice(flag: str, kind: str, names: Sequence[str]) -> str:
    edition = next((name for name in BUILT_IN if not unknown_to(name, names)), None)
    if edition is not None:
        return f"--{flag} {edition}, which was drawn with these names"
    return f"a real model, such as {_EXAMPLES[kind]}"


def _category(config: VerbConfig) -> list[str]:
    """The category of a method that finds names itself, where the user has set one."""
    finds = "category" in config.model_fields_set and "classes" not in type(config).model_fields
    return [str(getattr(config, "category", ""))] if finds else []
