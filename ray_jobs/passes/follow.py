"""Follows a job while it runs: one live line, a line in the log, and ``progress.json``.

A thread of the driver looks every few seconds at what the stages have told the clock of the run,
which they tell it anyway: the pipeline does nothing more for it. What goes wrong with a look or
with writing is no reason for a job to end, and is left out.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from methods.errors import InputError, LedgerError, one_line
from ray_jobs.console import live_console
from ray_jobs.failures import failure
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.pass_progress import Look, PassProgress
from ray_jobs.runs.progress import JobState, interval, line, write_progress
from ray_jobs.runs.stage_timer import StageTimer
from ray_jobs.stopping import ENDING

logger = logging.getLogger(f"onoma.{__name__}")

LINE_S: Final = 30.0
"""Seconds between two lines where there is no terminal."""

_LIVE_S: Final = 1.0
_CALM_S: Final = 5.0


class Follower:
    """What is known of a job under way; `following` makes one, and ends it."""

    def __init__(self, run: RunFolder) -> None:
        """Follow a run, from before Ray is there."""
        self._run = run
        self._clock: StageTimer | None = None
        self._names: list[str] = []
        self._pass: PassProgress | None = None
        self._errors: Counter[str] = Counter()
        self._last: dict[str, Any] = {}
        self._began = time.monotonic()
        self._told = self._written = self._began
        self._console = live_console()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def watch(self, clock: StageTimer, passes: Sequence[str] = ()) -> None:
        """Look at a clock from now on.

        Args:
            clock: that the stages of the job report to.
            passes: their names in order, as far as they are known.
        """
        self._clock, self._names = clock, list(passes)

    @contextmanager
    def over(
        self, name: str, *, total: int | None, earlier: int, stages: Sequence[str]
    ) -> Iterator[None]:
        """Count a pass; see `PassProgress`."""
        doing = PassProgress(name, self._look(), total=total, earlier=earlier, stages=stages)
        with self._lock:
            self._pass = doing
        try:
            yield
        finally:
            self._add()
            self._last = self.figures()
            with self._lock:
                self._errors += doing.errors(lasting=True)
                self._pass = None

    def figures(self) -> dict[str, Any]:
        """How far the job is."""
        seconds = {"seconds": round(time.monotonic() - self._began, 1)}
        with self._lock:
            doing, errors = self._pass, self._errors
            if doing is None:
                return {"pass": self._run.now or "start", "errors": dict(errors), **seconds}
            found = doing.figures()
        found["errors"] = dict(sorted((errors + Counter(found["errors"])).items()))
        if doing.name in self._names:
            found |= {"pass_number": self._names.index(doing.name) + 1}
        return {**found, "passes": len(self._names) or None, **seconds}

    def start(self) -> None:
        """Begin to watch."""
        self._write("running", self.figures())
        self._thread.start()

    def end(self, state: JobState, why: str = "") -> None:
        """Stop watching, and write what came of the job."""
        self._ended.set()
        self._thread.join()
        if self._console is not None:
            self._console.show("")
        seconds = round(time.monotonic() - self._began, 1)
        why_not = {"why": why} if why else {}
        self._write(state, {**(self._last or self.figures()), "seconds": seconds, **why_not})

    def stopped(self) -> None:
        """Write that the job is stopped, without a look at what may be gone; it ends now."""
        self._ended.set()
        self._write("stopped", self._last or {"pass": self._run.now or "start"})

    def _watch(self) -> None:
        while not self._ended.wait(_CALM_S if self._console is None else _LIVE_S):
            self._add()
            now = time.monotonic()
            if self._console is not None:
                self._console.show(line(self.figures()))
            elif now - self._told >= LINE_S:
                self._told = now
                logger.info("%s", line(self.figures()))
            if now - self._written >= interval(self._run.uri):
                self._write("running", self.figures())

    def _add(self) -> None:
        if self._pass is not None and (look := self._try()) is not None:
            with self._lock:
                if self._pass is not None:
                    self._pass.add(look)

    def _look(self) -> Look:
        return self._try() or Look(time.monotonic())

    def _try(self) -> Look | None:
        """A look, or None where nothing answers."""
        if self._clock is None:
            return None
        try:
            return Look.of(time.monotonic(), *self._clock.look())
        except Exception:  # whatever Ray raises when it goes; the job itself will say so
            logger.debug("no look at the stages", exc_info=True)
            return None

    def _write(self, state: JobState, figures: dict[str, Any]) -> None:
        self._written = time.monotonic()
        with contextlib.suppress(OSError):
            write_progress(self._run.uri, state, figures)


@contextmanager
def following(run: RunFolder) -> Iterator[Follower]:
    """Follow a job to its end, whatever that is."""
    follower = Follower(run)
    follower.start()
    take_back = ENDING.at_once(follower.stopped)
    try:
        yield follower
    except KeyboardInterrupt:
        follower.end("stopped")
        raise
    except Exception as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            follower.end("stopped", one_line(error))
        else:
            follower.end("failed", one_line(error) if _is_told(error) else failure(error))
        raise
    finally:
        take_back()
    follower.end("finished" if run.finished else "stopped")


def _is_told(error: Exception) -> bool:
    """Whether it is a sentence of ours, about what the user gave or the ledger."""
    return isinstance(error, (InputError, LedgerError))
