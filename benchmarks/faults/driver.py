"""The fault ``driver``: SIGKILL to the driver's process group at random moments."""

from __future__ import annotations

import random
from collections import Counter

from benchmarks.faults.jobs import LEAVE_S
from benchmarks.faults.world import JobFailed, Outcome, World, say, wait_until_done

KILLS = 10
_MOST_ATTEMPTS = 5 * KILLS


def driver(world: World) -> Outcome:
    """Kill ``label slac`` at ten moments of its undisturbed duration, run it again after each.

    A run that is finished before its next kill is checked, and the remaining kills go to a new run
    with answers of its own.
    """
    expected, duration = world.undisturbed("slac")
    rng = random.Random(world.seed)
    outcome = Outcome("driver")
    kills, runs, moment = 0, 0, rng.uniform(0, duration)
    left: Counter[str] = Counter()
    while kills < KILLS:
        run, begun_kills = world.run("driver", "slac"), kills
        runs += 1
        while True:
            outcome.attempts += 1
            if outcome.attempts > _MOST_ATTEMPTS:
                raise JobFailed(f"{kills} kills in {_MOST_ATTEMPTS} attempts")
            with world.start(run) as job:
                if kills < KILLS and job.wait(moment) is None:
                    say(f"driver: kill {kills + 1} of {KILLS}, after {moment:.1f} s")
                    left.update(job.kill())
                    outcome.seconds += job.seconds
                    kills, moment = kills + 1, rng.uniform(0, duration)
                    continue
                wait_until_done(job)
                outcome.seconds += job.seconds
            break
        world.check(outcome, expected, run)
        if kills == begun_kills:  # even a run from the start is done before this moment
            moment = rng.uniform(0, duration)
    outcome.detail = f"{kills} kills, {runs} runs of {duration:.0f} s undisturbed"
    if left:
        told = ", ".join(f"{count} {name}" for name, count in sorted(left.items()))
        outcome.notes.append(f"did not leave within {LEAVE_S:g} s, killed on their own: {told}")
    return outcome
