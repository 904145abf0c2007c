"""The verb ``dataset``: a data set of the papers, as it lies on disk, for the other verbs."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from methods.errors import InputError
from ray_jobs.config import DatasetConfig
from ray_jobs.config.names import did_you_mean
from ray_jobs.datasets.base import Dataset, Table, Wanted
from ray_jobs.datasets.counting import deviations, expected_images
from ray_jobs.datasets.registry import DATASETS, find_dataset
from ray_jobs.datasets.selection import draw_images, half_of_classes
from ray_jobs.datasets.writing import CLASSES, IMAGES, TRUTH, write_dataset

logger = logging.getLogger(f"onoma.{__name__}")

_SHOWN = 10


def run(config: DatasetConfig) -> dict[str, Any]:
    """Run the verb: list what there is, or read one data set and write it.

    Returns:
        Without a name ``datasets``, what is known of each. With one ``dataset, split, protocol,
        classes, images`` (how many were written), ``expected`` (how many the split is known to
        hold, None if that is not known), ``missing`` (how many of its lists are not there),
        ``missing_images`` (the first ten), ``notes`` (what else should be known, a sentence each),
        and ``out``.

    Raises:
        InputError: no such data set, or the folder does not hold it.
    """
    if config.name is None:
        for flag in ("root", "out"):
            if getattr(config, flag) is not None:
                raise InputError(f"--{flag} is for one data set: say onoma dataset NAME --{flag}")
        return {"datasets": [describe(each) for each in DATASETS.values()]}
    dataset = find_dataset(config.name)
    if config.root is None and config.out is None:
        return {"datasets": [describe(dataset)]}
    for flag, what in (("root", f"the folder that holds {dataset.title}"), ("out", "a folder")):
        given = getattr(config, flag)
        if given is None:
            raise InputError(f"--{flag} is needed: give {what}; its layout is {dataset.layout}")
        if "://" in given:
            raise InputError(f"--{flag} {given}: give a folder of this machine, not an address")
    table, whole = read_dataset(dataset, config)
    half = config.classes if dataset.base_novel else "all"
    notes = [*table.notes, *deviations(dataset, whole, config.split, half)]
    for note in notes:
        logger.warning("%s: %s", dataset.name, note)
    out = Path(str(config.out))
    result = {
        "dataset": dataset.name,
        "split": config.split,
        "protocol": table.protocol,
        "half": half,
        "classes": len(table.classes),
        "images": len(table.images),
        "expected": expected_images(dataset, whole, config.split, half),
        "missing": len(table.missing),
        "missing_images": list(islice(table.missing, _SHOWN)),
        "notes": notes,
        "out": str(out),
    }
    write_dataset(table, dataset, out, {**result, "config": config.public()})
    logger.info("wrote %s, %s and %s below %s", IMAGES, CLASSES, TRUTH, out)
    return result


def read_dataset(dataset: Dataset, config: DatasetConfig) -> tuple[Table, Table]:
    """Read what is wanted of a data set.

    Returns:
        What is wanted, and the same before images are drawn.

    Raises:
        InputError: it does not have it, or the folder does not.
    """
    if config.split not in dataset.splits:
        raise InputError(
            f"--split {config.split}: {dataset.title} has {', '.join(dataset.splits)}"
            f"{did_you_mean(config.split, dataset.splits)}"
        )
    if config.protocol == "coop" and "coop" not in dataset.golden:
        raise InputError(
            f"--protocol coop: CoOp has no split file of {dataset.title}; leave it out"
        )
    wanted = Wanted(config.split, config.protocol, config.names)
    table = dataset.read(Path(str(config.root)).expanduser(), wanted)
    if config.classes != "all":
        if dataset.base_novel:
            table = half_of_classes(table, config.classes)
        else:
            ignored = f"--classes {config.classes} is ignored: CoOp does not halve its classes"
            table = replace(table, notes=(*table.notes, ignored))
    if not table.images:
        raise InputError(
            f"--root {config.root}: no image of the {config.classes} classes of {dataset.title} "
            "is there; copy its images as well"
        )
    drawn = draw_images(table, config.per_class, config.long_tail, config.seed)
    if drawn is not table and config.split in ("test", "val"):
        of_test = f"images are drawn from the {config.split} split; to learn from, take another"
        drawn = replace(drawn, notes=(*drawn.notes, of_test))
    return drawn, table


def describe(dataset: Dataset) -> dict[str, Any]:
    """What is known of a data set, as plain values."""
    return {
        "name": dataset.name,
        "title": dataset.title,
        "layout": dataset.layout,
        "licence": dataset.licence,
        "published": dataset.published,
        "classes": dataset.class_count,
        "splits": list(dataset.splits),
        "images": {who: dict(counts) for who, counts in dataset.golden.items()},
        "halves": dict(dataset.halves),
        "names": list(dataset.names),
        "multi_label": dataset.multi_label,
        "part_of": dataset.sub_set_of,
        "also": list(dataset.aliases),
    }
