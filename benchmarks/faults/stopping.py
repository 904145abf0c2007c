"""End real jobs in every way that people's machines do, again and again, and see how each ends.

    uv run python -m benchmarks.faults.stopping [--times 20] [--only NAME ...] [--images 800]
                                                [--finish-every 1]

kill       SIGKILL to the driver at a random moment
sigterm    SIGTERM to the driver, or to its whole process group, in turns
ctrl_c     SIGINT to the whole process group: once, then three times within 0.6 s, in turns
two        the same command a second time while the first runs
stale      RAY_ADDRESS of a cluster that is gone
leaves     a cluster that is killed in the middle of the job that has joined it

After each but ``stale``, or after every so many, the same command is run to its end, and every
image has one row. A job has to end with the code and the sentence that docs/jobs.md says, within
its time, without a traceback, and to leave no process and no claim. Exit code 1 if one does not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machine
from benchmarks.faults.jobs import Job, end_on_sigterm, ray_folder, session_processes
from benchmarks.faults.nodes import free_port, lone_head
from benchmarks.faults.replicas import wait_for
from benchmarks.faults.tables import Committed, ledger_problems
from benchmarks.faults.world import LIMIT_S, Run, World, last_line, say

_STALE_S = 10.0
_LEAVE_S = 15.0
_ALONE_S = 90.0
_GONE_S = 75.0
_RESUME = "un the same command again"
_REFUSED = "another job writes there"


@dataclass
class Ends:
    """How jobs ended that were ended in one way.

    Attributes:
        finished_every: after so many of them the same command is run to its end.
        times: that it was tried.
        seconds: from what was done to them until they had ended, of each.
        problems: what was not as it should be.
    """

    finished_every: int = 1
    times: int = 0
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def at_random_moment(world: World, run: Run, job: Job, number: int) -> None:
    """Wait until some images are labelled, and a little longer."""
    committed = Committed(Path(run.folder))
    wait_for(job, lambda: committed.rows() > 0)
    job.wait(random.Random(world.seed * 1000 + number).uniform(0, 1.5))


def expect(
    ends: Ends, job: Job, run: Run | None, code: int, words: str, limit: float, began: float
) -> None:
    """Wait for a job to end, and note what is not as it should be."""
    found = job.wait(limit)
    ends.seconds.append(time.monotonic() - began)
    said = job.said()
    if found is None:
        ends.problems.append(f"hangs: not ended after {limit:g} s")
        job.kill()
    elif found != code:
        ends.problems.append(f"exit code {found}, not {code}: {last_line(job)[:200]}")
    if words and words not in last_line(job):
        ends.problems.append(f"its last line is {last_line(job)[:200]!r}")
    if "Traceback" in said or "*** SIG" in said:
        ends.problems.append("it ended with a traceback")
    # after a SIGKILL nobody is left to end them: agents of Ray look every so often for their raylet
    deadline = time.monotonic() + (_ALONE_S if code == -signal.SIGKILL else _LEAVE_S)
    while (left := session_processes(job.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    if left:
        ends.problems.append(f"{len(left)} processes left behind")
    if run is not None and code != -signal.SIGKILL and Path(run.folder, "claim.json").exists():
        ends.problems.append("a claim left behind")


def signalled(
    world: World, ends: Ends, name: str, number: int, code: int, send: Callable[[int], None]
) -> None:
    """Send a signal to a job at a random moment, and run it to its end after."""
    run = world.run(name, "zero_shot")
    with world.start(run) as job:
        at_random_moment(world, run, job, number)
        began = time.monotonic()
        send(job.pid)
        expect(ends, job, run, code, _RESUME if code > 0 else "", LIMIT_S / 10, began)
    finish(world, ends, run, number)


def finish(world: World, ends: Ends, run: Run, number: int) -> None:
    """The same command again has to finish the run; tried after every so many."""
    if number % ends.finished_every == 0:
        world.complete(run)
        ends.problems += ledger_problems(run.place)


def kill(world: World, ends: Ends, number: int) -> None:
    """SIGKILL to the driver."""
    signalled(
        world, ends, "kill", number, -signal.SIGKILL, lambda pid: os.kill(pid, signal.SIGKILL)
    )


def sigterm(world: World, ends: Ends, number: int) -> None:
    """SIGTERM to the driver or its group."""
    send = os.kill if number % 2 else os.killpg
    signalled(world, ends, "sigterm", number, 143, lambda pid: send(pid, signal.SIGTERM))


def ctrl_c(world: World, ends: Ends, number: int) -> None:
    """SIGINT to the group, once or three times."""

    def send(pid: int) -> None:
        for _ in range(3 if number % 2 else 1):
            os.killpg(pid, signal.SIGINT)
            time.sleep(0.3)

    signalled(world, ends, "ctrl_c", number, 130, send)


def two(world: World, ends: Ends, number: int) -> None:
    """The same command twice; the second is refused, the first finishes."""
    run = world.run("two", "zero_shot")
    with world.start(run) as first:
        held = bool(number % 2)  # in turns: at once, and while the first is at work
        if held:
            at_random_moment(world, run, first, number)
            os.kill(first.pid, signal.SIGSTOP)  # or it may be done before the second looks
        with world.start(run) as second:
            codes = [second.wait(LIMIT_S)]
            if held:
                os.kill(first.pid, signal.SIGCONT)
            codes.append(first.wait(LIMIT_S))
            ends.seconds.append(second.seconds)
            refused = second if codes[0] else first
            if sorted(code if code is not None else -1 for code in codes) != [0, 2]:
                ends.problems.append(f"exit codes {codes}: {last_line(refused)[:200]}")
            elif _REFUSED not in refused.said():
                ends.problems.append(f"its last line is {last_line(refused)[:200]!r}")
    ends.problems += ledger_problems(run.place)


def stale(world: World, ends: Ends, number: int) -> None:
    """A cluster that is gone is told at once."""
    run = world.run(f"stale{number}", "zero_shot")
    with world.start(run, {"RAY_ADDRESS": f"127.0.0.1:{free_port()}"}) as job:
        # the time of imports and of listing the archive is not Ray's
        record = Path(run.folder, "manifest")
        while job.running() and not record.exists():
            time.sleep(0.05)
        expect(ends, job, run, 2, "does not answer", _STALE_S, time.monotonic())


def leaves(world: World, ends: Ends, number: int) -> None:
    """A cluster that goes away ends the job with the sentence; it resumes elsewhere."""
    run = world.run("leaves", "zero_shot")
    with lone_head(world.ray, world.root / "logs") as (environment, node):
        job = world.start(run, environment)
        with job:
            at_random_moment(world, run, job, number)
            began = time.monotonic()
            node.die()
            expect(ends, job, run, 1, _RESUME, _GONE_S, began)
    finish(world, ends, run, number)


WAYS: dict[str, Callable[[World, Ends, int], None]] = {
    each.__name__: each for each in (kill, sigterm, ctrl_c, two, stale, leaves)
}


def main() -> None:
    """Try each way so many times, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS), metavar="NAME")
    parser.add_argument("--images", type=int, default=800)
    parser.add_argument("--finish-every", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    end_on_sigterm()
    failed = False
    with tempfile.TemporaryDirectory() as folder, ray_folder() as ray:
        world = World(Path(folder), ray, options.images, options.seed)
        print(f"stopping: {options.images} images; {machine.describe()}")
        print(f"{'way':10}{'times':>7}{'as said':>9}{'seconds':>9}{'longest':>9}", flush=True)
        for name in options.only:
            ends, good = Ends(options.finish_every), 0
            for number in range(options.times):
                say(f"{name} {number + 1} of {options.times}")
                before = len(ends.problems)
                try:
                    WAYS[name](world, ends, number)
                except Exception as error:
                    ends.problems.append(f"{type(error).__name__}: {error}")
                good += len(ends.problems) == before
            ends.times = options.times
            mean = sum(ends.seconds) / max(1, len(ends.seconds))
            print(
                f"{name:10}{ends.times:>7}{good:>9}{mean:>9.1f}{max(ends.seconds, default=0):>9.1f}"
            )
            for line in ends.problems:
                print(f"{'':10}{line}", flush=True)
            failed = failed or bool(ends.problems)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
