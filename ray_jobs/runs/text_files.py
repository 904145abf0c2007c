"""Text files that a setting names: class names, prompts, lists, decisions."""

from __future__ import annotations

from actors import storage
from methods.errors import InputError


def read_text(flag: str, path: str, *, hint: str = "") -> str:
    """Read a UTF-8 text file, local or remote, without a byte order mark.

    Args:
        flag: the setting that names the file, such as ``--classes``, for the error.
        path: the file.
        hint: added to the error where there is no such file.

    Raises:
        InputError: no such file, or no readable UTF-8 text.
    """
    try:
        return storage.read_bytes(path).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{flag} {path}: no such file{hint and f'; {hint}'}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{flag} {path}: not a readable UTF-8 text file ({error})") from error
