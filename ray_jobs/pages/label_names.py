"""How pages show labels that are ids of a class file: by name."""

from __future__ import annotations

from collections.abc import Callable

from methods.class_names import ClassNames

Shown = Callable[[str], str]


def label_filters(classes: ClassNames | None) -> tuple[Shown, Shown]:
    """How a label is shown, and all that it is called.

    Args:
        classes: of a run; None, or names alone, where a label is its own name.
    """
    if classes is None or classes.is_plain:
        return str, str
    names = dict(zip(classes.ids, classes.names, strict=True))
    words = {
        key: ", ".join(dict.fromkeys((key, name, *others)))
        for key, name, others in zip(classes.ids, classes.names, classes.others, strict=True)
    }

    def named(label: str) -> str:
        return f"{name} ({label})" if (name := names.get(label, label)) != label else name

    return named, lambda label: words.get(label, label)
