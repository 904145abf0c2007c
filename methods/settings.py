"""Values of settings by name, for who reads a command line: nothing here needs numpy.

AutoSEP, NeaR and data-free prompts have a module of their own for this (`settings.py`).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Matching = Literal["names", "clip", "names_alone"]
"""How the class of an answer is found: by a class name in it, and by CLIP's text encoder where it
holds none; always by CLIP, as published; or by a class name in it and not at all without one."""

ClassPart = Literal["name", "template", "descriptions"]
CLASS_PARTS: Final[tuple[ClassPart, ...]] = get_args(ClassPart)
"""What a class's weights are the sum of."""

LongText = Literal["truncate", "sentences", "published"]
"""What becomes of a text that is longer than CLIP reads: `methods.long_texts`."""

Measure = Literal["gain", "margin", "entropy", "confidence"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
"""By what a cascade's images are worth a call: `methods.cascade.uncertainty`."""

RESAMPLES: Final = 1000
"""Of a bootstrap interval: `methods.metrics_bootstrap`."""
