"""The first table of AutoSEP (arXiv 2506.03195)."""

from __future__ import annotations

from typing import Any, Final

from ray_jobs.verbs.reproduce.autosep_figures import AUTOSEP_FIGURES
from ray_jobs.verbs.reproduce.rows import Paper, PaperRow

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


def _few_shot(title: str, labels: str) -> PaperRow:
    settings = {"description": False, "shots": 5, "shot_labels": labels}
    return PaperRow(title, "label autosep", settings, figures=AUTOSEP_FIGURES[title])


AUTOSEP: Final = Paper(
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
        _few_shot("Few-shot random labels", "random"),
        _few_shot("Few-shot MLLM labels", "mllm"),
        _few_shot("Multiple images display", "none"),
        PaperRow(
            "K-means",
            "label clusters",
            {"clusters": 7, "examples": 3},
            figures=AUTOSEP_FIGURES["K-means"],
        ),
        _search("Optimised on random labels", objective="random_labels"),
        _search("Optimised on majority votes", objective="majority_labels"),
        _search("SPO", objective="spo", rounds=10, minibatch=7, errors_shown=3),
        _search("AutoSEP"),
    ),
    ("accuracy",),
    train={"split": "train"},
    of={name: {"category": category} for name, category in _CATEGORIES.items()},
    notes=(
        "published figures are those with Qwen2-VL-72B-Instruct, the one model of the paper with "
        "open weights",
        "the code's SPO always asks GPT-4o to judge; here --mllm does. Few-shot MLLM labels are "
        "not in the code; images shown before are drawn of those to label, as in it",
    ),
)
