"""How far a pass is, worked out from looks at what its stages have counted.

Nothing here reads a clock, a file or Ray: a look is given, figures come out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from methods.errors import ROW_CODES

Counts = Mapping[str, Mapping[str, int]]

_WINDOW_S: Final = 60.0
_LEAST_BUSY: Final = 0.05
_ASKED: Final = "mllm"
"""Stage of the multimodal LLM: its failed requests become errors of images in a later pass."""
_TOKENS: Final = ("prompt_tokens", "output_tokens")


@dataclass(frozen=True)
class Look:
    """What the stages of a job had done at one moment, since a fixed one.

    Attributes:
        at: seconds, of a clock that never goes back.
        seconds: that each stage worked, over all its processes.
        processes: of each stage.
        counts: by stage: rows by outcome, ``passed`` rows, tokens.
    """

    at: float
    seconds: Mapping[str, float] = field(default_factory=dict)
    processes: Mapping[str, int] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)

    @classmethod
    def of(cls, at: float, work: Mapping[str, Mapping[str, Any]], counts: Counts) -> Look:
        """A look from what the clock of a run tells (`ray_jobs.runs.stage_timer`)."""
        seconds = {stage: float(done["seconds"]) for stage, done in work.items()}
        return cls(at, seconds, {s: int(done["processes"]) for s, done in work.items()}, counts)


class PassProgress:
    """Follows one pass from its first look to its last."""

    def __init__(
        self,
        name: str,
        first: Look,
        *,
        total: int | None = None,
        earlier: int = 0,
        stages: Sequence[str] = (),
    ) -> None:
        """Begin.

        Args:
            name: of the pass.
            first: look; what was counted until then is another pass's.
            total: images that the pass is over; None where its rows are texts, or not known.
            earlier: images of them that an earlier attempt has done.
            stages: of the pass, in order; what the last one lets through is done.
        """
        self.name, self.total, self.earlier = name, total, earlier
        self._last = stages[-1] if stages else ""
        self._often = max(1, list(stages).count(self._last))
        self._first = self._now = first
        self._window = deque([first])

    def add(self, look: Look) -> None:
        """Take a look; those of the last minute are kept for the rates."""
        self._now = look
        self._window.append(look)
        while len(self._window) > 2 and look.at - self._window[1].at >= _WINDOW_S:
            self._window.popleft()

    def figures(self) -> dict[str, Any]:
        """How far it is: plain values, None for what cannot be said yet.

        Returns:
            ``pass``, ``images`` (its total), ``done``, ``images_per_second``, ``seconds_left`` (of
            this pass), ``errors`` by code, ``prompt_tokens``, ``output_tokens``, both also
            ``_per_second``, ``bottleneck`` and ``stages``: processes and the share that is busy.
        """
        done = self._done(self._now)
        span = self._span()
        rate = (done - self._done(span)) / (self._now.at - span.at) if span else None
        left = None
        if self.total is not None:
            done = min(done, self.total)
            left = round((self.total - done) / rate, 1) if rate else None
        busy = self._busy()
        worst = max(busy, key=lambda stage: busy[stage], default=None)
        tokens = {name: self._tokens(self._now, name) for name in _TOKENS}
        return {
            "pass": self.name,
            "images": self.total,
            "done": done,
            "images_per_second": None if rate is None else round(rate, 3),
            "seconds_left": left,
            "errors": dict(sorted(self.errors().items())),
            **tokens,
            **{f"{name}_per_second": self._rate(name) for name in _TOKENS},
            "bottleneck": worst if worst and busy[worst] >= _LEAST_BUSY else None,
            "stages": {
                stage: {"processes": self._now.processes.get(stage, 0), "busy": round(share, 3)}
                for stage, share in busy.items()
            },
        }

    def errors(self, *, lasting: bool = False) -> Counter[str]:
        """Rows of this pass that got an error, by code.

        Args:
            lasting: without failed requests, which the pass that reads the answers counts again.
        """
        found: Counter[str] = Counter()
        for stage, counts in self._now.counts.items():
            if lasting and stage == _ASKED:
                continue
            before = self._first.counts.get(stage, {})
            found.update({c: n - before.get(c, 0) for c, n in counts.items() if c in ROW_CODES})
        return +found

    def _done(self, look: Look) -> int:
        passed = _count(look, self._last, "passed") - _count(self._first, self._last, "passed")
        return self.earlier + passed // self._often

    def _span(self) -> Look | None:
        """The look that rates are counted from: at most a minute ago, none before the first row."""
        if self._done(self._now) == self.earlier:
            return None
        within = [look for look in self._window if look is not self._now]
        idle = [look for look in within if self._done(look) == self.earlier]
        # models start in the first looks; in a minute without a row, the whole time counts
        start = idle[-1] if idle else within[0]
        if self._done(start) == self._done(self._now):
            start = self._first
        return start if start.at < self._now.at else None

    def _busy(self) -> dict[str, float]:
        """Share of the window that the processes of each stage worked, 0 to 1."""
        start, now = self._window[0], self._now
        passed = now.at - start.at
        if passed <= 0:
            return {}
        worked = {
            stage: seconds - start.seconds.get(stage, 0.0) for stage, seconds in now.seconds.items()
        }
        return {
            stage: min(1.0, seconds / (passed * max(1, now.processes.get(stage, 1))))
            for stage, seconds in worked.items()
            if seconds > 0
        }

    def _tokens(self, look: Look, name: str) -> int:
        return _count(look, _ASKED, name) - _count(self._first, _ASKED, name)

    def _rate(self, name: str) -> float | None:
        start = self._window[0]
        passed = self._now.at - start.at
        told = self._tokens(self._now, name) - self._tokens(start, name)
        return round(told / passed, 1) if passed > 0 and self._tokens(self._now, name) else None


def _count(look: Look, stage: str, what: str) -> int:
    return look.counts.get(stage, {}).get(what, 0)
