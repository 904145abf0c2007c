"""What to type after a report was read."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ray_jobs.pages.quality import Unjudged
from ray_jobs.runs.reader import RunReader


@dataclass(frozen=True)
class NextStep:
    """A command and what it is for."""

    command: str
    why: str


def next_steps(run: RunReader, judged: bool, unjudged: Unjudged) -> list[NextStep]:
    """What to do after a report of one run.

    Args:
        run: that was reported.
        judged: whether there was truth.
        unjudged: what is known without it.
    """
    steps = []
    if run.record.get("errors"):
        steps.append(
            NextStep(
                f"onoma label {run.record.get('method', 'METHOD')} ... --out {_given(run)} "
                "--retry-errors all",
                "Images with an error can be asked again, by the command that made the run",
            )
        )
    if not judged:
        steps.append(
            NextStep(
                f"onoma review {_given(run)}",
                "Look at a few hundred images, and know how many of all labels are right",
            )
        )
    if not judged and not run.multi_label and unjudged.accuracy is None:
        steps.append(
            NextStep(
                f"onoma audit {_given(run)} --with OTHER_RUN",
                "Estimate without looking, from how far another model's run agrees",
            )
        )
    steps.append(
        NextStep(
            f"onoma report {_given(run)} OTHER_RUN{' --truth FILE.csv' if judged else ''}",
            "Set another method's run of the same images beside this one",
        )
    )
    steps.append(
        NextStep(f"onoma export {_given(run)} --to csv --out labels.csv", "Use the labels")
    )
    return steps


def next_steps_of_several(
    runs: Sequence[RunReader], best: RunReader, judged: bool, audited: bool
) -> list[NextStep]:
    """What to do after a comparison.

    Args:
        runs: that were compared.
        best: of them, or the first where nobody can tell.
        judged: whether there was truth.
        audited: whether the first was audited.
    """
    steps = []
    if not judged and not audited and not any(run.multi_label for run in runs):
        others = " ".join(f"--with {_given(run)}" for run in runs[1:])
        steps.append(
            NextStep(
                f"onoma audit {_given(runs[0])} {others}",
                "Estimate the accuracy from how far the runs agree, no label of a person read",
            )
        )
    if not judged:
        steps.append(
            NextStep(
                f"onoma review {_given(best)}",
                "Look at a few hundred images, and know how many of all labels are right",
            )
        )
    steps.append(NextStep(f"onoma report {_given(best)}", "One run alone, with its galleries"))
    steps.append(
        NextStep(
            f"onoma export {_given(best)} --to csv --out labels.csv",
            "Use the labels of the best run" if judged else "Use the labels of a run",
        )
    )
    return steps


def _given(run: RunReader) -> str:
    return shlex.quote(run.uri)
