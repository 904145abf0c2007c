"""What a run asked of models: calls, reused answers, tokens and engine starts, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pyarrow.compute as pc

from actors.mllm.replica import ENDPOINT
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table

EARLIER: Final = "earlier_usage"
"""Key in ``run.json`` of what rows had asked that were made again since."""


@dataclass
class Usage:
    """What a run asked for, counted from its stage tables.

    Attributes:
        mllm_calls: requests made, those that failed included.
        answers_reused: answers that the answers table knew.
        prompt_tokens, output_tokens: of the requests made.
        engines: engine starts that gave answers.
        known: answers that came, of rows that are made again: then they count as reused, though it
            was this run that asked.
    """

    mllm_calls: int = 0
    answers_reused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    engines: set[str] = field(default_factory=set)
    known: int = 0

    def record(self) -> dict[str, int]:
        """The counts as ``run.json`` names them."""
        counts = asdict(self)
        engines, known = counts.pop("engines"), counts.pop("known")
        counts["answers_reused"] = max(0, self.answers_reused - known)
        return {**counts, "engine_starts": len(engines)}

    def kept(self) -> dict[str, Any]:
        """The counts as plain values, for rows that are about to be made again."""
        return {**asdict(self), "answers_reused": 0, "engines": sorted(self.engines)}

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Usage:
        """Counts that were kept; none where nothing was."""
        found = dict(kept or {})
        return cls(**{**found, "engines": set(found.get("engines", ()))})


def count_usage(run: RunFolder, stages: Mapping[str, Sequence[str]]) -> Usage:
    """Count what the stages of a run asked for, streaming.

    Args:
        run: the run.
        stages: by stage, the names of its asks.

    Returns:
        The counts, with those of rows that were made again.
    """
    usage = Usage.of(run.record.get(EARLIER))
    for stage, asks in stages.items():
        for batch in batches_of(stage_table(run, stage), asks):
            for said in batch.columns:
                add_answers(usage, said)
    return usage


def add_answers(usage: Usage, said: Any) -> None:
    """Count a column of answers (`actors.mllm.responses.RESPONSE_TYPE`)."""
    engine = pc.struct_field(said, "engine")
    called = pc.is_valid(engine)  # of failed requests too
    usage.mllm_calls += pc.sum(called).as_py() or 0
    usage.answers_reused += pc.sum(pc.struct_field(said, "reused")).as_py() or 0
    made = said.filter(called)
    usage.prompt_tokens += pc.sum(pc.struct_field(made, "prompt_tokens")).as_py() or 0
    usage.output_tokens += pc.sum(pc.struct_field(made, "output_tokens")).as_py() or 0
    usage.engines |= set(pc.unique(engine.drop_null()).to_pylist()) - {ENDPOINT}
