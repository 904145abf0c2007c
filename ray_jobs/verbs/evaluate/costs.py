"""What a run cost: the questions asked of the MLLM, their tokens, and time.

Counted by the jobs themselves: ``run.json`` for labelling, ``classifier.json`` for the fit that
made the run's classifier, which is part of what its labels cost.
"""

from __future__ import annotations

import json
from typing import Any, Final

from actors import storage
from methods.errors import InputError
from ray_jobs.runs.reader import RunReader

_COUNTS: Final = ("mllm_calls", "answers_reused", "prompt_tokens", "output_tokens")
_TIMES: Final = ("seconds", "images_per_second")


def label_cost(run: RunReader) -> dict[str, Any]:
    """Return what labelling cost: ``mllm_calls, answers_reused, prompt_tokens, output_tokens,
    seconds, images_per_second``.

    Raises:
        InputError: the run's record lacks one of them, as that of an unfinished run does.
    """
    keys = (*_COUNTS, *_TIMES)
    for key in keys:
        if not _is_number(run.record.get(key)):
            raise InputError(
                f"{run.uri}/run.json does not say {key}, so costs cannot be compared; run the "
                "command that made the run again to finish it"
            )
    return {key: run.record[key] for key in keys}


def full_cost(run: RunReader) -> dict[str, Any]:
    """Return `label_cost` with the calls and tokens of the run's fit added.

    A classifier that says nothing of what its fit asked counts as 0. Times stay those of labelling:
    a fit is done once for any number of archives.

    Raises:
        InputError: the run's record or classifier cannot be used.
    """
    cost, fit = label_cost(run), _fit_usage(run)
    return cost | {key: cost[key] + fit[key] for key in _COUNTS}


def questions(cost: dict[str, Any]) -> int:
    """Return how many questions were answered, by the MLLM or from the answers table."""
    return int(cost["mllm_calls"] + cost["answers_reused"])


def _fit_usage(run: RunReader) -> dict[str, int]:
    uri = run.first_classifier
    if not storage.exists(uri):
        return dict.fromkeys(_COUNTS, 0)
    try:
        made = json.loads(storage.read_bytes(uri)).get("made") or {}
        usage = made.get("usage") or {}
        return {key: int(usage.get(key, 0)) for key in _COUNTS}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{uri} is corrupt ({error!r}), so the cost of its fit is unknown; fit it again"
        ) from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
