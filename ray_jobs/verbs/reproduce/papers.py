"""The headline tables of the papers, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from methods.errors import InputError
from ray_jobs.config.names import did_you_mean
from ray_jobs.verbs.reproduce.autosep_table import AUTOSEP
from ray_jobs.verbs.reproduce.rows import Paper, PaperRow
from ray_jobs.verbs.reproduce.tlac_tables import CLIP_ROW, SLAC, TLAC, TRAINING_FREE

_KINDS: Final = {
    "cub200": ("bird", "species", {}),
    "stanford_cars": ("car", "make, model and year", {"names": "finer", "protocol": "official"}),
    "stanford_dogs": ("dog", "breed", {}),
    "oxford_flowers": ("flower", "species", {"names": "finer", "protocol": "official"}),
    "oxford_pets": ("pet", "breed", {"names": "finer", "protocol": "official"}),
}
NEAR: Final = Paper(
    "near",
    "NeaR (arXiv 2505.01064, reconstructed): cACC and sACC on five data sets, 3 images a class",
    tuple(_KINDS),
    (
        PaperRow(
            "k-means of CLIP's features",
            "label clusters",
            {"clusters": "{classes of data}", "classes": None},
            added=True,
        ),
        PaperRow("CaSED", "label cased", added=True, needs=("captions",)),
        PaperRow(
            "FineR",
            "label classifier",
            {"classifier": "{fit}"},
            "fit finer",
            {"images": "{train}/images.txt", "sample": "{images of train}"},
            added=True,
        ),
        PaperRow(
            "MLLM on every image",
            "label mllm_names",
        ),
        PaperRow(
            "NeaR",
            "label classifier",
            {"classifier": "{fit}"},
            "fit near",
            {"images": "{train}/images.txt", "sample": "{images of train}"},
        ),
    ),
    ("cacc", "sacc"),
    train={"split": "train", "per_class": 3},
    of={
        name: {"category": category, "unit": unit, **own}
        for name, (category, unit, own) in _KINDS.items()
    },
    notes=("the paper's tables are not known to us",),
)

WHAT_DO_YOU_SEE: Final = Paper(
    "what_do_you_see",
    "What Do You See (arXiv 2405.15668): accuracy and top-5 on ten data sets",
    (
        *("imagenet", "cifar10", "cifar100", "caltech101", "stanford_cars", "dtd", "food101"),
        *("oxford_pets", "places365", "sun397"),
    ),
    (
        PaperRow("CLIP", "label zero_shot", CLIP_ROW),
        PaperRow(
            "CuPL",
            "label classifier",
            {"classifier": "{fit}"},
            "fit what_do_you_see",
            {"class_parts": ["descriptions"]},
            added=True,
        ),
        PaperRow(
            "What Do You See",
            "label what_do_you_see",
            {
                **{f"{part}_weight": 1.0 for part in ("image", "description", "prediction")},
                "long_text": "published",
                "max_tokens": 1024,
            },
        ),
    ),
    ("accuracy", "top5"),
    notes=(
        "the paper's figures are not known to us, nor which parts of a class made its headline",
        "accuracy of each part alone stands in onoma evaluate of a run",
    ),
)

_DATA_FREE_FIT: Final = {"synonyms": "{data}/prompts/synonyms.txt"}


def _data_free_row(title: str, needs: tuple[str, ...] = (), **settings: Any) -> PaperRow:
    fit = {**_DATA_FREE_FIT, **settings}
    label = {"classifier": "{fit}"}
    return PaperRow(title, "label classifier", label, "fit data_free", fit, needs=needs)


DATA_FREE: Final = Paper(
    "data_free",
    "Data-free multi-label recognition (arXiv 2403.01209, reconstructed): mAP on three data sets",
    ("coco2014", "voc2007", "nus_wide"),
    (
        _data_free_row("CLIP", baseline="zero_shot"),
        _data_free_row("CLIP with dense features", baseline="zero_shot_dense"),
        _data_free_row("TaI-DPT", ("captions",), hierarchy="shared", max_per_class=1_000_000),
        _data_free_row("Data-free prompts", max_tokens=2048, sentences=20),
    ),
    ("map",),
    of={"nus_wide": {"learning_rate": 1e-3, "kappa_image": 4.0}},
    notes=(
        "the paper's table is not known to us; its abstract says 4.7 points of mAP on COCO above "
        "zero-shot methods",
    ),
)

PAPERS: Final[Mapping[str, Paper]] = {
    paper.name: paper
    for paper in (
        AUTOSEP,
        WHAT_DO_YOU_SEE,
        NEAR,
        TLAC,
        SLAC,
        TRAINING_FREE,
        DATA_FREE,
    )
}
"""The papers by name."""


def find_paper(name: str) -> Paper:
    """The paper of a name.

    Raises:
        InputError: there is none.
    """
    word = name.lower().replace("-", "_")
    if word not in PAPERS:
        raise InputError(
            f"no paper {name!r}{did_you_mean(word, PAPERS)}; there are {', '.join(PAPERS)}"
        )
    return PAPERS[word]


def with_rows(paper: Paper, titles: Sequence[str], given: Mapping[str, Any]) -> Paper:
    """A paper's table with some of its rows, in its order; all of them where none are named.

    Args:
        paper: whose table.
        titles: of its rows, in any case.
        given: settings of ``--more``; rows that need others are left out.

    Raises:
        InputError: it has no row of a title, or one that is named needs a setting.
    """
    there = {row.title.casefold(): row for row in paper.rows}
    for title in titles:
        if title.casefold() not in there:
            meant = did_you_mean(title, [row.title for row in paper.rows])
            raise InputError(
                f"--rows {title!r}: the table of {paper.name} has "
                f"{', '.join(repr(row.title) for row in paper.rows)}{meant}"
            )
    wanted = {title.casefold() for title in titles}
    chosen = [row for key, row in there.items() if not wanted or key in wanted]
    rows, notes = [], list(paper.notes)
    for row in chosen:
        if missing := [name for name in row.needs if name not in given]:
            why = f"the row {row.title} needs --more {missing[0]}=..."
            if titles:
                raise InputError(why)
            notes.append(f"{why}, and is left out")
        else:
            rows.append(row)
    return replace(paper, rows=tuple(rows), notes=tuple(notes))
