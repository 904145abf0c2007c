"""From what an annotation lists to a `Table`: what is there, what is missing, which classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from methods.errors import InputError
from ray_jobs.datasets.base import DatasetClass, ProtocolName, Table
from ray_jobs.datasets.files import DatasetFolder


def make_table(
    folder: DatasetFolder,
    rows: Iterable[tuple[str, Sequence[str]]],
    classes: Sequence[DatasetClass],
    *,
    protocol: ProtocolName = "official",
    notes: Sequence[str] = (),
) -> Table:
    """Put together what was read.

    Args:
        folder: where images are.
        rows: of each image its path, as listed, and the ids of its classes.
        classes: in the order of their numbers.
        protocol: whose split it is.
        notes: what else should be known.

    Raises:
        InputError: there is no image at all, or one has a class that does not exist.
    """
    place = {each.id: at for at, each in enumerate(classes)}
    images: list[str] = []
    labels: list[tuple[str, ...]] = []
    missing: dict[str, tuple[str, ...]] = {}
    for listed, ids in rows:
        if unknown := [each for each in ids if each not in place]:
            raise InputError(
                f"an annotation of {folder.title} below {folder.path} gives {listed!r} the class "
                f"{unknown[0]!r}, which is none of its {len(place)}"
            )
        own = tuple(sorted(set(ids), key=place.__getitem__))
        if (path := folder.picture(listed)) is None:
            missing[listed.replace("\\", "/").lstrip("/")] = own
            continue
        images.append(path)
        labels.append(own)
    if not images:
        raise InputError(
            f"--root {folder.path}: none of the {len(missing):,} images of {folder.title} is "
            f"there, such as {next(iter(missing))}; copy its images as well"
            if missing
            else f"--root {folder.path}: this split of {folder.title} lists no image"
        )
    return Table(
        root=folder.path,
        images=tuple(images),
        labels=tuple(labels),
        classes=tuple(classes),
        protocol=protocol,
        missing=missing,
        notes=tuple(notes),
    )


def named_classes(
    names: Mapping[str, str], others: Mapping[str, Sequence[str]] | None = None
) -> dict[str, DatasetClass]:
    """Classes by their key, in order; a class's id is its name where all names differ.

    Args:
        names: key, as annotations have it, to the spoken name.
        others: other names by key.
    """
    # a bar joins labels in truth files, so it can be in no id
    plain = len(set(names.values())) == len(names) and "|" not in "".join(names.values())
    return {
        key: DatasetClass(name if plain else key, name, tuple((others or {}).get(key, ())))
        for key, name in names.items()
    }


def chosen_names(folder: DatasetFolder, asked: str | None, there: Sequence[str]) -> str:
    """Whose way to write names is meant.

    Raises:
        InputError: the data set has no such way.
    """
    if asked is None:
        return there[0]
    if asked not in there:
        raise InputError(f"--names {asked}: {folder.title} has {', '.join(there)}")
    return asked


def no_split(folder: DatasetFolder, split: str, why: str) -> InputError:
    """The error of a split that cannot be had."""
    return InputError(f"--split {split}: {folder.title} {why}")
