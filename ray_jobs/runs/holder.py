"""Who writes to a run folder: host, process, since when, and whether it still does."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

EXPIRES_S: Final = 300.0
"""A claim that was not renewed for this long has expired."""


@dataclass(frozen=True)
class Holder:
    """A process that has claimed a run folder.

    Attributes:
        host: its name.
        pid: of the process.
        since: when it claimed the folder, in seconds since 1970.
        heard: when it last said that it is there.
        token: of this claim alone.
        machine: which machine, this time that it runs, and which of its spaces of process ids, as
            containers have one each: elsewhere a pid says nothing.
        born: when the process began, in ticks of the machine's clock.
    """

    host: str
    pid: int
    since: float
    heard: float
    token: str
    machine: str
    born: int

    @classmethod
    def here(cls) -> Holder:
        """A new claim of this process."""
        now = time.time()
        pid = os.getpid()
        token = secrets.token_hex(8)
        return cls(socket.gethostname(), pid, now, now, token, _machine(), _born(pid) or 0)

    @classmethod
    def parse(cls, text: bytes | None) -> Holder | None:
        """Read a claim; None where there is none, or one that was cut."""
        try:
            found = json.loads(text or b"")
            return cls(
                host=str(found["host"]),
                pid=int(found["pid"]),
                since=float(found["since"]),
                heard=float(found["heard"]),
                token=str(found["token"]),
                machine=str(found["machine"]),
                born=int(found["born"]),
            )
        except (ValueError, TypeError, KeyError):
            return None

    def written(self) -> bytes:
        """As it stands in the file."""
        return json.dumps(asdict(self), indent=1).encode()

    def renewed(self) -> Holder:
        """The same, heard of now."""
        return replace(self, heard=time.time())

    def gone(self, now: float | None = None) -> str | None:
        """Why it writes no more, as the end of a sentence; None while it does.

        Args:
            now: seconds since 1970, the present by default.
        """
        if self.machine == _machine():
            return None if _born(self.pid) == self.born else "that process has ended"
        silent = (time.time() if now is None else now) - self.heard
        return (
            f"nothing was heard of it for {silent / 60:.0f} minutes" if silent > EXPIRES_S else None
        )

    def __str__(self) -> str:
        """Where it is."""
        return f"process {self.pid} on {self.host}"

    @property
    def since_text(self) -> str:
        """When it claimed the folder, for people."""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.since))


def _machine() -> str:
    """This machine since it was started, and the space of process ids that this process sees."""
    return f"{_text('/proc/sys/kernel/random/boot_id')} {_link('/proc/self/ns/pid')}".strip()


def _born(pid: int) -> int | None:
    """When a process began, in ticks; None where there is none of that id, or it has ended."""
    # PID (NAME) STATE ... with the beginning as the 22nd; a name may hold blanks and brackets
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
