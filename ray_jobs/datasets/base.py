"""What a data set is, and what reading one gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

ProtocolName = Literal["coop", "official"]
"""Whose lists say what is trained on and what is tested: CoOp's ``split_zhou_*.json``, which four
of the papers use, or those of the data set's owner."""

Half = Literal["all", "base", "novel"]

SIMPLE_TEMPLATE: Final = "a photo of a {}."


@dataclass(frozen=True)
class DatasetClass:
    """One class: what labels and truth hold, what models are shown, and what else it is called."""

    id: str
    name: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What is asked of a reader.

    Attributes:
        split: one of the data set's splits.
        protocol: whose split; None takes CoOp's where its file is there, else the owner's.
        names: whose way to write class names, one of the data set's; None takes the first.
    """

    split: str = "test"
    protocol: ProtocolName | None = None
    names: str | None = None


@dataclass(frozen=True)
class Table:
    """What a reader found: n images and C classes.

    Attributes:
        root: the folder that images are relative to; with ``pixels``, where they would be written.
        images: n paths below ``root``, with ``/``.
        labels: n tuples of class ids, in the order of the classes; empty where an image has none.
        classes: C classes, in the order of their numbers in the data set.
        protocol: whose split it is.
        missing: images that an annotation names and that are not there, with their class ids; they
            are not in ``images``.
        pixels: uint8 (n, H, W, 3) of data sets that are arrays and not files.
        notes: what a reader of the numbers should know, a sentence each.
    """

    root: Path
    images: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    classes: tuple[DatasetClass, ...]
    protocol: ProtocolName = "official"
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pixels: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()

    def take(self, rows: Sequence[int]) -> Table:
        """The same of some of the images, in the order given."""
        return replace(
            self,
            images=tuple(self.images[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            pixels=None if self.pixels is None else self.pixels[list(rows)],
        )

    def of_classes(self, ids: Collection[str]) -> Table:
        """The same of some of the classes: images that have one of them, and these labels."""
        kept = set(ids)
        rows = [row for row, labels in enumerate(self.labels) if kept.intersection(labels)]
        less = self.take(rows)
        return replace(
            less,
            labels=tuple(tuple(each for each in own if each in kept) for own in less.labels),
            classes=tuple(each for each in self.classes if each.id in kept),
            missing={p: own for p, own in self.missing.items() if kept.intersection(own)},
        )

    def renamed(self, names: Mapping[str, str]) -> Table:
        """Some of the classes under other names, which become their ids, in the order given."""
        own = self.of_classes(names)
        return replace(
            own,
            labels=tuple(tuple(names[each] for each in labels) for labels in own.labels),
            classes=tuple(DatasetClass(name, name) for name in names.values()),
        )


Reader = Callable[[Path, Wanted], Table]
"""From the root folder and what is wanted to a `Table`; raises `methods.errors.InputError`, one
sentence, where the folder does not hold it."""


@dataclass(frozen=True)
class Dataset:
    """One data set that can be read.

    Attributes:
        name: the word for it on the command line.
        title: what its owners call it.
        layout: what the root folder holds.
        licence: a note on what its owners allow.
        published: where its owners publish it.
        read: its reader.
        class_count: how many classes it has.
        splits: its splits.
        golden: images by split, of each protocol, where known.
        halves: test images of CoOp's base and novel classes; empty where they are not known.
        base_novel: whether CoOp divides its classes into base and novel ones.
        names: whose ways to write class names there are, the default first.
        template: of the CLIP baseline.
        recognise: what TLAC asks about its images, in our words; None where TLAC does not use it.
        texts: other files for ``prompts/``, by name.
        multi_label: whether an image may have several labels.
        aliases: other words for it.
        sub_set_of: the data set that it is a named part of.
    """

    name: str
    title: str
    layout: str
    licence: str
    published: str
    read: Reader
    class_count: int
    splits: tuple[str, ...] = ("train", "val", "test")
    golden: Mapping[ProtocolName, Mapping[str, int]] = field(default_factory=dict)
    halves: Mapping[str, int] = field(default_factory=dict)
    base_novel: bool = False
    names: tuple[str, ...] = ("official",)
    template: str = SIMPLE_TEMPLATE
    recognise: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    multi_label: bool = False
    aliases: tuple[str, ...] = ()
    sub_set_of: str | None = None
