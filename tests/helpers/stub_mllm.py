"""Stand-ins for the model: answers by rule, every question counted, no stage asked twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b

from methods.autosep.history import History
from methods.autosep.instance import InstanceObjective
from methods.autosep.parsing import ComparisonReading
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import RequestKind, SearchRequest
from methods.autosep.search import Search
from methods.autosep.seeded_choice import uniform
from methods.autosep.settings import SearchSettings
from methods.prompt import Prompt

CLASSES = ("Zorblax", "Quimby", "Vantor")
SHORT = {
    "describe": "Describe the {category} closely",
    "compare": "{first} || {second}",
    "reflect": "[{classes}] <<{prompt}>> {errors}",
    "modify": "[{classes}] <<{prompt}>> {errors} ## {reason} ## {count}",
    "paraphrase": "<<{prompt}>>",
    "classify": "{classes} ~~ {description}",
    "vanilla": "{classes}",
    "spo_reflect": "[{classes}] <<{prompt}>> {errors}",
    "spo_modify": "[{classes}] <<{prompt}>> {errors} ## {reason} ## {count}",
    "spo_judge": "{first} || {second}",
}
WORDING = PromptTexts("bird", CLASSES, {name: Prompt(text) for name, text in SHORT.items()})


class StubMllm:
    """An oracle judge whose rewritten prompts are all distinct; subclasses answer otherwise.

    Attributes:
        keeps: whether questions are kept, which takes time when there are many.
    """

    keeps = True

    def __init__(self, seed: int = 0) -> None:
        """Start with nothing asked."""
        self.seed = seed
        self.asked: list[tuple[str, RequestKind, SearchRequest]] = []
        self.stages: list[str] = []

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        assert stage not in self.stages, f"{stage} is asked twice"
        self.stages.append(stage)
        if self.keeps:
            self.asked += [(stage, kind, question) for question in requests]
        answer = getattr(self, kind)
        return [answer(question) for question in requests]

    def kinds(self, start: str = "") -> Counter[str]:
        """Questions by kind, of stages that start like this."""
        return Counter(kind for stage, kind, _ in self.asked if stage.startswith(start))

    def of(self, kind: RequestKind, start: str = "") -> list[SearchRequest]:
        """Questions of a kind, of stages that start like this."""
        return [q for stage, what, q in self.asked if what == kind and stage.startswith(start)]

    def chance(self, question: SearchRequest, *what: object) -> float:
        """A number in [0, 1) for a question."""
        return uniform(self.seed, question.text, question.images, question.draw, *what)

    def describe(self, question: SearchRequest) -> str | None:
        return f"d{question.images[0]} {mark(question.text)}"

    def true_side(self, question: SearchRequest) -> int:
        """Which text is the image's own: descriptions begin with its id."""
        own = [text.split()[0] == f"d{question.images[0]}" for text in sides(question)]
        return 1 if own[0] else 2

    def compare(self, question: SearchRequest) -> str | None:
        return ("", "first", "second")[self.true_side(question)]

    def prefer(self, question: SearchRequest) -> str | None:
        """A preference between two texts; by default, for the first."""
        return "<analyse>Both are first rate.</analyse>\n<choose>First</choose>"

    def reflect(self, question: SearchRequest) -> str | None:
        return f"reason {self.chance(question):.12f}"

    def modify(self, question: SearchRequest) -> str | None:
        return f"<START>new prompt number {self.chance(question):.15f}<END>"

    def paraphrase(self, question: SearchRequest) -> str | None:
        return f"other words for {self.chance(question):.15f}"

    def classify(self, question: SearchRequest) -> str | None:
        return "A"

    def vote(self, question: SearchRequest) -> str | None:
        return "A"


class Wrong(StubMllm):
    """Always chooses the other image's description: every comparison is an error."""

    def compare(self, question: SearchRequest) -> str | None:
        return ("", "second", "first")[self.true_side(question)]


class First(StubMllm):
    """Always says first."""

    def compare(self, question: SearchRequest) -> str | None:
        return "first"


class Coin(StubMllm):
    """Tosses a coin, keyed by the question."""

    keeps = False

    def compare(self, question: SearchRequest) -> str | None:
        key = f"{self.seed} {question.images[0]} {question.text}".encode()
        return "first" if blake2b(key, digest_size=1).digest()[0] & 1 else "second"


class Uneven(StubMllm):
    """Right for most pairs, by image and other image only: not by the order of the texts."""

    def compare(self, question: SearchRequest) -> str | None:
        both = sorted(sides(question))
        right = uniform(self.seed, question.images, both) < 0.6
        return ("", "first", "second")[
            self.true_side(question) if right else 3 - self.true_side(question)
        ]


class Planted(StubMllm):
    """Prompts are as good as they hold planted words; a good one makes the judge right."""

    words = ("crown", "bill", "wing", "tail", "rump", "throat", "flank", "tarsus")
    duds = ("sky", "branch", "camera", "weather", "frame", "mood", "grain", "light")

    @classmethod
    def quality(cls, prompt: str) -> int:
        return len(set(cls.words) & set(prompt.split()))

    def describe(self, question: SearchRequest) -> str | None:
        good = self.quality(question.text)
        return f"d{question.images[0]} {good} {mark(question.text)}"

    def compare(self, question: SearchRequest) -> str | None:
        good = int(sides(question)[0].split()[1])
        right = self.chance(question) < 0.55 + 0.055 * good
        return ("", "first", "second")[
            self.true_side(question) if right else 3 - self.true_side(question)
        ]

    def modify(self, question: SearchRequest) -> str | None:
        """Add a word, planted or not; sometimes lose one."""
        found = prompt_of(question).split()
        vocabulary = self.words if self.chance(question, "kind") < 0.5 else self.duds
        if self.chance(question, "lose") < 0.2:
            found = [word for word in found if word not in self.words[:4]]
        found.append(vocabulary[int(self.chance(question, "word") * len(vocabulary))])
        return f"<START>{' '.join(dict.fromkeys(found))}<END>"

    def paraphrase(self, question: SearchRequest) -> str | None:
        return f"{prompt_of(question)} please"


class Scripted(StubMllm):
    """Gives fixed replies to some kinds of questions."""

    def __init__(self, replies: Mapping[RequestKind, str | None], seed: int = 0) -> None:
        super().__init__(seed)
        self.replies = replies

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        usual = super().generate(stage, kind, requests)
        return [self.replies[kind] for _ in requests] if kind in self.replies else usual


@cache
def mark(prompt: str) -> str:
    """What the descriptions of one prompt share."""
    return f"{uniform(0, prompt):.12f}"


def sides(question: SearchRequest) -> tuple[str, str]:
    """The two texts of a comparison."""
    first, second = question.text.split(" || ")
    return first, second


def prompt_of(question: SearchRequest) -> str:
    """The prompt that a question is about."""
    found = re.search(r"<<(.*?)>>", question.text, re.DOTALL)
    assert found
    return found[1]


def settings(**changes: object) -> SearchSettings:
    """Settings of a small search."""
    small = {"rounds": 3, "beam": 2, "reflections": 2, "minibatch": 10}
    return SearchSettings(**{**small, **changes})  # type: ignore[arg-type]


def search(
    mllm: StubMllm,
    images: Sequence[int],
    held_out: Sequence[int] = (),
    *,
    reading: ComparisonReading = "final",
    wording: PromptTexts = WORDING,
    **changes: object,
) -> History:
    """Run AutoSEP's search with a stand-in."""
    how = settings(**changes)
    objective = InstanceObjective(mllm, images, wording, how, reading)
    return Search(mllm, objective, images, held_out, wording, how).run()
