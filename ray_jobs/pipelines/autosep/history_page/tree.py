"""The tree of prompts: who came from whom, and what the scores say of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray_jobs.pages.numbers import percent, whole

PromptEntry = Mapping[str, Any]
Score = Mapping[str, Any]

DEEPEST: Final = 40
_OPENING: Final = 140  # characters of a text that stand for it
_STAGES: Final = {
    "search": "all images",
    "part": "a part of the images",
    "choice": "the pairs of the final choice",
}


@dataclass(frozen=True)
class Node:
    """A prompt at its depth; ``on_line`` where the chosen one came from it, or is it."""

    prompt: PromptEntry
    depth: int
    opening: str
    scored: bool
    verdict: str
    measured: list[str]
    on_line: bool
    chosen: bool


def grow_tree(history: Mapping[str, Any]) -> list[Node]:
    """Return all prompts, each before those that came from it.

    Of one parent's prompts the one on the chosen prompt's line is first, then the best, then those
    without a score. A prompt whose parent is unknown is a root, and so is one of a ring of parents.
    Below the deepest level that is shown, prompts stand beside their parents.
    """
    return _Grower(history).grow()


def line_of_chosen(history: Mapping[str, Any]) -> list[PromptEntry]:
    """Return the chosen prompt, its parent, and so on to the root; nothing if it is unknown."""
    prompts = {prompt["id"]: prompt for prompt in history["prompts"]}
    line: dict[str, PromptEntry] = {}
    name = history["chosen"]
    while name in prompts and name not in line:
        line[name] = prompts[name]
        name = prompts[name]["parent"]
    return list(line.values())


def last_score(prompt: PromptEntry, stage: str) -> Score | None:
    """Return the last score of a stage that has a value."""
    found = [s for s in prompt["scores"] if s["stage"] == stage and s["value"] is not None]
    return found[-1] if found else None


def opening(text: str) -> str:
    """Return the first words of a text on one line."""
    words = " ".join(text[: 4 * _OPENING].split())
    if len(words) <= _OPENING and len(text) <= 4 * _OPENING:
        return words
    return words[:_OPENING].rsplit(" ", 1)[0] + " …"


def describe(score: Score) -> str:
    """Say in words what was measured."""
    value = "no score" if score["value"] is None else percent(score["value"])
    extras = [
        f"{whole(score[key])} {word}"
        for key, word in (("unparsable", "unparsable"), ("ties", "ties"))
        if score.get(key)
    ]
    place = _STAGES.get(score["stage"], score["stage"])
    count = f"{whole(score['comparisons'])} comparisons"
    return ", ".join([f"Round {score['round']}, {place}: {value}", count, *extras])


class _Grower:
    """Links prompts to their parents, each once."""

    def __init__(self, history: Mapping[str, Any]) -> None:
        self._prompts: list[PromptEntry] = history["prompts"]
        self._line = [prompt["id"] for prompt in line_of_chosen(history)]
        self._placed: dict[str, Node] = {}
        self._below: dict[str | None, list[PromptEntry]] = {}
        for prompt in self._prompts:
            self._below.setdefault(prompt["parent"], []).append(prompt)

    def grow(self) -> list[Node]:
        known = {prompt["id"] for prompt in self._prompts}
        self._place([prompt for prompt in self._prompts if prompt["parent"] not in known])
        for prompt in self._prompts:  # what is left stands in a ring
            self._place([prompt])
        return list(self._placed.values())

    def _place(self, roots: list[PromptEntry]) -> None:
        """Walk down from the roots; a stack, since a chain may be longer than Python recurses."""
        waiting = [(prompt, 0) for prompt in self._last_first(roots)]
        while waiting:
            prompt, depth = waiting.pop()
            if prompt["id"] not in self._placed:
                self._placed[prompt["id"]] = self._node(prompt, min(depth, DEEPEST))
                below = self._last_first(self._below.get(prompt["id"], []))
                waiting += [(child, depth + 1) for child in below]

    def _last_first(self, prompts: list[PromptEntry]) -> list[PromptEntry]:
        ordered = sorted(
            prompts, key=lambda prompt: (prompt["id"] not in self._line, _rank(prompt))
        )
        return ordered[::-1]

    def _node(self, prompt: PromptEntry, depth: int) -> Node:
        return Node(
            prompt=prompt,
            depth=depth,
            opening=opening(prompt["text"]),
            scored=last_score(prompt, "search") is not None,
            verdict=_verdict(prompt),
            measured=[describe(score) for score in prompt["scores"]],
            on_line=prompt["id"] in self._line,
            chosen=prompt["id"] in self._line[:1],
        )


def _rank(prompt: PromptEntry) -> float:
    score = last_score(prompt, "search")
    return -score["value"] if score else 1.0


def _verdict(prompt: PromptEntry) -> str:
    found, final = last_score(prompt, "search"), last_score(prompt, "choice")
    if found or final:
        first = percent(found["value"]) if found else ""
        last = f"finally {percent(final['value'])}" if final else ""
        return ", ".join(filter(None, [first, last]))
    parts = [score for score in prompt["scores"] if score["stage"] == "part"]
    if parts:
        return f"dropped after {whole(parts[-1]['comparisons'])} comparisons"
    return "not scored"
