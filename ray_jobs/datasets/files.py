"""The files of a data set's folder: found, read, and said in one sentence where they are not.

Distributions differ in small ways: a folder of their own around everything, resource forks of a
Mac (``._x.jpg``), text files among the images, extensions in other letters, backslashes. What is
listed is found in spite of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from methods.errors import InputError, one_line
from ray_jobs.runs.sources.rows import is_image_name


class DatasetFolder:
    """The root of one data set.

    Attributes:
        path: where its files begin.
        title: the data set's, for errors.
    """

    def __init__(self, path: Path, title: str) -> None:
        """Take a folder as it is."""
        self.path, self.title = path, title
        self._listed: dict[str, dict[str, str]] = {}

    @classmethod
    def find(
        cls, root: Path, title: str, homes: Sequence[str], marks: Sequence[str]
    ) -> DatasetFolder:
        """Find where a data set begins: at ``root``, or in a folder of its usual names below.

        Args:
            root: what the user gave.
            title: of the data set.
            homes: names that its folder has elsewhere.
            marks: files and folders, any of which shows that it begins there.

        Raises:
            InputError: no such folder, or nothing of the data set in it.
        """
        if not root.is_dir():
            what = "is no folder" if root.exists() else "is not there"
            raise InputError(f"--root {root} {what}; give the folder that holds {title}")
        for place in (root, *(root / home for home in homes)):
            if any((place / mark).exists() for mark in marks):
                return cls(place.absolute(), title)
        raise InputError(
            f"--root {root} does not hold {title}: none of {', '.join(marks)} is there, nor in a "
            f"folder {' or '.join(homes)} below it"
        )

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return (self.path / name).exists()

    def one_of(self, *names: str, what: str = "its annotation") -> str:
        """The first of some files and folders that is there.

        Raises:
            InputError: none is.
        """
        for name in names:
            if self.has(name):
                return name
        raise InputError(
            f"--root {self.path}: {' or '.join(names)} is missing, {what} of {self.title}; "
            "copy the whole data set"
        )

    def lines(self, *names: str) -> list[str]:
        """The lines of the first of some text files, without those that are blank.

        Raises:
            InputError: none is there, or it is not readable as text.
        """
        text = self._bytes(name := self.one_of(*names))
        try:
            decoded = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self.wrong(name, f"is not UTF-8 text ({one_line(error)})") from error
        return [line.strip() for line in decoded.splitlines() if line.strip()]

    def json(self, *names: str) -> Any:
        """What the first of some JSON files holds.

        Raises:
            InputError: none is there, or it is not JSON.
        """
        text = self._bytes(name := self.one_of(*names))
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.wrong(name, f"is not JSON ({one_line(error)})") from error

    def xml(self, name: str) -> ElementTree.Element:
        """The root element of an XML file.

        Raises:
            InputError: it is missing, or not XML.
        """
        text = self._bytes(self.one_of(name))
        if b"<!ENTITY" in text:  # annotations have none, and they can blow up
            raise self.wrong(name, "declares entities, which no annotation of it does")
        try:
            return ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise self.wrong(name, f"is not XML ({one_line(error)})") from error

    def wrong(self, name: str, problem: str) -> InputError:
        """The error of a file that is not as it should be."""
        return InputError(f"{self.path / name} {problem}; copy it again from {self.title}")

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder, in byte order, without hidden ones.

        Raises:
            InputError: it is missing.
        """
        place = self.path / self.one_of(name, what="a folder")
        found = [each.name for each in self._scan(place) if each.is_dir()]
        return sorted(each for each in found if each[0] not in "._")

    def pictures(self, name: str) -> list[str]:
        """Paths of the images in a folder, in byte order, without hidden files and forks.

        Raises:
            InputError: it is missing.
        """
        self.one_of(name, what="a folder")
        names = sorted(set(self._entries(name).values()))
        return [f"{name}/{each}" for each in names if _shown(each)]

    def picture(self, listed: str) -> str | None:
        """Where an image is that an annotation names; None where it is not.

        Raises:
            InputError: the path leads out of the data set.
        """
        path = PurePosixPath(listed.replace("\\", "/").lstrip("/"))
        if ".." in path.parts:
            raise InputError(
                f"an annotation of {self.title} below {self.path} names {listed!r}, outside of it"
            )
        parent = "" if str(path.parent) == "." else str(path.parent)
        entries = self._entries(parent)
        name = entries.get(path.name) or entries.get(_key(path.name))
        if name is None:
            return None
        return f"{parent}/{name}" if parent else name

    def _entries(self, folder: str) -> dict[str, str]:
        """The names in a folder, each by itself and by what all spellings of it share."""
        if folder not in self._listed:
            place = self.path / folder
            names = sorted(each.name for each in self._scan(place)) if place.is_dir() else []
            shared = {_key(name): name for name in names}
            self._listed[folder] = {**shared, **{name: name for name in names}}
        return self._listed[folder]

    def _scan(self, place: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(place) as entries:
                return list(entries)
        except OSError as error:
            raise InputError(f"{place} cannot be listed ({error.strerror})") from error

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise InputError(f"{self.path / name} cannot be read ({error.strerror})") from error


def _key(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return f"{stem}{dot}{extension.lower()}"


def _shown(name: str) -> bool:
    return name[0] != "." and is_image_name(name)
