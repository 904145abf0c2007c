"""Class names from a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence

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
