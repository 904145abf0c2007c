"""CoOp's splits: ``split_zhou_X.json``, lists of ``[path, label, class name]`` by split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from methods.errors import InputError
from ray_jobs.datasets.base import ProtocolName, Table, Wanted
from ray_jobs.datasets.files import DatasetFolder
from ray_jobs.datasets.rows import make_table, named_classes, no_split

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class CoopSplit:
    """Where CoOp's split of a data set is, and where its paths begin."""

    file: str
    images: tuple[str, ...]

    def wanted(self, folder: DatasetFolder, protocol: ProtocolName | None) -> bool:
        """Whether CoOp's split is to be read: asked for, or there."""
        return folder.has(self.file) if protocol is None else protocol == "coop"

    def read(
        self,
        folder: DatasetFolder,
        wanted: Wanted,
        rename: Callable[[str, str], str] = lambda name, path: name,
    ) -> Table:
        """Read one split.

        Args:
            folder: the data set's.
            wanted: what is asked for.
            rename: from CoOp's name of a class and the path of one of its images to its name.

        Raises:
            InputError: the file is missing or of another shape, or has no such split.
        """
        lists = folder.json(self.file)
        if wanted.split not in SPLITS:
            raise no_split(folder, wanted.split, f"has {', '.join(SPLITS)} in CoOp's {self.file}")
        splits = {name: self._items(folder, lists, name) for name in SPLITS}
        names: dict[int, str] = {}
        for path, label, name in (item for items in splits.values() for item in items):
            if label not in names:
                names[label] = rename(name, path)
        classes = named_classes({str(label): names[label] for label in sorted(names)})
        below = folder.one_of(*self.images, what="the folder of the images") + "/"
        below = "" if below == "./" else below
        rows = [(below + path, [classes[str(label)].id]) for path, label, _ in splits[wanted.split]]
        return make_table(folder, rows, list(classes.values()), protocol="coop")

    def _items(self, folder: DatasetFolder, lists: Any, split: str) -> list[tuple[str, int, str]]:
        items = lists.get(split) if isinstance(lists, dict) else None
        if not isinstance(items, list) or not all(_is_item(each) for each in items):
            raise folder.wrong(
                self.file, f"is of another shape: {split!r} should be a list of [path, label, name]"
            )
        return [(path, label, name) for path, label, name in items]


def _is_item(item: Any) -> bool:
    if not isinstance(item, list) or len(item) != 3:
        return False
    path, label, name = item
    return isinstance(path, str) and type(label) is int and isinstance(name, str)


def need_coop(folder: DatasetFolder, split: CoopSplit, wanted: Wanted) -> InputError:
    """The error of a data set without a split of its own, where CoOp's is not wanted or missing."""
    if folder.has(split.file):
        do = "is there: take it with --protocol coop"
    else:
        do = f"is not in {folder.path}: put it there"
    why = f"has no split of its own, and CoOp's {split.file} {do}, or take --split all"
    return no_split(folder, wanted.split, why)
