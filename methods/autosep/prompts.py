"""The texts that AutoSEP sends: prompts from files, filled in.

A learned prompt, a description or a reason is always a value that is filled in, never a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from methods.choices import marked
from methods.prompt import Prompt

PLACEHOLDERS: Final[dict[str, tuple[str, ...]]] = {
    "describe": (),
    "compare": ("first", "second"),
    "reflect": ("prompt", "errors"),
    "modify": ("prompt", "errors", "reason"),
    "paraphrase": ("prompt",),
    "classify": ("classes", "description"),
    "vanilla": ("classes",),
    "spo_reflect": ("prompt", "errors"),
    "spo_modify": ("prompt", "errors", "reason"),
    "spo_judge": ("first", "second"),
    "few_shot": ("classes", "shots"),
}
"""What each prompt's file must hold."""
OF_SPO: Final = frozenset({"spo_reflect", "spo_modify", "spo_judge"})
OF_FEW_SHOT: Final = frozenset({"few_shot"})
"""Prompts that only these baselines send."""
OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "describe": ("category",),
    "compare": (),
    "reflect": ("category", "classes"),
    "modify": ("category", "classes", "count"),
    "paraphrase": (),
    "classify": ("category",),
    "vanilla": ("category",),
    "spo_reflect": ("category", "classes"),
    "spo_modify": ("category", "classes", "count"),
    "spo_judge": ("category", "classes"),
    "few_shot": ("category",),
}
"""What it may hold."""


@dataclass(frozen=True)
class PromptTexts:
    """The prompts of a search, for one category and one list of classes.

    Attributes:
        category: what all images show, such as bird.
        classes: names.
        prompts: by the names of `PLACEHOLDERS`.
    """

    category: str
    classes: tuple[str, ...]
    prompts: dict[str, Prompt]

    def initial(self) -> str:
        """The description prompt that the search starts from."""
        return self._fill("describe")

    def compare(self, first: str, second: str) -> str:
        """Which of two descriptions fits the image."""
        return self._fill("compare", first=first, second=second)

    def reflect(self, prompt: str, errors: Sequence[str]) -> str:
        """Why a prompt leads to errors."""
        return self._fill("reflect", prompt=prompt, errors="\n\n".join(errors))

    def modify(self, prompt: str, errors: Sequence[str], reason: str, count: int) -> str:
        """Better prompts, for a reason."""
        shown = "\n\n".join(errors)
        return self._fill("modify", prompt=prompt, errors=shown, reason=reason, count=str(count))

    def paraphrase(self, prompt: str) -> str:
        """The same prompt in other words."""
        return self._fill("paraphrase", prompt=prompt)

    def classify(self, description: str) -> str:
        """Which class an image shows, given a description of it."""
        return self._fill("classify", description=description)

    def vanilla(self) -> str:
        """Which class an image shows."""
        return self._fill("vanilla")

    def few_shot(self, shots: str) -> str:
        """Which class the last of several images shows; ``shots`` is said of the others."""
        return self._fill("few_shot", shots=shots)

    def spo_reflect(self, prompt: str, examples: Sequence[str]) -> str:
        """Why a prompt's descriptions are poor."""
        return self._fill("spo_reflect", prompt=prompt, errors="\n\n".join(examples))

    def spo_modify(self, prompt: str, examples: Sequence[str], reason: str) -> str:
        """A better prompt, for a reason."""
        shown = "\n\n".join(examples)
        return self._fill("spo_modify", prompt=prompt, errors=shown, reason=reason, count="1")

    def spo_judge(self, first: str, second: str) -> str:
        """Which of two prompts' descriptions is the better one of an image."""
        return self._fill("spo_judge", first=first, second=second)

    def _fill(self, name: str, **values: str) -> str:
        common = {"category": self.category, "classes": marked(self.classes)}
        return self.prompts[name].fill(**common, **values)
