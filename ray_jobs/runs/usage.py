"""What a run asked of models: calls, reused answers, tokens and engine starts, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from actors.mllm.replica import ENDPOINT
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.stage_tables import stage_table


@dataclass
class Usage:
    """What a run asked for, counted from its stage tables.

    Attributes:
        mllm_calls: requests made, those that failed included.
        answers_reused: answers that the answers table knew.
        prompt_tokens, output_tokens: of the requests made.
        engines: engine starts that gave answers.
    """

    mllm_calls: int = 0
    answers_reused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    engines: set[str] = field(default_factory=set)

    def record(self) -> dict[str, int]:
        """The counts as ``run.json`` names them."""
        counts = asdict(self)
        engines = counts.pop("engines")
        return {**counts, "engine_starts": len(engines)}


def count_usage(run: RunFolder, stages: Mapping[str, Sequence[str]]) -> Usage:
    """Count what the stages of a run asked for, streaming.

    Args:
        run: the run.
        stages: by stage, the names of its asks.
    """
    usage = Usage()
    for stage, asks in stages.items():
        for batch in batches_of(stage_table(run, stage), asks):
            for said in batch.columns:
                _add(usage, said)
    return usage


def _add(usage: Usage, said: Any) -> None:
    engine = pc.struct_field(said, "engine")
    called = pc.is_valid(engine)  # of failed requests too
    usage.mllm_calls += pc.sum(called).as_py() or 0
    usage.answers_reused += pc.sum(pc.struct_field(said, "reused")).as_py() or 0
    made = said.filter(called)
    usage.prompt_tokens += pc.sum(pc.struct_field(made, "prompt_tokens")).as_py() or 0
    usage.output_tokens += pc.sum(pc.struct_field(made, "output_tokens")).as_py() or 0
    usage.engines |= set(pc.unique(engine.drop_null()).to_pylist()) - {ENDPOINT}
