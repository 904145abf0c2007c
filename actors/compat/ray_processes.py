"""Processes of Ray: where workers find our packages, what they are called, how they are ended."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from actors.storage.odd_names import is_utf8

_OURS: Final = ("actors", "methods", "ray_jobs", "serve", "fieldguide")
_GONE_S: Final = 2.0


class _OursFirst(list[str]):
    """Folders that Ray's workers put before their path, the last one first; ours stays last."""

    def extend(self, folders: Iterable[str]) -> None:
        """Add folders below ours, but for names that are no UTF-8, which Ray cannot send."""
        self[:0] = [each for each in folders if each.isascii() or is_utf8(each)]


def ours_first() -> dict[str, Any]:
    """What ``ray.init`` needs so that workers find our packages and not others of these names.

    Workers look into the driver's working folder before anything else (``ray._private.worker``),
    where people have a ``methods.py`` or a folder ``serve`` of their own.

    Returns:
        Arguments of ``ray.init``; none where the working folder has nothing of that name.
    """
    here, ours = os.getcwd(), os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    if os.path.realpath(here) == os.path.realpath(ours):
        return {}
    names = [name for each in _OURS for name in (each, f"{each}.py")]
    hides = any(os.path.exists(os.path.join(here, name)) for name in names)
    if not hides and is_utf8(here):
        return {}
    from ray.job_config import JobConfig

    return {"job_config": JobConfig(_py_driver_sys_path=_OursFirst([ours]))}


def name_process() -> None:
    """Show this process by a title of UTF-8 where its command line is none.

    ``ray.init`` keeps the command line for its dashboard, and fails on a path in it that is no
    UTF-8; nothing says another one but the title of the process.
    """
    with suppress(OSError), open("/proc/self/cmdline", "rb") as file:
        words = file.read().rstrip(b"\0").replace(b"\0", b" ")
        try:
            words.decode()
        except UnicodeDecodeError:
            from ray._raylet import setproctitle  # type: ignore[attr-defined]

            setproctitle(words.decode("utf-8", "backslashreplace"))


def hold_processes_below() -> None:
    """Stop the processes that this one has started where they are; none ends before it is killed.

    Ray's core ends this process, with a code of its own, soon after it sees that one of them is
    gone, and a signal to a whole process group reaches them when it reaches this one.
    """
    import psutil

    for process in psutil.Process().children():
        with suppress(psutil.Error):
            process.suspend()


def end_processes_below() -> None:
    """Kill the Ray that this process has started, whatever state it is in.

    ``ray.shutdown`` disconnects first, which hangs or crashes once a process of Ray's is gone. What
    this process has started itself goes last, since Ray's core watches it: a minute after its GCS
    was killed it ends this process.
    """
    import psutil

    with suppress(Exception):
        from ray._private import worker

        node: Any = worker._global_node
        node.destroy_external_storage()
    hold_processes_below()  # what starts others starts none meanwhile
    own = psutil.Process()
    started = own.children()
    for process in [*(each for each in own.children(True) if each not in started), *started]:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(started, timeout=_GONE_S)  # no zombies where process 1 takes none
