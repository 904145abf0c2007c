"""The tables of SLAC and TLAC (arXiv 2503.12206)."""

from __future__ import annotations

from typing import Final

from ray_jobs.verbs.reproduce.rows import MEAN, Paper, PaperRow

CLIP_ROW: Final = {"templates": "{data}/prompts/templates.txt"}
_ASKED: Final = {"recognise_prompt": "{data}/prompts/recognise.txt"}
_FREE: Final = {**_ASKED, "choices": "none"}
_NAMES_ALONE: Final = {"matching": "names_alone", "upstream_compat": False}
_DESCRIPTIONS: Final = {"class_parts": ["descriptions"]}


def _cupl(figure: str | None = None) -> PaperRow:
    """CuPL: an LLM's descriptions of a class, averaged, stand for it."""
    return PaperRow(
        "CuPL",
        "label classifier",
        {"classifier": "{fit}"},
        "fit what_do_you_see",
        _DESCRIPTIONS,
        {MEAN: figure} if figure else {},
        added=figure is None,
    )


_SLAC: Final = (
    PaperRow("SLAC", "label slac", _ASKED, figures={MEAN: "78.69"}),
    PaperRow("SLAC, class names alone", "label slac", {**_ASKED, **_NAMES_ALONE}, added=True),
)
_TLAC: Final = (
    PaperRow("TLAC", "label tlac", _FREE, figures={MEAN: "83.44"}),
    PaperRow("TLAC, class names alone", "label tlac", {**_FREE, **_NAMES_ALONE}, added=True),
)
_CLIP: Final = (PaperRow("CLIP", "label zero_shot", CLIP_ROW, figures={MEAN: "74.22"}), _cupl())
_ELEVEN: Final = (
    *("imagenet", "caltech101", "oxford_pets", "stanford_cars", "oxford_flowers", "food101"),
    *("fgvc_aircraft", "sun397", "dtd", "eurosat", "ucf101"),
)
_NOTES: Final = (
    "published with Gemini 1.5 and CLIP ViT-B/16, novel classes of eleven sets; figures of each "
    "set are not published as numbers",
    "CuPL's row is none of this table; its prompts are What Do You See's five, answered by --mllm",
)


def _novel(name: str, rows: tuple[PaperRow, ...]) -> Paper:
    return Paper(
        name,
        "SLAC and TLAC (arXiv 2503.12206): accuracy on novel classes, mean of eleven data sets",
        _ELEVEN,
        rows,
        ("accuracy",),
        half="novel",
        notes=_NOTES,
    )


SLAC: Final = _novel("slac", (*_CLIP, *_SLAC))
TLAC: Final = _novel("tlac", (*_CLIP, *_SLAC, *_TLAC))

TRAINING_FREE: Final = Paper(
    "tlac_training_free",
    "SLAC and TLAC beside methods without training (arXiv 2503.12206): accuracy on all classes",
    (*_ELEVEN, "imagenetv2", "imagenet_sketch", "imagenet_r"),
    (
        PaperRow("CLIP, one template", "label zero_shot", figures={MEAN: "69.9"}),
        PaperRow(
            "CLIP, the data set's templates", "label zero_shot", CLIP_ROW, figures={MEAN: "71.6"}
        ),
        _cupl("75.2"),
        PaperRow("SLAC", "label slac", _ASKED, figures={MEAN: "79.4"}),
        PaperRow("TLAC", "label tlac", _FREE, figures={MEAN: "83.6"}),
    ),
    ("accuracy",),
    notes=(
        "the paper's mean is of 13 of these 14 sets; which one it leaves out is not known to us",
        "its figures of CLIP and CuPL are MPVR's (arXiv 2403.11755), whose templates and LLM are "
        "others; rows of D-CLIP, WaffleCLIP and MPVR are not made",
    ),
    mean_of=13,
)
