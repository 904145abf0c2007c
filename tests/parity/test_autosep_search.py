"""AutoSEP's search asks what the published loop asks, question for question, and keeps its beam."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from methods.autosep.instance import InstanceObjective
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import RequestKind, SearchRequest
from methods.autosep.search import Search
from methods.autosep.settings import SearchSettings
from methods.prompt import Prompt
from tests.parity.search_answers import FIRST_PROMPT, IMAGES, SETTINGS, SearchAnswers, errors_in

GOLDEN = json.loads((Path(__file__).parent / "golden" / "autosep_search.json").read_text())
WORDS = {
    "describe": FIRST_PROMPT,
    "compare": "1 {first}\n2 {second}",
    "reflect": "<<{prompt}>>\n{errors}",
    "modify": "<<{prompt}>>\n{errors}\nwhy: {reason}\n{count} prompts",
    "paraphrase": "<<{prompt}>>",
    "classify": "{classes} {description}",
    "vanilla": "{classes}",
}


class OurQuestions:
    """Answers our search by the content of what it asks."""

    def __init__(self, answers: SearchAnswers) -> None:
        self.answers = answers

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        self.answers.round = int(stage.split("_")[1])
        return [getattr(self, f"_{kind}")(request) for request in requests]

    def _describe(self, request: SearchRequest) -> str:
        return self.answers.describe(request.text, request.images[0])

    def _compare(self, request: SearchRequest) -> str:
        first, second = (line[2:] for line in request.text.splitlines())
        return self.answers.compare(request.images[0], first, second)

    def _reflect(self, request: SearchRequest) -> str:
        return self.answers.reflect(*self._shown(request), request.images)

    def _modify(self, request: SearchRequest) -> str:
        reason, count = re.findall(r"\nwhy: (.*)\n(\d+) prompts", request.text)[0]
        return self.answers.modify(*self._shown(request), request.images, reason, int(count))

    def _paraphrase(self, request: SearchRequest) -> str:
        return self.answers.paraphrase(request.text[2:-2])

    @staticmethod
    def _shown(request: SearchRequest) -> tuple[str, list[tuple[int, str, str]]]:
        prompt = re.findall(r"<<(.*?)>>", request.text)[0]
        return prompt, errors_in(request.text, "Image")


def test_the_same_answers_give_the_published_transcript_and_beam() -> None:
    answers = SearchAnswers(GOLDEN["seed"])
    mllm = OurQuestions(answers)
    settings = SearchSettings(seed=GOLDEN["seed"], **SETTINGS)
    wording = PromptTexts("bird", ("A", "B", "C"), {n: Prompt(t) for n, t in WORDS.items()})
    objective = InstanceObjective(mllm, IMAGES, wording, settings, "published")
    history = Search(mllm, objective, IMAGES, (), wording, settings).run()
    beams = [
        [
            [history.prompts[id_].text, round(history.prompts[id_].scores[-1]["value"], 9)]
            for id_ in round_.beam
        ]
        for round_ in history.rounds
    ]
    asked = answers.transcript()
    assert asked.keys() == GOLDEN["transcript"].keys()
    for name, questions in GOLDEN["transcript"].items():
        assert asked[name] == questions, name
    assert beams == GOLDEN["beams"]


def test_the_golden_search_goes_through_every_rule() -> None:
    asked = GOLDEN["transcript"]
    assert sum(map(len, asked.values())) > 500
    for number in range(1, SETTINGS["rounds"] + 1):
        for kind in ("describe", "compare", "reflect", "modify", "paraphrase"):
            assert asked[f"round {number} {kind}"]
    # a prompt of an earlier round stays with the score that it has
    assert GOLDEN["beams"][2][0] == GOLDEN["beams"][3][0]
