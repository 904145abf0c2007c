"""A home that can be written, for the libraries that keep things there.

Containers run as users without an entry in passwd, with ``HOME=/`` or none at all: Ray and torch
then end in a traceback before anything is done.
"""

from __future__ import annotations

import logging
import os
import pwd
import tempfile
from pathlib import Path

logger = logging.getLogger("onoma")


def ensure_home() -> None:
    """Give this process, and what it starts, a home and a user's name where there is none.

    A home that can be written stays; else it is a folder of this user's own in the place for
    temporary files, which the next command finds again.
    """
    if not _has_name():
        for name in ("USER", "LOGNAME"):
            os.environ.setdefault(name, f"uid{os.getuid()}")
    home = _home()
    if home is not None and _can_write(home):
        return
    own = _own_folder()
    os.environ["HOME"] = own
    reason = (
        "there is no home folder" if home is None else f"the home folder {home} cannot be written"
    )
    logger.warning(
        "%s: models and settings of libraries go to %s; set HOME to a folder that may be written "
        "to keep them",
        reason,
        own,
    )


def _home() -> str | None:
    """What ``~`` is; None where nothing says so, or it is no folder."""
    home = os.path.expanduser("~")
    return home if os.path.isabs(home) and os.path.isdir(home) else None


def _can_write(folder: str) -> bool:
    """Try it: a read-only file system and the superuser's rights are not in the folder's mode."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def _own_folder() -> str:
    """A folder that only this user may write, the same each time unless another has the name."""
    folder = Path(tempfile.gettempdir()) / f"onoma-home-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise PermissionError
    except OSError:  # another user's
        return tempfile.mkdtemp(prefix="onoma-home-")
    return str(folder)
