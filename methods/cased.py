"""CaSED, a baseline without class names: words of the captions nearest to an image compete for it.

Conti et al., "Vocabulary-free Image Classification" (arXiv 2306.00917), section 4, and the public
code (``altndrr/vic``): an image's nearest captions are retrieved by CLIP; words that occur in them
more than once are candidates; a candidate's score is ``alpha`` times its softmax with the image,
plus the rest times its softmax with the mean of the captions' features.

What differs: the code's tagger of parts of speech is a neural model of its own; here function words
are dropped by a list, so that more verbs and adverbs stay candidates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from methods.class_matrix import softmax_scores, unit_rows

FILLER: Final = "object"
"""The only candidate where captions give none, as in the code."""

_NOISE: Final = re.compile(r"<[^>]+>|http\S+")
_MARKS: Final = re.compile(r"[^\w\s\-.'&]")
_EXTENSION: Final = re.compile(r"\.\w+")
_NO_LETTER: Final = re.compile(r"[^a-zA-Z\s]")
_DROPPED: Final = frozenset(
    "image photo picture thumbnail logo symbol clipart portrait painting illustration icon "
    "profile".split()
)
_FUNCTION: Final = frozenset(
    "the and for with from that this these those its his her their our your you are was were been "
    "being has have had not but nor into onto over under above below behind beside between near "
    "upon off out about against along around across through during before after while where when "
    "which what who whom whose how why then than there here all any both each few more most other "
    "some such only own same very can will just should now also they them she him".split()
)
_SHORTEST: Final = 3


def candidate_words(captions: Sequence[str], least: int = 2) -> list[str]:
    """The words of an image's captions that may name it, in the order in which they come.

    Args:
        captions: retrieved for one image.
        least: times that a word must occur; if none does so often, the most frequent ones stay.

    Returns:
        Distinct lower-case words; `FILLER` alone where there are none.
    """
    text = _MARKS.sub("", _NOISE.sub("", " ".join(captions)))
    text = re.sub(r"[_\-]", " ", _EXTENSION.sub("", text))
    text = " ".join(word for word in text.split() if len(word) >= _SHORTEST)
    words = [_singular(word) for word in _NO_LETTER.sub("", text).lower().split()]
    counts = Counter(w for w in words if w not in _DROPPED and w not in _FUNCTION)
    often = min(least, max(counts.values(), default=0))
    return [word for word, count in counts.items() if count >= often] or [FILLER]


def candidate_scores(
    image: NDArray[np.float32],
    captions: NDArray[np.float32],
    candidates: NDArray[np.float32],
    logit_scale: float,
    alpha: float,
) -> NDArray[np.float32]:
    """Score the candidates of one image.

    Args:
        image: its unit feature, float32 (D,).
        captions: unit features of the captions retrieved for it, float32 (k, D).
        candidates: unit features of C candidates, float32 (C, D).
        logit_scale: of the model.
        alpha: weight of the image's own scores; the captions' have the rest.

    Returns:
        float32 (C,), summing to 1.
    """
    mean = unit_rows(captions.mean(axis=0, keepdims=True))
    by_image, by_captions = softmax_scores(
        np.concatenate([image[None], mean]), candidates, logit_scale
    )
    return (alpha * by_image + (1 - alpha) * by_captions).astype(np.float32)


def _singular(word: str) -> str:
    """The singular of a noun by its ending; endings that the code leaves are left."""
    if not word.endswith("s") or word.endswith(("ss", "us", "is", "ies", "oes")):
        return word
    return word[:-2] if word.endswith(("ches", "shes", "xes", "zes", "sses")) else word[:-1]
