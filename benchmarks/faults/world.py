"""What the faults share: one archive, the commands, their undisturbed runs, and the verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.jobs import Job
from benchmarks.faults.tables import Place, compare, compare_answers, ledger_problems

FLAGS = {
    "zero_shot": ("--rows-per-block", "32", "--clip-batch", "32"),
    "slac": ("--rows-per-block", "32", "--mllm-batch", "16"),
}
"""Units of work smaller than by default: a few hundred images are to be many units."""

LIMIT_S = 1800.0
_MOST_ATTEMPTS = 5


class JobFailed(Exception):
    """A command ended otherwise than it should have; says how."""


@dataclass(frozen=True)
class Run:
    """A run of a method: its folder, and that of its answers, on a file system.

    Attributes:
        method: zero_shot or slac.
        folder: as ``--out`` has it.
        answers: as ``--response-cache`` has it.
        images: as ``--images`` has it.
        place: the run folder, to be read.
        answers_place: the answers table, to be read.
    """

    method: str
    folder: str
    answers: str
    images: str
    place: Place
    answers_place: Place

    def words(self, classes: Path) -> list[str]:
        """The command."""
        words = ["label", self.method, "--images", self.images, "--classes", str(classes)]
        words += ["--out", self.folder, *FLAGS[self.method]]
        return [*words, "--response-cache", self.answers] if self.method == "slac" else words


@dataclass
class Outcome:
    """What came of one fault.

    Attributes:
        name: of the fault.
        attempts: commands it took.
        seconds: of all of them.
        detail: what was done to them.
        difference: largest difference of two scores.
        notes: attempts that ended with an error, and other things worth telling.
        shortcomings: what is not as it should be, although the rows are right.
        problems: what is not as in the undisturbed run, what does not add up.
        skipped: why it could not be tried here.
    """

    name: str
    attempts: int = 0
    seconds: float = 0.0
    detail: str = ""
    difference: float = 0.0
    notes: list[str] = field(default_factory=list)
    shortcomings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    skipped: str = ""


class World:
    """One archive, and the runs over it."""

    def __init__(self, root: Path, ray: Path, images: int, seed: int) -> None:
        """Draw the archive.

        Args:
            root: folder for everything.
            ray: folder for Ray's sessions.
            images: how many.
            seed: of whatever is drawn.
        """
        from fieldguide.archive import draw_archive

        self.root, self.ray, self.count, self.seed = root, ray, images, seed
        draw_archive(root / "archive", images, seed=81)
        self.classes = root / "archive" / "classes.txt"
        self._undisturbed: dict[str, tuple[Run, float]] = {}
        self._runs = 0

    def run(self, name: str, method: str) -> Run:
        """A new local run folder, with answers of its own."""
        self._runs += 1
        folder = self.root / f"{self._runs:03d}-{name}"
        run, answers = str(folder / "run"), str(folder / "answers")
        images = str(self.root / "archive" / "images")
        return Run(method, run, answers, images, Place(run), Place(answers))

    def start(self, run: Run, environment: Mapping[str, str] | None = None) -> Job:
        """Start a run's command."""
        self._runs += 1
        log = self.root / "logs" / f"{self._runs:03d}.txt"
        return Job(run.words(self.classes), log, self.ray, environment)

    def complete(self, run: Run, environment: Mapping[str, str] | None = None) -> float:
        """Run a command to its end; returns its seconds.

        Raises:
            JobFailed: it does not end well.
        """
        with self.start(run, environment) as job:
            wait_until_done(job)
            return job.seconds

    def finish(
        self,
        outcome: Outcome,
        run: Run,
        environment: Mapping[str, str] | None = None,
        disturb: Callable[[Job], None] | None = None,
    ) -> None:
        """Run a command until it ends well, and disturb it the first time.

        Raises:
            JobFailed: it never does.
        """
        for number in range(_MOST_ATTEMPTS):
            outcome.attempts += 1
            with self.start(run, environment) as job:
                if disturb and number == 0:
                    disturb(job)
                code = job.wait(LIMIT_S)
                outcome.seconds += job.seconds
                if code == 0:
                    return
                outcome.notes.append(f"exit code {code}: {last_line(job)[:300]}")
                say(f"{outcome.name}: {outcome.notes[-1]}")
        raise JobFailed(f"not finished after {_MOST_ATTEMPTS} attempts; {'; '.join(outcome.notes)}")

    def undisturbed(self, method: str) -> tuple[Run, float]:
        """The undisturbed local run of a method, made once, and its seconds."""
        if method not in self._undisturbed:
            run = self.run("undisturbed", method)
            say(f"label {method}, undisturbed")
            self._undisturbed[method] = run, self.complete(run)
            outcome = Outcome("undisturbed")
            self.check(outcome, run, run)
            if outcome.problems:
                raise JobFailed(f"the undisturbed run: {'; '.join(outcome.problems)}")
        return self._undisturbed[method]

    def check(
        self, outcome: Outcome, expected: Run, found: Run, lost_in_flight: bool = False
    ) -> None:
        """Add to an outcome what is wrong with a finished run.

        Args:
            outcome: of the fault.
            expected: the undisturbed run.
            found: the disturbed one.
            lost_in_flight: whether tasks died under a job that went on: those asked again what
                they had been told, since a pass looks once, at its start, for what is known.
        """
        outcome.problems += ledger_problems(found.place)
        comparison = compare(expected.place, found.place)
        outcome.problems += comparison.problems
        outcome.difference = max(outcome.difference, comparison.difference)
        if found.method == "slac":
            differ, twice = compare_answers(expected.answers_place, found.answers_place)
            outcome.problems += differ
            if twice:
                told = outcome.notes if lost_in_flight else outcome.shortcomings
                told.append(f"{twice} answers asked for again although kept")
            first, second = (each.place.record() for each in (expected, found))
            asked = [each["mllm_calls"] + each["answers_reused"] for each in (first, second)]
            if asked[0] != asked[1]:
                outcome.problems.append(f"run.json counts {asked[1]} answers, not {asked[0]}")


def wait_until_done(job: Job) -> None:
    """Wait for a job to end well.

    Raises:
        JobFailed: it takes too long, or ends with an error.
    """
    code = job.wait(LIMIT_S)
    if code is None:
        raise JobFailed(f"not done after {LIMIT_S:g} s; {last_line(job)}")
    if code:
        raise JobFailed(f"exit code {code}; {last_line(job)}")


def last_line(job: Job) -> str:
    """The last thing that a job said."""
    lines = job.said().strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def say(text: str) -> None:
    """A line of progress on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
