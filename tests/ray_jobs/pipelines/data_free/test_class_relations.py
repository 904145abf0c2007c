"""Relations of eighty classes: nothing is lost to a token limit unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from methods.data_free.questions import QuestionKind, Questions, in_pieces
from methods.data_free.relations import linked_groups
from methods.data_free.settings import CorpusSettings, GroupSettings
from methods.prompt import default_prompt
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.pipelines.data_free import class_relations
from ray_jobs.pipelines.data_free.class_queries import ClassQuestion, ClassResponse
from ray_jobs.pipelines.data_free.class_relations import ask_relations, read_relations

NAMES = tuple(f"thing {letter}{number}" for letter in "abcdefgh" for number in range(10))
"""Eighty classes; those of one letter belong together."""


def inputs(**settings: Any) -> Any:
    """What asking and reading need of a fit's inputs."""
    kinds: tuple[QuestionKind, ...] = ("attributes", "cooccurrence")
    prompts = {
        kind: default_prompt("data_free", kind, ("class", "others"), ("synonyms",))
        for kind in kinds
    }
    return SimpleNamespace(
        labels=NAMES,
        questions=Questions(NAMES, tuple((name,) for name in NAMES), prompts),
        corpus=CorpusSettings(),
        groups=GroupSettings(**settings),
    )


def answer(question: ClassQuestion) -> list[str]:
    """The items of a whole answer: 3 for classes of one letter, 0 for others."""
    one = NAMES[question.members[0]]
    return [
        json.dumps({"name": NAMES[at], "score": 3 if NAMES[at][6] == one[6] else 0})
        for at in question.members[1:]
    ]


def run(monkeypatch: pytest.MonkeyPatch, most: int, names: int = 20) -> tuple[Any, Any, list[int]]:
    """Ask a model whose token limit lets so many items through; relations, counts, questions."""
    tables: dict[str, list[ClassResponse]] = {}
    asked: list[int] = []

    def ask(job: Any, stage: str, questions: list[ClassQuestion], *_: Any) -> list[str]:
        asked.append(len(questions))
        tables[stage] = [said(each) for each in questions]
        return [stage]

    def said(question: ClassQuestion) -> ClassResponse:
        items = answer(question)
        cut = len(items) > most
        text = '{"items": [' + ", ".join(items[:most]) + (', {"name": "thi' if cut else "]}")
        return ClassResponse(
            question.kind, question.members, question.draw, question.text, text, cut
        )

    reading: Callable[..., Any] = lambda _, stages: (row for s in stages for row in tables[s])  # noqa: E731
    monkeypatch.setattr(class_relations, "ask_classes", ask)
    monkeypatch.setattr(class_relations, "read_answers", reading)
    config = FitDataFreeConfig(out="x", classes="x", relation_names=names)
    job: Any = SimpleNamespace(run=None, settings=lambda _: config)
    found = inputs()
    stages = ask_relations(job, found)
    return *read_relations(job.run, found, stages), asked


def test_pieces_cover_all_others_once_and_are_even() -> None:
    pieces = in_pieces(80, 7, 20)
    assert sorted(at for piece in pieces for at in piece) == [at for at in range(80) if at != 7]
    assert {len(piece) for piece in pieces} == {19, 20}
    assert in_pieces(16, 0, 20) == [tuple(range(1, 16))], "few classes are asked about at once"


def test_answers_about_eighty_classes_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    relations, dropped, asked = run(monkeypatch, most=40)
    assert asked == [2 * 80 * 4]
    assert dropped == {}
    groups = linked_groups(relations.attributes, 8, 12)
    assert sorted(map(int, groups)) == sorted(list(range(8)) * 10)


def test_what_is_cut_is_asked_again_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _, _ = run(monkeypatch, most=80)
    relations, dropped, asked = run(monkeypatch, most=40, names=79)
    assert asked[0] == 2 * 80
    assert len(asked) == 2
    assert dropped == {"cut": 160}
    assert (relations.together == whole.together).all()


@pytest.mark.slow
def test_what_is_lost_in_the_end_is_counted_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As it was before: a limit that no question fits."""
    with caplog.at_level("WARNING", "onoma"):
        _, dropped, asked = run(monkeypatch, most=0, names=79)
    assert len(asked) == 5
    assert dropped["cut_pairs"] == 2 * 80 * 79
    assert "--relation-names" in caplog.text


def test_a_thought_that_is_cut_is_not_asked_again_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        class_relations,
        "_halves",
        lambda _: pytest.fail("a shorter list does not make a thought shorter"),
    )
    said = ClassResponse("attributes", (0, 1, 2), 0, "x", "", cut=True)
    monkeypatch.setattr(class_relations, "ask_classes", lambda *_: ["a"])
    monkeypatch.setattr(class_relations, "read_answers", lambda *_: iter([said]))
    config = FitDataFreeConfig(out="x", classes="x")
    job: Any = SimpleNamespace(run=None, settings=lambda _: config)
    assert ask_relations(job, inputs()) == ["a"]
