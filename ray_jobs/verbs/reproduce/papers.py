"""The headline tables of the papers: data sets, rows with their settings, published figures.

Settings are those of ``onoma fit`` and ``onoma label``; in their values ``{data}`` is the folder
that ``onoma dataset`` writes of the images to label, ``{train}`` the one of the images to learn
from, and ``{fit}`` the folder of the row's fit. A figure that is not known to us is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from methods.errors import InputError
from ray_jobs.config.names import did_you_mean
from ray_jobs.verbs.reproduce.autosep_figures import AUTOSEP_FIGURES

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
    """

    title: str
    label: str
    settings: Settings = field(default_factory=dict)
    fit: str = ""
    fit_settings: Settings = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)


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


_CLIP_ROW: Final = {"templates": "{data}/prompts/templates.txt"}
_ASKED: Final = {"recognise_prompt": "{data}/prompts/recognise.txt"}

_CLIP_SLAC: Final = (
    PaperRow("CLIP", "label zero_shot", _CLIP_ROW, figures={MEAN: "74.22"}),
    PaperRow("SLAC", "label slac", _ASKED, figures={MEAN: "78.69"}),
)
_TLAC_ROW: Final = PaperRow(
    "TLAC", "label tlac", {**_ASKED, "choices": "none"}, figures={MEAN: "83.44"}
)
_ELEVEN: Final = (
    *("imagenet", "caltech101", "oxford_pets", "stanford_cars", "oxford_flowers", "food101"),
    *("fgvc_aircraft", "sun397", "dtd", "eurosat", "ucf101"),
)
_TLAC_NOTES: Final = (
    "published with Gemini 1.5 and CLIP ViT-B/16, novel classes of eleven sets; figures of each "
    "set are not published as numbers",
)


def _tlac(name: str, rows: tuple[PaperRow, ...]) -> Paper:
    return Paper(
        name,
        "SLAC and TLAC (arXiv 2503.12206): accuracy on novel classes, mean of eleven data sets",
        _ELEVEN,
        rows,
        ("accuracy",),
        half="novel",
        notes=_TLAC_NOTES,
    )


_CATEGORIES: Final = {
    **dict.fromkeys(("cuckoo", "oriole", "vireo"), "bird"),
    "butterfly": "butterfly",
    "lupine": "plant",
    "terrier": "dog",
    **dict.fromkeys(("greens", "allium"), "vegetable"),
}
# the form of the questions, and how answers are read, is what --as-published sets
_SEARCH: Final = {
    "images": "{train}/images.txt",
    "describe_prompt": "{data}/prompts/describe.txt",
    "sample": 90,
}


def _search(title: str, **settings: Any) -> PaperRow:
    return PaperRow(
        title,
        "label autosep",
        {"prompt": "{fit}"},
        "fit autosep",
        {**_SEARCH, **settings},
        AUTOSEP_FIGURES[title],
    )


_AUTOSEP: Final = Paper(
    "autosep",
    "AutoSEP (arXiv 2506.03195), table 1: accuracy on eight tasks of three classes",
    tuple(_CATEGORIES),
    (
        PaperRow(
            "Vanilla zero-shot",
            "label autosep",
            {"description": False},
            figures=AUTOSEP_FIGURES["Vanilla zero-shot"],
        ),
        PaperRow(
            "Zero-shot with descriptions",
            "label autosep",
            {"prompt": "{data}/prompts/describe.txt"},
            figures=AUTOSEP_FIGURES["Zero-shot with descriptions"],
        ),
        PaperRow(
            "Majority vote",
            "label autosep",
            {"description": False, "votes": 5},
            figures=AUTOSEP_FIGURES["Majority vote"],
        ),
        _search("Optimised on random labels", objective="random_labels"),
        _search("Optimised on majority votes", objective="majority_labels"),
        _search("SPO", objective="spo"),
        _search("AutoSEP"),
    ),
    ("accuracy",),
    train={"split": "train"},
    of={name: {"category": category} for name, category in _CATEGORIES.items()},
    notes=(
        "published figures are those with Qwen2-VL-72B-Instruct, the one model of the paper with "
        "open weights",
        "few-shot rows, multiple images and k-means of the paper's table are not made",
    ),
)

_NEAR_KINDS: Final = {
    "cub200": ("bird", "species", {}),
    "stanford_cars": ("car", "make, model and year", {"names": "finer", "protocol": "official"}),
    "stanford_dogs": ("dog", "breed", {}),
    "oxford_flowers": ("flower", "species", {"names": "finer", "protocol": "official"}),
    "oxford_pets": ("pet", "breed", {"names": "finer", "protocol": "official"}),
}
_NEAR: Final = Paper(
    "near",
    "NeaR (arXiv 2505.01064, reconstructed): cACC and sACC on five data sets, 3 images a class",
    tuple(_NEAR_KINDS),
    (
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
        for name, (category, unit, own) in _NEAR_KINDS.items()
    },
    notes=("the paper's tables are not known to us",),
)

_WHAT_DO_YOU_SEE: Final = Paper(
    "what_do_you_see",
    "What Do You See (arXiv 2405.15668): accuracy and top-5 on ten data sets",
    (
        *("imagenet", "cifar10", "cifar100", "caltech101", "stanford_cars", "dtd", "food101"),
        *("oxford_pets", "places365", "sun397"),
    ),
    (
        PaperRow("CLIP", "label zero_shot", _CLIP_ROW),
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


def _data_free_row(title: str, **settings: Any) -> PaperRow:
    fit = {**_DATA_FREE_FIT, **settings}
    return PaperRow(title, "label classifier", {"classifier": "{fit}"}, "fit data_free", fit)


_DATA_FREE: Final = Paper(
    "data_free",
    "Data-free multi-label recognition (arXiv 2403.01209, reconstructed): mAP on three data sets",
    ("coco2014", "voc2007", "nus_wide"),
    (
        _data_free_row("CLIP", baseline="zero_shot"),
        _data_free_row("CLIP with dense features", baseline="zero_shot_dense"),
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
        _AUTOSEP,
        _WHAT_DO_YOU_SEE,
        _NEAR,
        _tlac("tlac", (*_CLIP_SLAC, _TLAC_ROW)),
        _tlac("slac", _CLIP_SLAC),
        _DATA_FREE,
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
