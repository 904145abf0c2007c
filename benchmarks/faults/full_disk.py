"""The fault ``full_disk``: the output's file system is full in the middle of a run."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.tables import Committed, Place
from benchmarks.faults.world import LIMIT_S, Outcome, World

_PAGE = 4096
_ENOUGH = "256m"


def full_disk(world: World) -> Outcome:
    """Let ``label zero_shot`` write to a file system with room for about half of its units.

    It must end with exit code 1 and a line that says what is wrong, and finish after the file
    system has been made larger.
    """
    expected, duration = world.undisturbed("zero_shot")
    outcome = Outcome("full_disk")
    size = _room_for_half(Path(expected.folder))
    folder = world.root / "small-disk"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_mounted(folder, size))
        except (subprocess.CalledProcessError, OSError) as error:
            outcome.skipped = f"no file system of limited size can be mounted here ({_why(error)})"
            return outcome
        inside = str(folder / "run")
        run = dataclasses.replace(
            world.run("full_disk", "zero_shot"), folder=inside, place=Place(inside)
        )
        outcome.attempts = 1
        with world.start(run) as job:
            code = job.wait(LIMIT_S)
            outcome.seconds += job.seconds
            outcome.shortcomings += shortcomings(code, job.said())
        done = Committed(Path(run.folder)).rows()
        if not 0 < done < world.count:
            outcome.problems.append(f"not full in mid-run: {done} of {world.count} labelled")
        _command("mount", "-o", f"remount,size={_ENOUGH}", str(folder))
        world.finish(outcome, run)
        world.check(outcome, expected, run)
    outcome.detail = (
        f"{size // 1024} KiB were full with {done} of {world.count} labelled; "
        f"{duration:.0f} s undisturbed"
    )
    return outcome


def shortcomings(code: int | None, said: str) -> list[str]:
    """What is wrong with the way in which a job ended on a full disk: one clear line is wanted."""
    lines = said.strip().splitlines() or [""]
    found = [] if code == 1 else [f"exit code {code} on a full disk, not 1"]
    if not lines[-1].startswith("onoma: ") or "No space left" not in lines[-1]:
        found.append(f"the last line does not say that the disk is full: {lines[-1][:300]}")
    if len(lines) > 1:
        tracebacks = said.count("Traceback (most recent call last)")
        found.append(f"{len(lines) - 1} lines before it, with {tracebacks} tracebacks")
    return found


def _room_for_half(run: Path) -> int:
    """Bytes for all that is no unit of work of a finished run, and for half of its units."""
    units, other = 0, 0
    for file in run.rglob("*"):
        if file.is_file():
            pages = -(-file.stat().st_size // _PAGE) * _PAGE
            if file.relative_to(run).parts[0] in ("labels", "checkpoint"):
                units += pages
            else:
                other += pages
    return other + units // 2


@contextlib.contextmanager
def _mounted(folder: Path, size: int) -> Iterator[None]:
    folder.mkdir()
    _command("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield
    finally:
        try:
            _command("umount", str(folder))
        except subprocess.CalledProcessError:
            _command("umount", "-l", str(folder))  # something is open yet: gone when it closes


def _command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def _why(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return " ".join(said.split())
