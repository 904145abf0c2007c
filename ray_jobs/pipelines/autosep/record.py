"""The history of a search as files: ``history.json`` and ``history.html``, kept up to date."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from actors import storage
from methods.autosep.chance_level import null_band
from methods.autosep.history import History
from methods.json_text import json_text
from ray_jobs.config import FitAutosepConfig
from ray_jobs.pipelines.autosep.history_page import draw_history
from ray_jobs.pipelines.autosep.inputs import AutosepInputs
from ray_jobs.pipelines.autosep.sample import Sample
from ray_jobs.pipelines.autosep.sample_mllm import SampleMllm
from ray_jobs.runs.folder import RunFolder

logger = logging.getLogger(f"onoma.{__name__}")

HISTORY, PAGE = "history.json", "history.html"
"""Files for a person, beside the prompt."""


class Record:
    """Writes the history of a search after every round."""

    def __init__(
        self,
        run: RunFolder,
        config: FitAutosepConfig,
        inputs: AutosepInputs,
        sample: Sample,
        mllm: SampleMllm,
        held_out: int,
    ) -> None:
        """Prepare to write into the run's folder."""
        self._run, self._inputs, self._sample, self._mllm = run, inputs, sample, mllm
        self._held_out = held_out
        self._settings = asdict(inputs.settings) | {"improvements": list(config.improvements)}

    def write(self, history: History) -> None:
        """Write the history so far, as JSON and as a page, and say how far it is."""
        record = self.record(history)
        storage.write_bytes(storage.join(self._run.uri, HISTORY), to_json(record))
        storage.write_bytes(storage.join(self._run.uri, PAGE), draw_history(record).encode())
        last = record["rounds"][-1]
        if not history.chosen:
            asked = sum(used["mllm_calls"] for used in last["stages"].values())
            best = "none" if last["best"] is None else f"{last['best']:.3f}"
            logger.info(
                "round %d of %d: best score %s, %d new prompts, %d calls",
                last["round"], self._inputs.settings.rounds, best, last["prompts"], asked,
            )  # fmt: skip

    def record(self, history: History) -> dict[str, Any]:
        """The content of ``history.json``."""
        record = history.record()
        bands = self._bands(history)
        timings = self._run.record.get("timings", {})
        for round_, (low, high) in zip(record["rounds"], bands, strict=True):
            mine = {
                stage: used
                for stage, used in self._mllm.used.items()
                if stage.startswith(f"round_{round_['round']}_")
            }
            cut = len(f"round_{round_['round']}_")
            round_ |= {
                "null_low": low,
                "null_high": high,
                "seconds": round(sum(timings.get(stage, 0.0) for stage in mine), 3),
                "stages": {stage[cut:]: used.record() for stage, used in mine.items()},
            }
        for prompt in record["prompts"]:
            for shown in prompt["shown"]:
                shown["image"] = self._sample.paths[int(shown["image"])]
        return {
            "category": self._inputs.texts.category,
            "classes": list(self._inputs.texts.classes),
            "mllm": self._inputs.mllm.name,
            "optimizer_mllm": self._inputs.writer.name,
            "objective": self._inputs.settings.objective,
            "images": len(self._sample.pictures) - self._held_out,
            "held_out": self._held_out,
            "settings": self._settings,
            **record,
        }

    def _bands(self, history: History) -> Sequence[tuple[float | None, float | None]]:
        """What coin flips would reach as the best score, round by round."""
        rounds = history.rounds
        if self._inputs.settings.objective != "instance":
            return [(None, None)] * len(rounds)
        images = len(self._sample.pictures) - self._held_out
        counts = [1, *(each.prompts for each in rounds[1:])]
        comparisons = images * self._inputs.settings.negatives
        return null_band(counts, comparisons, self._inputs.settings.beam)


def to_json(record: dict[str, Any]) -> bytes:
    """A record as a JSON file that a person can read."""
    return json_text(record, indent=1).encode()
