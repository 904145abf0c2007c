"""Standard error while a command runs: lines of the log, and on a terminal one line that changes.

Ours is progress and notices, ``onoma: text``; of the libraries come warnings. With ``--verbose``
tracebacks come as well, and whatever the libraries say.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_CLEAR = "\r\x1b[2K"


class Line(logging.Formatter):
    """``onoma: text``, and for others the name of their logger in place of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and its traceback."""
        return f"{record.name.partition('.')[0]}: {super().format(record)}"


class Console(logging.StreamHandler[TextIO]):
    """Writes what is logged; on a terminal it can keep a live line below it."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream."""
        super().__init__(stream)
        self.setFormatter(Line())
        self._live = ""

    @property
    def is_terminal(self) -> bool:
        """Whether a line can be written over."""
        return self.stream.isatty() and os.environ.get("TERM", "") != "dumb"

    def show(self, text: str) -> None:
        """Put a line in place of the last one that was shown; an empty one takes it away."""
        with self._guard():
            width = shutil.get_terminal_size().columns - 1
            wanted = text if len(text) <= width else f"{text[: width - 1]}…"
            if wanted or self._live:
                self._write(_CLEAR + wanted)
            self._live = wanted

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record above the live line."""
        if self._live:
            self._write(_CLEAR)
        super().emit(record)
        if self._live:
            self._write(self._live)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, UnicodeError):  # a terminal that has gone, or knows no such letter
            self._live = ""


def live_console() -> Console | None:
    """The console of the command that runs, where it is a terminal."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Console) and handler.is_terminal:
            return handler
    return None


@contextmanager
def console_log(verbose: bool) -> Iterator[None]:
    """Write what is logged to standard error while a command runs.

    Args:
        verbose: whether tracebacks come as well, and whatever the libraries say.
    """
    if verbose:
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "INFO")  # of the engines that Ray starts here
    levels: dict[Any, int] = {
        logging.getLogger(): logging.INFO if verbose else logging.WARNING,
        logging.getLogger("onoma"): logging.DEBUG if verbose else logging.INFO,
    }
    before = {each: each.level for each in levels}
    handler = Console(sys.stderr)
    logging.getLogger().addHandler(handler)
    for each, level in levels.items():
        each.setLevel(level)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        for each, level in before.items():
            each.setLevel(level)
