"""Signals: the first one stops, later ones only see to it that stopping ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ray_jobs.stopping import ENDING, SIGNALS, Stopped, kept_handlers, taking_signals
from tests.helpers.sessions import left_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Signals reach this process and those below it, also where the tests run in the background.

    Shells have background jobs ignore SIGINT, ``nohup`` has them ignore SIGHUP.
    """
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_stops_once_and_gives_the_code(number: int, code: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with taking_signals():
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(number)
        for each in SIGNALS:
            signal.raise_signal(each)  # nothing more happens
        assert ENDING.code == code
    assert stopped.value.signal == number
    assert isinstance(stopped.value, KeyboardInterrupt)
    assert [signal.getsignal(each) for each in SIGNALS] == before
    ENDING.signal = None


def test_a_ray_of_before_does_not_end_a_command() -> None:
    """As in a notebook, or here: a process that has run Ray calls the command line later."""
    acts: list[str] = []
    take_back = ENDING.with_children(lambda: None, lambda: acts.append("processes of before"))
    try:
        with taking_signals(), pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
    finally:
        take_back()
    assert acts == []
    ENDING.signal = None


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with taking_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ENDING.signal is None


def test_handlers_that_a_library_replaces_come_back() -> None:
    with taking_signals():
        mine = signal.getsignal(signal.SIGTERM)
        with kept_handlers():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGTERM) == mine
        assert mine == ENDING.take


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_ends_with_a_sentence_and_its_code(number: int) -> None:
    """Also one that hangs where no exception comes through: another signal later ends it."""
    code = f"""
import os, signal, sys, threading, time
from ray_jobs import cli, stopping

def hang(arguments, results):
    threading.Timer(0.2, os.kill, (os.getpid(), {number})).start()
    try:
        time.sleep(60)
    finally:
        stopping.ENDING.at_once(lambda: os.write(2, b"last act; "))
        stopping._IMPATIENT_S = 0.1
        threading.Timer(0.4, os.kill, (os.getpid(), {number})).start()
        time.sleep(60)

cli.execute = hang
sys.exit(cli.main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 128 + number, done.stderr
    assert "last act; onoma: stopped; what is finished is kept" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_whole_group_is_told_ends_a_command_with_children_at_once() -> None:
    """Also while a library has its own handler and standard error is silenced."""
    code = """
import os, signal, sys, threading, time
from ray_jobs import cli, stopping

def work(arguments, results):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(15))  # as ray.init does
    stopping.ENDING.at_once(lambda: os.write(2, b"claim given back; "))
    said = lambda text: lambda: os.write(1, text)
    stopping.ENDING.with_children(said(b"children held; "), said(b"children ended"))
    spare = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as while Ray starts
    stopping.ENDING.at_once(lambda: os.dup2(spare, 2))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    time.sleep(60)
    return 0

cli.execute = work
sys.exit(cli.main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 143
    assert "children held; claim given back; onoma: stopped; " in done.stderr
    assert "onoma: stopped; what is finished is kept. Run the same command again" in done.stderr
    assert done.stderr.endswith("children ended")


@pytest.mark.cluster
@pytest.mark.parametrize("seconds", [0.05, 0.4])
def test_a_signal_that_comes_when_all_is_done_never_ends_a_command_without_a_word(
    seconds: float,
) -> None:
    """Ray's own shutdown, half a second or more, takes the handler of SIGTERM away."""
    code = """
import os, sys
from ray_jobs import cli

def work(arguments, results):
    from ray_jobs.passes import session
    session.set_verbose(False)
    session.start_ray()
    results.write("done")
    results.flush()
    return 0

cli.execute = work
sys.exit(cli.main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "RAY_ADDRESS": "local"},
    ) as command:
        assert command.stdout is not None
        assert command.stdout.read(4) == "done"
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGTERM)
        said = command.communicate(timeout=60)[1]
    assert command.returncode in (0, 143)
    assert ("onoma: stopped; what is finished is kept" in said) == (command.returncode == 143)
    assert left_of(command.pid) == []


@pytest.mark.slow
def test_a_command_with_handlers_of_its_own_is_left_alone() -> None:
    """The endpoint reads its files again by SIGHUP, and stops in its own way by SIGTERM.

    Also where the thread that hears of signals comes to one when the endpoint has stopped.
    """
    code = """
import os, signal, sys, time
from ray_jobs import cli, stopping

read = os.read

def read_late(pipe, size):
    numbers = read(pipe, size)
    time.sleep(0.3)
    return numbers

stopping.os.read = read_late

def serve(arguments, results):
    stopping.ENDING.with_children(lambda: None, lambda: None)
    heard = []
    with stopping.ENDING.left_to_others():
        for each in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(each, lambda number, _: heard.append(number))
            signal.raise_signal(each)
    time.sleep(1)
    return 0 if heard == [1, 15] else 3

cli.execute = serve
sys.exit(cli.main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_is_stopped_early_says_so() -> None:
    code = """
import os, signal, sys
from ray_jobs import cli
cli.ensure_home = lambda: signal.raise_signal(signal.SIGTERM)
sys.exit(cli.main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "onoma: stopped\n")
