"""The console: lines of the log, and on a terminal one line that changes below them."""

from __future__ import annotations

import io
import logging

import pytest

from ray_jobs.console import Console, console_log, live_console

CLEAR = "\r\x1b[2K"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("onoma.x", logging.INFO, "", 0, text, None, None)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    return _Terminal()


def test_the_live_line_stays_below_what_is_logged(terminal: _Terminal) -> None:
    console = Console(terminal)
    assert console.is_terminal
    console.show("1 of 9 images")
    console.handle(record("a notice"))
    console.show("2 of 9 images")
    console.show("")
    console.handle(record("the end"))
    assert terminal.getvalue() == (
        f"{CLEAR}1 of 9 images{CLEAR}onoma: a notice\n1 of 9 images{CLEAR}2 of 9 images{CLEAR}"
        "onoma: the end\n"
    )


def test_the_live_line_is_never_wider_than_the_terminal(terminal: _Terminal) -> None:
    console = Console(terminal)
    console.show("x" * 100)
    shown = terminal.getvalue().removeprefix(CLEAR)
    assert len(shown) == 29
    assert shown.endswith("x…")


def test_only_a_terminal_has_a_live_line(
    terminal: _Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live_console() is None
    monkeypatch.setattr("sys.stderr", terminal)
    with console_log(verbose=False):
        found = live_console()
        assert found is not None
        monkeypatch.setenv("TERM", "dumb")
        assert live_console() is None
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with console_log(verbose=False):
        assert live_console() is None
    assert live_console() is None
