"""Answers to the questions of an AutoSEP search, by their content alone, and the transcript.

The published loop and ours put one question in different words. What is asked is the same if the
content is: the prompt, the image, the descriptions and their order, the errors shown. Both are
answered from here, and what they asked is written down in these terms.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from methods.autosep.seeded_choice import uniform

FIRST_PROMPT: Final = "Describe the bird in the image with care"
IMAGES: Final = tuple(range(11))
SETTINGS: Final = {
    "rounds": 3,
    "beam": 2,
    "negatives": 2,
    "reflections": 3,
    "errors_shown": 2,
    "prompts_per_reflection": 1,
    "paraphrases": 1,
    "max_children": 3,
    "minibatch": 6,
}
_GOOD: Final = ("crown", "bill", "wing", "tail", "rump", "throat")
_DUDS: Final = ("sky", "branch", "camera", "weather", "frame", "mood")
_RIGHT: Final = ("{}", "The {} text", "{}.", "It is the **{}** text")
_UNREADABLE: Final = ("", "Text 1", "first or second", "neither")

Error = tuple[int, str, str]
"""An image, its own description, and another one's that was chosen in its place."""


class SearchAnswers:
    """Answers, and keeps what was asked.

    Attributes:
        seed: of the answers.
        calls: by round and kind, the content of each question.
    """

    def __init__(self, seed: int) -> None:
        """Begin with nothing asked."""
        self.seed = seed
        self.round = 0
        self.calls: dict[str, list[str]] = defaultdict(list)
        self._described: dict[str, tuple[str, int]] = {}

    def describe(self, prompt: str, image: int) -> str:
        self._note("describe", prompt, image)
        text = f"bird {image} seen as {uniform(self.seed, prompt, image):.8f}"
        self._described[text] = prompt, image
        return text

    def compare(self, image: int, first: str, second: str) -> str:
        """Which text an image shows; right more often the more a prompt has good words."""
        prompt, of = self._described[first]
        other = self._described[second][1]
        side = 1 if of == image else 2
        assert self._described[second][0] == prompt
        self._note("compare", prompt, image, other if side == 1 else of, f"true text {side}")
        draw = uniform(self.seed, "judge", first, second)
        good = len(set(_GOOD) & set(prompt.split()))
        if draw > 0.97:
            return self._one_of(_UNREADABLE, first, second)
        right = draw < 0.5 + 0.1 * good
        word = ("first", "second")[(side if right else 3 - side) - 1]
        return self._one_of(_RIGHT, first, second).format(word)

    def reflect(self, prompt: str, errors: Sequence[Error], images: Sequence[int]) -> str:
        self._note("reflect", prompt, *self._shown(errors, images))
        return f"it overlooks {uniform(self.seed, prompt, tuple(errors)):.8f}"

    def modify(
        self, prompt: str, errors: Sequence[Error], images: Sequence[int], reason: str, count: int
    ) -> str:
        """A better or worse prompt, for the most part; at times none, or the instruction."""
        self._note("modify", prompt, *self._shown(errors, images), reason, count)
        draw = uniform(self.seed, "modify", prompt, reason)
        if draw > 0.9:
            return "I would write <START> and <END> around it"
        words = _GOOD if draw < 0.6 else _DUDS
        word = self._one_of(words, prompt, reason, "word")
        return f"Sure.\n<START> {prompt} and its {word} <END>"

    def paraphrase(self, prompt: str) -> str:
        self._note("paraphrase", prompt)
        word = self._one_of(_GOOD + _DUDS, "paraphrase", prompt)
        return f"## Variation: Please {prompt[0].lower()}{prompt[1:]}, {word} too"

    def transcript(self) -> dict[str, list[str]]:
        """What was asked in each round, by kind; the order within is each program's own."""
        return {name: sorted(asked) for name, asked in sorted(self.calls.items())}

    def _note(self, kind: str, *content: object) -> None:
        self.calls[f"round {self.round} {kind}"].append(" | ".join(map(str, content)))

    def _shown(self, errors: Sequence[Error], images: Sequence[int]) -> list[str]:
        """Errors as pairs of an image and the one whose description was chosen."""
        assert [image for image, _, _ in errors] == list(images)
        for image, true, _ in errors:
            assert self._described[true][1] == image
        return [f"{image} taken for {self._described[wrong][1]}" for image, _, wrong in errors]

    def _one_of(self, items: Sequence[str], *key: object) -> str:
        return items[int(uniform(self.seed, "one of", *key) * len(items))]


def errors_in(text: str, heading: str) -> list[Error]:
    """Read the errors that a question shows.

    Args:
        text: the question.
        heading: what stands before the number of an image.
    """
    found = re.findall(
        rf"{heading} (\d+)\s+Correct description:\s+\"(.*?)\"\s+Wrong description:\s+\"(.*?)\"",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    assert [int(number) for number, _, _ in found] == list(range(1, len(found) + 1))
    return [(int(true.split()[1]), true, wrong) for _, true, wrong in found]


def golden(answers: SearchAnswers, beams: Any) -> dict[str, Any]:
    """What a file of a search holds, however it was run."""
    return {"seed": answers.seed, "beams": beams, "transcript": answers.transcript()}
