"""Accuracy and deviation in per cent that AutoSEP's table 1 prints for Qwen2-VL-72B-Instruct.

Which column is of which task follows from the paper's prose and the sizes of its test sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TASKS: Final = (
    *("cuckoo", "oriole", "vireo", "butterfly"),
    *("lupine", "terrier", "greens", "allium"),
)


def _row(*figures: str) -> dict[str, str]:
    return {task: figure.replace("+-", " ± ") for task, figure in zip(_TASKS, figures, strict=True)}


AUTOSEP_FIGURES: Final[Mapping[str, Mapping[str, str]]] = {
    "Vanilla zero-shot": _row(
        *("58.54+-4.69", "43.60+-2.96", "55.28+-3.05", "40.25+-4.65"),
        *("44.22+-3.74", "73.20+-2.40", "68.89+-3.06", "54.22+-3.40"),
    ),
    "Zero-shot with descriptions": _row(
        *("51.46+-2.60", "50.79+-3.92", "50.79+-3.72", "48.25+-2.48"),
        *("44.00+-2.49", "76.00+-2.53", "63.61+-1.82", "59.17+-1.98"),
    ),
    "Majority vote": _row(
        *("59.02+-1.98", "46.74+-4.95", "55.06+-3.01", "46.56+-2.59"),
        *("47.33+-2.06", "76.27+-2.13", "71.39+-2.53", "56.89+-2.37"),
    ),
    "Optimised on random labels": _row(
        *("52.20+-3.65", "51.01+-1.83", "48.31+-4.44", "45.13+-1.71"),
        *("46.00+-3.62", "63.73+-1.87", "48.52+-2.77", "55.19+-4.48"),
    ),
    "Optimised on majority votes": _row(
        *("53.41+-2.36", "38.65+-1.74", "51.24+-2.72", "51.50+-3.36"),
        *("47.33+-4.37", "77.74+-1.07", "55.56+-0.91", "56.94+-1.21"),
    ),
    "SPO": _row(
        *("56.10+-6.19", "46.52+-3.37", "51.69+-1.59", "45.26+-2.47"),
        *("46.56+-3.44", "64.27+-2.00", "57.78+-3.14", "60.00+-0.91"),
    ),
    "AutoSEP": _row(
        *("63.41+-2.77", "55.13+-3.58", "65.45+-1.24", "55.38+-1.00"),
        *("54.67+-3.33", "81.70+-1.20", "72.22+-0.91", "62.44+-2.44"),
    ),
}
"""By row and task."""
