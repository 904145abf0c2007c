"""Asking an LLM about classes: rounds of text questions, unusable answers asked for again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from actors.mllm.request import Sampling
from methods.data_free.questions import QuestionKind
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import items
from ray_jobs.pipelines.data_free.inputs import ANSWER, class_query
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

_SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("text", pa.string()),
        ("kind", pa.string()),
        ("members", pa.list_(pa.int32())),
        ("draw", pa.int32()),
    ]
)


@dataclass(frozen=True)
class ClassQuestion:
    """One question about a class, or about classes in one picture.

    Attributes:
        kind: which.
        members: the classes; where it is about one, that one first, and behind it the others that
            it lists, if not all.
        text: as the model gets it.
        draw: tells apart questions that are the same in all else.
    """

    kind: QuestionKind
    members: tuple[int, ...]
    text: str
    draw: int = 0

    def row(self) -> dict[str, Any]:
        """As a row; ``question`` is what the answer is filed under."""
        question = f"{self.draw}\n{self.text}"
        return {**self.__dict__, "question": question, "members": list(self.members)}


@dataclass(frozen=True)
class ClassResponse:
    """A question with the text of its answer, None where none came, and whether it was cut."""

    kind: QuestionKind
    members: tuple[int, ...]
    draw: int
    text: str
    answer: str | None
    cut: bool = False


def ask_classes(
    job: Job,
    stage: str,
    questions: list[ClassQuestion],
    how: Sampling,
    usable: Callable[[ClassResponse], bool],
) -> list[str]:
    """Ask; what is unusable is asked for again, as other draws, in further rounds.

    Args:
        job: holds replicas of the multimodal LLM.
        stage: the names of the stage tables start with it.
        questions: what is asked.
        how: responses are drawn.
        usable: whether a response can be used.

    Returns:
        The names of the stage tables, one a round.
    """
    config, query = job.settings(FitDataFreeConfig), class_query(how)
    step = 1 + max((each.draw for each in questions), default=0)
    stages: list[str] = []
    # a greedy response would come again
    rounds = 1 + (config.answer_retries if how.temperature else 0)
    for number in range(1, rounds + 1):
        if not questions:
            break
        stages.append(f"{stage}_{number}")
        rows = [each.row() for each in questions]
        flow = items(partial(_dataset, rows, config.mllm_batch)) >> cached("question", query)
        run_pass(job, Pass(stages[-1], flow >> generate(query, images=False)))
        questions = [
            ClassQuestion(each.kind, each.members, each.text, each.draw + step)
            for each in read_answers(job.run, [stages[-1]])
            if not usable(each)
        ]
    return stages


def read_answers(run: RunFolder, stages: list[str]) -> Iterator[ClassResponse]:
    """Stream the answers of stages."""
    columns = (*_SCHEMA.names, ANSWER)
    for stage in stages:
        for batch in batches_of(stage_table(run, stage), columns):
            for row in batch.to_pylist():
                said = row[ANSWER]
                text = None if said is None or said["error"] else said["answer"]
                yield ClassResponse(
                    kind=row["kind"],
                    members=tuple(row["members"]),
                    draw=row["draw"],
                    text=row["text"],
                    answer=text,
                    cut=text is not None and said["finish_reason"] == "length",
                )


def _dataset(rows: list[dict[str, Any]], batch: int) -> Any:
    """The rows, a batch for the engine in each block."""
    import ray

    starts = range(0, len(rows), batch)
    return ray.data.from_arrow(
        [pa.Table.from_pylist(rows[start : start + batch], schema=_SCHEMA) for start in starts]
    )
