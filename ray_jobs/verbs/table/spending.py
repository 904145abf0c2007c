"""What the runs of a row took: questions, tokens, GPU-hours, and their price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

from methods.errors import InputError
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.evaluate.costs import full_cost
from ray_jobs.verbs.plan.comparison import gpu_hours
from ray_jobs.verbs.table.fits import fit_record

_MILLION: Final = 1e6
_FITS: Final = ("prompt", "classifier")
"""Settings that name the folder of a fit."""


@dataclass(frozen=True)
class TokenPrices:
    """What things cost, in any one currency; None is not counted.

    Attributes:
        prompt_tokens, output_tokens: of a million.
        gpu_hour: of a GPU for an hour.
    """

    prompt_tokens: float | None = None
    output_tokens: float | None = None
    gpu_hour: float | None = None

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return any(each is not None for each in astuple(self))


@dataclass(frozen=True)
class Spending:
    """What runs took.

    Attributes:
        calls: questions that a multimodal LLM was asked.
        prompt_tokens, output_tokens: of them.
        gpu_hours: that passes held.
    """

    calls: float = 0.0
    prompt_tokens: float = 0.0
    output_tokens: float = 0.0
    gpu_hours: float = 0.0

    def __add__(self, other: Spending) -> Spending:
        """Both together."""
        return Spending(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.output_tokens + other.output_tokens,
            self.gpu_hours + other.gpu_hours,
        )

    def of_each(self, runs: int) -> Spending:
        """The mean of so many."""
        return Spending(
            self.calls / runs,
            self.prompt_tokens / runs,
            self.output_tokens / runs,
            self.gpu_hours / runs,
        )

    def price(self, prices: TokenPrices) -> float:
        """What it costs."""
        return (
            self.prompt_tokens / _MILLION * (prices.prompt_tokens or 0)
            + self.output_tokens / _MILLION * (prices.output_tokens or 0)
            + self.gpu_hours * (prices.gpu_hour or 0)
        )


def spending(run: RunReader) -> Spending | None:
    """What a run and the fit that it uses took; None of a run that does not say.

    The tokens of a classifier's fit stand in the classifier; GPU-hours of a fit, and all of the fit
    of a prompt, are counted where its folder is still there.
    """
    try:
        cost = full_cost(run)
    except InputError:
        return None
    own = Spending(
        cost["mllm_calls"], cost["prompt_tokens"], cost["output_tokens"], gpu_hours(run.record)
    )
    for setting in _FITS:
        record = fit_record(run, setting)
        own += Spending(gpu_hours=gpu_hours(record))
        if setting == "prompt":  # a classifier remembers what its fit asked, a prompt does not
            counts = ("mllm_calls", "prompt_tokens", "output_tokens")
            own += Spending(*(float(record.get(name) or 0) for name in counts))
    return own


def total(cells: Sequence[Sequence[RunReader]]) -> Spending | None:
    """What a row took: the cells of its archives together, of the runs of a cell their mean.

    None where a run does not say.
    """
    whole = Spending()
    for runs in cells:
        each = [spending(run) for run in runs]
        known = [one for one in each if one is not None]
        if len(known) < len(each):
            return None
        whole += sum(known, Spending()).of_each(len(known))
    return whole
