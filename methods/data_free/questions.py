"""What an LLM is asked about classes: prompts from files, filled in.

The paper (arXiv 2403.01209) asks for characteristics and contexts of objects; its wording is not
known to us, and the other three questions are ours. The files that come with the project have the
wordings that the field guide's model knows. A class name is always a value that is filled in, never
a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, get_args

from methods.prompt import Prompt

QuestionKind = Literal["characteristics", "contexts", "cooccurrence", "attributes", "scenes"]
KINDS: Final[tuple[QuestionKind, ...]] = get_args(QuestionKind)

PLACEHOLDERS: Final[dict[QuestionKind, tuple[str, ...]]] = {
    "characteristics": ("class",),
    "contexts": ("class",),
    "cooccurrence": ("class", "others"),
    "attributes": ("class", "others"),
    "scenes": ("names",),
}
"""What each prompt's file must hold."""
OPTIONAL: Final[dict[QuestionKind, tuple[str, ...]]] = {
    "characteristics": ("count", "synonyms"),
    "contexts": ("count", "synonyms", "others"),
    "cooccurrence": ("synonyms",),
    "attributes": ("synonyms",),
    "scenes": ("count", "others"),
}
"""What it may hold."""


@dataclass(frozen=True)
class Questions:
    """The prompts, for one list of classes.

    Attributes:
        classes: names of the N classes, as the model should read them.
        synonyms: of each class, its name left out or first.
        prompts: one of each kind.
    """

    classes: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...]
    prompts: dict[QuestionKind, Prompt]

    def of_class(
        self, kind: QuestionKind, one: int, count: int, listed: Sequence[int] | None = None
    ) -> str:
        """Ask about a class.

        Args:
            kind: any but ``scenes``.
            one: which class.
            count: sentences to ask for, where the prompt says how many.
            listed: the others that are named, where not all are.
        """
        name = self.classes[one]
        others = [other for other in self.classes if other != name]
        if listed is not None:
            others = [self.classes[at] for at in listed]
        synonyms = [text for text in self.synonyms[one] if text != name] or [name]
        values = {
            "class": name,
            "count": str(count),
            "others": ", ".join(others),
            "synonyms": ", ".join(synonyms),
        }
        return self.prompts[kind].fill(**values)

    def of_scene(self, members: Sequence[int], count: int) -> str:
        """Ask for captions of pictures that show some classes.

        Args:
            members: which classes, at least one, in the order in which they are listed.
            count: sentences to ask for, where the prompt says how many.
        """
        others = [name for at, name in enumerate(self.classes) if at not in members]
        return self.prompts["scenes"].fill(
            names=listed([self.classes[at] for at in members]),
            count=str(count),
            others=", ".join(others),
        )


def in_pieces(classes: int, one: int, size: int) -> list[tuple[int, ...]]:
    """Divide the other classes into lists of about equal length, at most ``size`` each.

    An answer about many classes is longer than a token limit, and what is cut is lost.
    """
    others = [at for at in range(classes) if at != one]
    pieces = -(-len(others) // size)
    ends = [len(others) * piece // pieces for piece in range(pieces + 1)]
    return [tuple(others[a:b]) for a, b in pairwise(ends)]


def listed(names: Sequence[str]) -> str:
    """Write names as a sentence has them: ``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
