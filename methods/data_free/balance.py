"""Which sentences are kept, so that no class has too many, and which classes have too few.

A sentence counts for its rarest class, and of each class only so many are kept (TaI-DPT, Guo et al.
2023, on NUS-WIDE). That work keeps the first of a file, here it is drawn by a hash of the sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methods.class_matrix import fill
from methods.prompt_templates import SIMPLE_TEMPLATES


def rarest_classes(labels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The class of each text that the fewest texts have, the first of equally rare ones.

    Args:
        labels: bool (n, N).

    Returns:
        int64 (n,); -1 for a text without classes.
    """
    counts = labels.sum(axis=0)
    rare = np.where(labels, counts, len(labels) + 1).argmin(axis=1)
    return np.where(labels.any(axis=1), rare, -1).astype(np.int64)


def balanced(
    texts: Sequence[str], labels: NDArray[np.bool_], max_per_class: int, seed: int = 0
) -> NDArray[np.bool_]:
    """Say which texts to keep: of those whose rarest class is the same, at most so many.

    What is kept depends on the texts and the seed, not on the order of texts.

    Args:
        texts: n distinct ones.
        labels: bool (n, N); texts without classes are not kept.
        max_per_class: how many.
        seed: of the draw.

    Returns:
        bool (n,).
    """
    rarest = rarest_classes(labels)
    digests = [hashlib.blake2b(repr((seed, text)).encode()).digest() for text in texts]
    keep, taken = np.zeros(len(texts), np.bool_), np.zeros(labels.shape[1], np.int64)
    for at in sorted(range(len(texts)), key=digests.__getitem__):
        if rarest[at] >= 0 and taken[rarest[at]] < max_per_class:
            keep[at] = True
            taken[rarest[at]] += 1
    return keep


def scarce_classes(labels: NDArray[np.bool_], min_per_class: int) -> NDArray[np.int64]:
    """The classes that fewer texts have than wanted, int64 ascending.

    The own tokens of a class without text only ever meet it as a negative, and sink.

    Args:
        labels: bool (n, N).
        min_per_class: how many are wanted.
    """
    return np.flatnonzero(labels.sum(axis=0) < min_per_class).astype(np.int64)


def template_items(
    names: Sequence[str],
    templates: Sequence[str] = SIMPLE_TEMPLATES,
    repeats: int = 9,
) -> tuple[list[str], NDArray[np.bool_]]:
    """Make sentences of each class alone of templates, which TaI-DPT adds to its texts.

    That work has the plain one 9 times and the 80 of ImageNet, among which it is once more: 89.

    Args:
        names: of N classes.
        templates: each with ``{}`` once; the plain one is `SIMPLE_TEMPLATES`' where they have it,
            else the first.
        repeats: how often the plain one is there beside the templates.

    Returns:
        Sentences, class by class, and their labels, bool (n, N), each of one class.
    """
    plain = SIMPLE_TEMPLATES[0] if SIMPLE_TEMPLATES[0] in templates else templates[0]
    every = [*[plain] * repeats, *templates]
    texts = [fill(template, name) for name in names for template in every]
    return texts, np.repeat(np.eye(len(names), dtype=np.bool_), len(every), axis=0)
