"""One meaning of globs, wherever files lie.

A glob is matched folder by folder: ``*``, ``?`` and ``[...]`` stand for characters of one name and
never for a slash, ``**`` as a whole name for any number of folders, none included. A name that
begins with a dot is matched only by one that does so too, as in a shell. Files match, not folders.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from actors.storage import is_folder_entry

GLOB_MARKS: Final = frozenset("*?[")
_ANY_DEPTH: Final = "**"

Places = frozenset[int]
"""How many of a glob's names may be behind, after some folders of a path; none: it cannot match."""


def is_glob(text: str) -> bool:
    """Whether a text holds a mark of globs."""
    return bool(GLOB_MARKS & set(text))


@dataclass(frozen=True)
class Glob:
    """A glob, relative to the folder in which it is looked for.

    Attributes:
        pattern: the glob, names joined by slashes.
    """

    pattern: str
    _names: tuple[re.Pattern[str] | None, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read the names; None stands for ``**``."""
        parts = [part for part in self.pattern.split("/") if part not in ("", ".")]
        if parts and parts[-1] == _ANY_DEPTH:
            parts.append("*")  # a/** is what lies in a, and never a file named a
        names = tuple(
            None if part == _ANY_DEPTH else re.compile(_of_name(part), re.DOTALL) for part in parts
        )
        object.__setattr__(self, "_names", names)

    def start(self) -> Places:
        """The places at the folder itself."""
        return self._onwards({0})

    def below(self, places: Places, name: str) -> Places:
        """The places one name further down; empty where nothing below can match."""
        found = set()
        for at in places:
            if at == len(self._names):
                continue
            wanted = self._names[at]
            if wanted is None:
                if not name.startswith("."):
                    found.add(at)
            elif wanted.fullmatch(name):
                found.add(at + 1)
        return self._onwards(found)

    def is_whole(self, places: Places) -> bool:
        """Whether a path that has come to these places matches."""
        return len(self._names) in places

    def matches(self, relative: str) -> bool:
        """Whether the path of a file, relative to the folder, matches."""
        places = self.start()
        for name in relative.split("/"):
            places = self.below(places, name)
            if not places:
                return False
        return self.is_whole(places)

    def _onwards(self, places: set[int]) -> Places:
        """With every place behind a ``**``, which may stand for no folder at all."""
        found = set(places)
        for at in sorted(places):
            while at < len(self._names) and self._names[at] is None:
                at += 1
                found.add(at)
        return frozenset(found)


def _of_name(part: str) -> str:
    """The expression of one name; a run of stars in it is one star."""
    pattern = fnmatch.translate(re.sub(r"\*+", "*", part))
    return pattern if part.startswith(".") else rf"(?!\.){pattern}"


def local_matches(root: str, glob: Glob) -> Iterator[tuple[str, str]]:
    """The files under a local folder that match, sorted: relative names, and whole paths.

    Links to folders are followed, but for one that leads back to where it lies.
    """

    def walk(folder: str, prefix: str, places: Places, above: tuple[object, ...]) -> Iterator[str]:
        try:
            status = os.stat(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        for entry in entries:
            further = glob.below(places, entry.name)
            if not further:
                continue
            if is_folder_entry(entry):
                yield from walk(entry.path, f"{prefix}{entry.name}/", further, (*above, here))
            elif glob.is_whole(further):
                yield prefix + entry.name

    for name in walk(root, "", glob.start(), ()):
        yield name, os.path.join(root, name)
