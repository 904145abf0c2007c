"""Which classes look alike and which are seen together: asked in pieces, so that nothing is cut.

An answer gives a strength to each class that its question lists. About eighty classes it would be
longer than a token limit, and what is cut is lost without a word: so a question lists a few, what
was cut all the same is asked again about half as many, and what is lost in the end is counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from methods.data_free.answers import parse_relations
from methods.data_free.questions import QuestionKind, in_pieces
from methods.data_free.relations import Relation, relation_matrix
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.job import Job
from ray_jobs.pipelines.data_free.class_queries import (
    ClassQuestion,
    ClassResponse,
    ask_classes,
    read_answers,
)
from ray_jobs.pipelines.data_free.inputs import DataFreeInputs, greedy
from ray_jobs.runs.folder import RunFolder

logger = logging.getLogger(f"onoma.{__name__}")

KINDS: Final[tuple[QuestionKind, ...]] = ("attributes", "cooccurrence")
_AGAIN: Final = 4  # a list of 20 is then down to 2


@dataclass(frozen=True)
class Relations:
    """How classes are related: float64 (N, N) each, 0 to 3, symmetric."""

    attributes: Relation
    together: Relation


@dataclass(frozen=True)
class HeardRelations:
    """What answers say of relations.

    Attributes:
        strengths: by kind and class, the strengths of others; None where no answer came.
        unheard: by kind and class, the others that an answer was cut before.
        dropped: what was not kept of answers, by reason; ``cut`` counts answers, ``cut_pairs`` the
            relations that were lost with them.
    """

    strengths: dict[str, list[dict[int, float] | None]]
    unheard: dict[str, list[set[int]]]
    dropped: Counter[str]


def ask_relations(job: Job, inputs: DataFreeInputs) -> list[str]:
    """Ask which classes look alike, and which are seen together; returns the stages."""
    config = job.settings(FitDataFreeConfig)
    count = len(inputs.labels)
    questions = [
        _question(inputs, kind, one, piece)
        for kind in KINDS
        for one in range(count)
        for piece in in_pieces(count, one, config.relation_names)
    ]
    stages: list[str] = []
    for turn in range(1 + _AGAIN):
        name = "relations" if not turn else f"relations_again_{turn}"
        asked = ask_classes(job, name, questions, greedy(config), lambda _: True)
        stages += asked
        cut = [said for said in read_answers(job.run, asked) if said.cut]
        questions = [
            _question(inputs, each.kind, each.members[0], half)
            for each in cut
            if (each.answer or "").strip()  # else a thought was cut, which no list is too long for
            for half in _halves(_unheard(each, inputs))
        ]
        if not questions:
            break
        logger.info("%d answers about relations were cut; asked again in halves", len(cut))
    return stages


def _question(
    inputs: DataFreeInputs, kind: QuestionKind, one: int, others: tuple[int, ...]
) -> ClassQuestion:
    text = inputs.questions.of_class(kind, one, inputs.corpus.sentences, others)
    return ClassQuestion(kind, (one, *others), text)


def _halves(others: tuple[int, ...]) -> list[tuple[int, ...]]:
    middle = -(-len(others) // 2)
    return [half for half in (others[:middle], others[middle:]) if half]


def _unheard(said: ClassResponse, inputs: DataFreeInputs) -> tuple[int, ...]:
    """The others that a cut answer does not name; models keep to no order."""
    read = parse_relations(said.answer, inputs.questions.synonyms, said.members[0])
    return tuple(each for each in said.members[1:] if each not in read.kept)


def hear_relations(run: RunFolder, inputs: DataFreeInputs, stages: list[str]) -> HeardRelations:
    """Read the relations from the answers; later ones make up for what was cut."""
    count = len(inputs.labels)
    heard = HeardRelations(
        {kind: [None] * count for kind in KINDS},
        {kind: [set() for _ in range(count)] for kind in KINDS},
        Counter(),
    )
    for said in read_answers(run, stages):
        one, others = said.members[0], said.members[1:]
        unheard = heard.unheard[said.kind][one]
        if said.answer is None:
            heard.dropped["no_answer"] += 1
            unheard.update(others)
            continue
        read = parse_relations(said.answer, inputs.questions.synonyms, one)
        heard.dropped.update(read.dropped)
        known = heard.strengths[said.kind][one]
        heard.strengths[said.kind][one] = {**(known or {}), **read.kept}
        unheard.difference_update(others)
        if said.cut:
            heard.dropped["cut"] += 1
            unheard.update(_unheard(said, inputs))
    lost = sum(len(each) for kind in KINDS for each in heard.unheard[kind])
    if lost:
        heard.dropped["cut_pairs"] = lost
        logger.warning(
            "of %d relations between classes nothing was heard: %s; give a larger --max-tokens, or "
            "fewer --relation-names",
            lost,
            dict(heard.dropped),
        )
    return heard


def read_relations(
    run: RunFolder, inputs: DataFreeInputs, stages: list[str]
) -> tuple[Relations, dict[str, Any]]:
    """How classes are related, and what was dropped of the answers, by reason."""
    heard, least = hear_relations(run, inputs, stages), inputs.groups.least_relation
    attributes, together = (
        relation_matrix(heard.strengths[kind], least, heard.unheard[kind]) for kind in KINDS
    )
    return Relations(attributes, together), dict(sorted(heard.dropped.items()))
