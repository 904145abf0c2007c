"""From the history of a prompt search to the HTML page: gathers what the template shows, fills it.

Prompts, reasons, descriptions and notes are hostile input: the template escapes everything, styles
and drawings get numbers only, and a content security policy forbids scripts and requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from methods.json_text import json_text
from ray_jobs.pages import numbers
from ray_jobs.pages.numbers import Figure
from ray_jobs.pages.templates import FOLDER, templates
from ray_jobs.pipelines.autosep.history_page.chart import draw_scores
from ray_jobs.pipelines.autosep.history_page.tree import (
    PromptEntry,
    grow_tree,
    last_score,
    line_of_chosen,
)

_FOLDERS: Final = (Path(__file__).parent, FOLDER)
_COSTS: Final = ("mllm_calls", "answers_reused", "prompt_tokens", "output_tokens")
_NAMED_CLASSES: Final = 5
_OBJECTIVES: Final = {
    "instance": (
        "own description against another's",
        "The score is how often the model picks an image's own description over that of another "
        "image; coin flips would reach 50 %.",
    ),
    "random_labels": (
        "agreement with random labels",
        "The score is agreement with labels drawn at random: made up, not the truth.",
    ),
    "majority_labels": (
        "agreement with majority labels",
        "The score is agreement with labels the model voted for itself: made up, not the truth.",
    ),
    "spo": (
        "preference of a judge",
        "The score comes from a judge model that prefers one prompt's descriptions to another's.",
    ),
}

HistoryRecord = Mapping[str, Any]


def draw_history(history: HistoryRecord) -> str:
    """Return the whole page.

    Args:
        history: the content of ``history.json``.
    """
    line = line_of_chosen(history)
    chosen = line[0] if line else None
    initial = _initial(history, line)
    stage = history["final"]["stage"]
    totals = _costs([stages for entry in history["rounds"] for stages in entry["stages"].values()])
    return (
        templates(_FOLDERS[0])
        .get_template("page.html.j2")
        .render(
            css=Markup("".join(_read(folder) for folder in reversed(_FOLDERS))),
            history=history,
            rounds_run=_last_round(history),
            chosen=chosen,
            initial=initial,
            initial_score=last_score(initial, stage) if initial else None,
            verdict=_verdict(history),
            objective=_OBJECTIVES.get(history["objective"], ("", ""))[1],
            facts=_facts(history),
            tiles=_tiles(history, totals),
            chart=draw_scores(history),
            tree=grow_tree(history),
            costs_by_round=[_costs(list(entry["stages"].values())) for entry in history["rounds"]],
            stages=_stages(history),
            settings=json_text(history["settings"], indent=2),
        )
    )


def _initial(history: HistoryRecord, line: list[PromptEntry]) -> PromptEntry | None:
    """Return the prompt the search began with: the chosen one's root, where that is an initial."""
    prompts = [*reversed(line), *history["prompts"]]
    return next((prompt for prompt in prompts if prompt["origin"] == "initial"), None)


def _verdict(history: HistoryRecord) -> str:
    """Say how far the final score can be believed."""
    final = history["final"]
    if final["value"] is None:
        return "no score"
    rivals = sum(last_score(prompt, final["stage"]) is not None for prompt in history["prompts"])
    count = f"{numbers.whole(final['comparisons'])} comparisons"
    if final["stage"] == "search":
        if rivals < 2:
            return f"the only prompt that was scored, {count}"
        many = f"the highest of {numbers.whole(rivals)}, so flattering"
        return f"selected by this very score, {many}; {count}"
    held_out = history["held_out"]
    where = f"{numbers.whole(held_out)} held-out images" if held_out else "fresh pairs"
    others = f", the best of {numbers.whole(rivals)}" if rivals > 1 else ""
    return f"measured on {where}{others}; {count}"


def _facts(history: HistoryRecord) -> list[Figure]:
    """Return what the header says of the search."""
    classes, images = history["classes"], f"{numbers.whole(history['images'])}"
    if history["held_out"]:
        images += f", {numbers.whole(history['held_out'])} held out"
    named = ": " + ", ".join(classes) if 0 < len(classes) <= _NAMED_CLASSES else ""
    found = [
        Figure("Images", images),
        Figure("Classes", f"{numbers.whole(len(classes))}{named}"),
        Figure("MLLM", history["mllm"]),
    ]
    if history["optimizer_mllm"] != history["mllm"]:
        found.append(Figure("Optimizer", history["optimizer_mllm"]))
    objective = _OBJECTIVES.get(history["objective"], (history["objective"], ""))[0]
    return [*found, Figure("Objective", objective)]


def _tiles(history: HistoryRecord, totals: Mapping[str, int]) -> list[Figure]:
    """Return what the search did and cost."""
    prompts = history["prompts"]
    scored = sum(last_score(prompt, "search") is not None for prompt in prompts)
    read, written = totals["prompt_tokens"], totals["output_tokens"]
    reused = f"{numbers.whole(totals['answers_reused'])} answers reused"
    seconds = sum(entry["seconds"] for entry in history["rounds"])
    tokens = f"{numbers.whole(read)} read, {numbers.whole(written)} written"
    return [
        Figure("Prompts", numbers.whole(len(prompts)), f"{numbers.whole(scored)} fully scored"),
        Figure("Rounds", numbers.whole(_last_round(history)), numbers.duration(seconds)),
        Figure("MLLM calls", numbers.whole(totals["mllm_calls"]), reused),
        Figure("Tokens", numbers.whole(read + written), tokens),
    ]


def _last_round(history: HistoryRecord) -> int:
    return max((entry["round"] for entry in history["rounds"]), default=0)


def _costs(stages: list[Mapping[str, int]]) -> dict[str, int]:
    return {key: sum(stage.get(key, 0) for stage in stages) for key in _COSTS}


def _stages(history: HistoryRecord) -> dict[str, dict[str, int]]:
    """Return what each stage cost over all rounds, the most calls first."""
    sums: dict[str, Counter[str]] = {}
    for entry in history["rounds"]:
        for name, stage in entry["stages"].items():
            sums.setdefault(name, Counter()).update(_costs([stage]))
    return {name: _costs([sums[name]]) for name in sorted(sums, key=lambda n: -_calls(sums[n]))}


def _calls(costs: Mapping[str, int]) -> int:
    return costs["mllm_calls"] + costs["answers_reused"]


def _read(folder: Path) -> str:
    return (folder / "page.css").read_text(encoding="utf-8")
