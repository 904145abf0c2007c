"""Asking for a search: each call is a stage of `map_batches` on replicas that stay alive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from actors.mllm.model import MllmModel
from actors.mllm.prompts import SampleImagesPrompt
from methods.answers import AnswerError, usable_text
from methods.autosep.requests import RequestKind, SearchRequest
from methods.errors import OnomaError
from ray_jobs.config import FitAutosepConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_pool import Replicas
from ray_jobs.passes.mllm_settings import image_query
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import items
from ray_jobs.pipelines.autosep.inputs import WRITING, AutosepInputs, samplings
from ray_jobs.pipelines.autosep.sample import Sample
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table
from ray_jobs.runs.usage import Usage, count_usage

REPLY = "reply"
"""Name of the ask, and of its column."""
_READ_AS_THEY_ARE: tuple[RequestKind, ...] = ("compare", "classify", "vote", "prefer")
"""Answers that have readers of their own, for which a refusal is one more thing they may say."""


class NothingCame(OnomaError):
    """Every request of a stage failed."""


class SampleMllm:
    """Answers the requests of a search, a stage each, with the run's answers table behind it.

    A stage that a run has finished is read, not asked again; what an interrupted stage was told is
    in the answers table. Equal requests of a stage are generated once.
    """

    def __init__(
        self,
        job: Job,
        inputs: AutosepInputs,
        sample: Sample,
        replicas: Mapping[MllmModel, Replicas],
    ) -> None:
        """Prepare to ask about the images of a sample."""
        self._job, self._inputs = job, inputs
        self._sample, self._replicas = sample, replicas
        self._samplings = samplings(job.settings(FitAutosepConfig))
        self.used: dict[str, Usage] = {}
        """What each stage asked for."""

    def generate(
        self, stage: str, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        """Return the usable text of each answer, in order; None where none came.

        Raises:
            NothingCame: every request failed; the stage is forgotten, so that a rerun asks again.
        """
        if not requests:
            return []
        rows = [self._row(kind, request) for request in requests]
        distinct = list({row["content"]: row for row in rows}.values())
        model = self._inputs.model_for(kind)
        query = image_query(
            self._job.settings(FitAutosepConfig),
            REPLY,
            SampleImagesPrompt(self._sample.pictures),
            self._samplings[kind],
        )
        asking = replace(self._job, replicas=self._replicas[model])
        flow = items(lambda: self._dataset(distinct)) >> cached("content", query)
        run_pass(asking, Pass(stage, flow >> generate(query, images=False)))
        said = self._read(stage)
        self.used[stage] = count_usage(self._job.run, {stage: [REPLY]})
        if all(each["answer"] is None for each in said.values()):
            self._forget(stage, said)
        return [_text_of(said[row["content"]], kind) for row in rows]

    def _row(self, kind: RequestKind, request: SearchRequest) -> dict[str, Any]:
        """A request as a row: ``content`` is all that tells it from others."""
        images = request.images[: self._inputs.pictures] if kind in WRITING else request.images
        draw = request.draw if self._samplings[kind].temperature else ""
        shown = " ".join(self._sample.keys[image] for image in images)
        return {
            "content": f"{shown}\n{draw}\n{request.text}",
            "text": request.text,
            "images": list(images),
        }

    def _dataset(self, rows: list[dict[str, Any]]) -> Any:
        """The rows in blocks of one batch each, so that batches are asked side by side."""
        import ray

        size = self._job.settings(FitAutosepConfig).mllm_batch
        schema = pa.schema(
            [("content", pa.string()), ("text", pa.string()), ("images", pa.list_(pa.int64()))]
        )
        blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
        return ray.data.from_arrow([pa.Table.from_pylist(block, schema) for block in blocks])

    def _read(self, stage: str) -> dict[str, dict[str, Any]]:
        """What came in a stage, by content."""
        said: dict[str, dict[str, Any]] = {}
        for batch in batches_of(stage_table(self._job.run, stage), ("content", REPLY)):
            said.update((row["content"], row[REPLY]) for row in batch.to_pylist())
        return said

    def _forget(self, stage: str, said: dict[str, dict[str, Any]]) -> None:
        stages = [each for each in self._job.run.record["stages"] if each != stage]
        self._job.run.save(stages=stages)
        errors = Counter(each["error"] for each in said.values())
        example = next(iter(said.values()))["error_detail"]
        codes = ", ".join(f"{count} {code}" for code, count in errors.most_common())
        raise NothingCame(f"{stage}: no request was answered ({codes}): {example}")


def _text_of(said: Mapping[str, Any], kind: RequestKind) -> str | None:
    """The text of an answer; None where it did not come, or is a refusal where that is no answer.

    A text cut at the token limit counts, as in the published code.
    """
    if said["answer"] is None or kind in _READ_AS_THEY_ARE:
        return None if said["answer"] is None else str(said["answer"])
    try:
        return usable_text(said["answer"], said["finish_reason"], cut_counts=True)
    except AnswerError:
        return None
