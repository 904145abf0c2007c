"""What the model chose of the images that it was asked about, as a run keeps its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.labels.cascade import CHOOSE, SHOWN, read_choice
from methods.answers import AnswerError
from methods.class_names import ClassNames
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

UNUSABLE: Final = -1
"""In place of a class, of an answer that names none of the classes shown."""

_COLUMNS: Final = ("image_id", SHOWN, CHOOSE, "error", "error_detail")


def read_choices(
    run: RunFolder, classes: ClassNames, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read what was chosen in the passes of some names.

    Args:
        run: whose tables hold the answers.
        classes: all of them, in the order of the class matrix.
        names: of passes; of an image that is in several, the first counts.

    Returns:
        Ids of images, ascending, and the place of the class that each answer names, `UNUSABLE`
        where it names none: int64 (m,) both.
    """
    found: dict[int, int] = {}
    for name in names:
        for batch in batches_of(stage_table(run, name), _COLUMNS):
            for row in batch.to_pylist():
                found.setdefault(row["image_id"], _choice(row, classes))
    ids = np.array(sorted(found), np.int64)
    return ids, np.array([found[each] for each in ids.tolist()], np.int64)


def _choice(row: dict[str, Any], classes: ClassNames) -> int:
    try:
        return read_choice(row, classes.names, classes.others)
    except AnswerError:
        return UNUSABLE
