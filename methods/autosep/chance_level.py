"""What scores a search would report if its judge tossed coins.

Scores of parents are kept and the best of many prompts is taken, so the best score rises without
any learning (winner's curse). The band is simulated: each new prompt's score is binomial.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_RUNS = 2000
_ENDS = (5.0, 95.0)


def null_band(
    prompts: Sequence[int], comparisons: int, beam: int, seed: int = 0
) -> list[tuple[float, float]]:
    """Simulate the best score of each round under a coin-flipping judge.

    Args:
        prompts: new prompts of each round, the first prompt's round included.
        comparisons: of each prompt.
        beam: prompts kept.
        seed: of the simulation.

    Returns:
        The 5th and the 95th percentile of the best score in the beam, for each round.
    """
    rng = np.random.default_rng(seed)
    beam_scores = np.zeros((_RUNS, 0))
    band = []
    for count in prompts:
        fresh = rng.binomial(comparisons, 0.5, (_RUNS, count)) / comparisons
        beam_scores = np.sort(np.concatenate([beam_scores, fresh], axis=1), axis=1)[:, -beam:]
        low, high = np.percentile(beam_scores[:, -1], _ENDS) if beam_scores.shape[1] else (0.5, 0.5)
        band.append((float(low), float(high)))
    return band
