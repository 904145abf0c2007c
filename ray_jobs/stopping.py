"""How a command ends when it is told to: Ctrl-C, SIGTERM, a terminal that is closed.

The first signal raises `Stopped` where the command is; from then on signals only make sure that
stopping comes to an end, however often they come. A command that is stopped ends with the code of
its signal, 130 or 143, as shells and schedulers expect.

A command that has started Ray ends at once by a SIGTERM or SIGHUP: these come to its whole process
group, Ray's processes end by them as well, and Ray's core then ends the driver without a word. A
thread hears of signals as they come, whatever the main thread waits for.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn, TypeVar

_Act = TypeVar("_Act")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MARK: Final = 0
"""No signal has this number."""
_IMPATIENT_S: Final = 5.0
"""A signal this long after the first one ends the command at once."""
_LONGEST_S: Final = 60.0
"""That stopping may take by itself."""
_OF_GROUPS: Final = (signal.SIGTERM, signal.SIGHUP)
"""What schedulers and terminals send to a whole process group; SIGINT Ray's processes ignore."""


class Stopped(KeyboardInterrupt):
    """A signal asks this command to end; what is finished is kept.

    Attributes:
        signal: which.
    """

    def __init__(self, number: int) -> None:
        """Keep the signal."""
        super().__init__(f"signal {number}")
        self.signal = number


class Ending:
    """Which signal has come, if any, and what has to be done before this process ends at once."""

    def __init__(self) -> None:
        """No signal yet."""
        self.signal: int | None = None
        self._since = 0.0
        self._timer: threading.Timer | None = None
        self._last_acts: list[Callable[[], object]] = []
        self._children: list[tuple[Callable[[], object], Callable[[], object]]] = []
        self._errors = 2
        self._left_to_others = False
        self._told: int | None = None
        self._all_heard = threading.Event()
        self._last = threading.RLock()  # never released: one thread's end is the process's

    @property
    def code(self) -> int:
        """The exit code of a command that was stopped."""
        return 128 + (self.signal or signal.SIGINT)

    def at_once(self, act: Callable[[], object]) -> Callable[[], None]:
        """Have ``act`` done if this process has to end at once; returns what takes it back."""
        return _added(self._last_acts, act)

    def with_children(
        self, hold_them: Callable[[], object], end_them: Callable[[], object]
    ) -> Callable[[], None]:
        """From now on end at once by a signal that processes below this one have had as well.

        Args:
            hold_them: keeps those processes from ending by themselves; done before anything else.
            end_them: ends them; done when the last sentence is written.

        Returns:
            What takes it back.
        """
        return _added(self._children, (hold_them, end_them))

    def take(self, number: int, _frame: FrameType | None = None) -> None:
        """Handle a signal.

        Raises:
            Stopped: it is the first one.
        """
        if self._ends_at_once(number):
            return  # the thread that hears of it ends this process
        if self.signal is None:
            self.signal, self._since = number, time.monotonic()
            self._timer = threading.Timer(_LONGEST_S, self._give_up)
            self._timer.daemon = True
            self._timer.start()
            raise Stopped(number)
        if time.monotonic() - self._since > _IMPATIENT_S:
            self._give_up()

    def hear(self, pipe: int) -> None:
        """Read the numbers of signals from a pipe, until it is closed."""
        while numbers := os.read(pipe, 16):
            for number in numbers:
                if number == _MARK:
                    self._all_heard.set()
                elif self._ends_at_once(number):
                    self.signal = number
                    self._give_up()
        os.close(pipe)

    def _ends_at_once(self, number: int) -> bool:
        return bool(self._children) and number in _OF_GROUPS and not self._left_to_others

    @contextmanager
    def of_one_command(self) -> Iterator[None]:
        """Inside, only what is added inside is done at an end: before and after others may call."""
        kept = self._last_acts, self._children
        self._last_acts, self._children = [], []
        self.signal = None
        try:
            yield
        finally:
            self._last_acts, self._children = kept

    @contextmanager
    def left_to_others(self) -> Iterator[None]:
        """Inside, signals are the caller's affair, who has handlers of its own.

        The thread that hears of signals may come to one later than the caller's handler has, so at
        the end it is waited for.
        """
        self._left_to_others = True
        try:
            yield
        finally:
            if self._told is not None:
                self._all_heard.clear()
                os.write(self._told, bytes([_MARK]))
                self._all_heard.wait(_IMPATIENT_S)
            self._left_to_others = False

    def told_by(self, pipe: int | None) -> None:
        """Which pipe the numbers of signals are written to, if any."""
        self._told = pipe

    def speak_to(self, errors: int) -> None:
        """Write last sentences to a file descriptor; standard error may be silenced meanwhile."""
        self._errors = errors

    def settle(self) -> None:
        """Stopping has come to its end."""
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> NoReturn:
        self.end(f"stopped; {AGAIN}", self.code)

    def end(self, sentence: str, code: int) -> NoReturn:
        """Say a last sentence and end this process, whatever its threads are doing."""
        self._last.acquire()
        acts, self._last_acts = self._last_acts[::-1], []
        _done([*(hold_them for hold_them, _ in self._children), *acts])
        with suppress(OSError):
            os.write(self._errors, f"onoma: {sentence}\n".encode(errors="replace"))
        _flush()
        _done([end_them for _, end_them in self._children[::-1]])
        os._exit(code)  # at once, or what watches those processes ends this one

    def leave(self, code: int) -> NoReturn:
        """End this process without the end of its interpreter, in which cores of libraries crash.

        A signal before this is what the process ends by, one after it changes nothing any more.
        """
        self._last.acquire()
        logging.shutdown()
        _flush()
        os._exit(code)


def _done(acts: list[Callable[[], object]]) -> None:
    for act in acts:
        with suppress(Exception):
            act()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def _added(acts: list[_Act], act: _Act) -> Callable[[], None]:
    acts.append(act)

    def take_back() -> None:
        with suppress(ValueError):
            acts.remove(act)

    return take_back


AGAIN: Final = "what is finished is kept. Run the same command again to finish the rest"
ENDING: Final = Ending()
"""Of this process."""


@contextmanager
def taking_signals() -> Iterator[None]:
    """Turn signals into `Stopped` inside; one that is ignored, as under ``nohup``, stays so.

    A Ray that this process has had before is none of the command's: a signal ends nothing for it.
    """
    with ENDING.of_one_command(), _heard():
        yield


@contextmanager
def _heard() -> Iterator[None]:
    before = {
        each: signal.getsignal(each)
        for each in SIGNALS
        if signal.getsignal(each) is not signal.SIG_IGN
    }
    for each in before:
        signal.signal(each, ENDING.take)
    heard, told = os.pipe()
    os.set_blocking(told, False)
    hearing = threading.Thread(target=ENDING.hear, args=(heard,), name="signals", daemon=True)
    hearing.start()
    wakeup = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    ENDING.told_by(told)
    errors = os.dup(2)
    ENDING.speak_to(errors)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        ENDING.told_by(None)
        os.close(told)
        hearing.join()
        ENDING.speak_to(2)
        os.close(errors)
        for each, handler in before.items():
            signal.signal(each, handler)
        ENDING.settle()


@contextmanager
def kept_handlers() -> Iterator[None]:
    """Put the handlers of signals back that something inside replaces, as ``ray.init`` does.

    Ray's core sets one for SIGTERM that aborts the process, with no word of what to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            if handler is not None:
                signal.signal(each, handler)
