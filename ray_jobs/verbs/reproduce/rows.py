"""What a paper's table is: its data sets, its rows with their settings, its published figures.

Settings are those of ``onoma fit`` and ``onoma label``; in their values ``{data}`` is the folder
that ``onoma dataset`` writes of the images to label, ``{train}`` the one of the images to learn
from, ``{fit}`` the folder of the row's fit, ``{images of train}`` and ``{classes of data}`` how
many there are. A figure that is not known to us is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Settings = Mapping[str, Any]
MEAN: Final = "mean"


@dataclass(frozen=True)
class PaperRow:
    """A row of a paper's table.

    Attributes:
        title: as the paper has it, or nearly so.
        label: the verb that labels, ``label METHOD``.
        settings: of it.
        fit: the verb that learns; empty without one.
        fit_settings: of it.
        figures: what the paper prints, in per cent: by data set, and `MEAN` for the mean.
        added: whether the row is none of the paper's table.
        needs: settings that only the user can give (``--more``); without them there is no row.
    """

    title: str
    label: str
    settings: Settings = field(default_factory=dict)
    fit: str = ""
    fit_settings: Settings = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    added: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paper:
    """A paper's headline table.

    Attributes:
        name: the word for it.
        title: of the table.
        datasets: its data sets.
        rows: its rows.
        metrics: that it reports, as ``onoma table`` names them.
        half: whose classes: all, or CoOp's novel ones.
        test: settings of ``onoma dataset`` for the images to label.
        train: the same for those to learn from; None where none are.
        of: settings of every fit and label, by data set.
        notes: what a reader of the table should know.
        mean_of: of how many data sets its mean is; all of ``datasets`` by default.
    """

    name: str
    title: str
    datasets: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    metrics: tuple[str, ...]
    half: str = "all"
    test: Settings = field(default_factory=dict)
    train: Settings | None = None
    of: Mapping[str, Settings] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mean_of: int | None = None
