"""A data set as files that the verbs take: images.txt, classes.txt, truth.csv, prompts/."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from methods.class_file_forms import check_form
from methods.errors import InputError
from methods.json_text import json_text
from ray_jobs.datasets.base import Dataset, DatasetClass, Table

IMAGES, CLASSES, TRUTH, PROMPTS = "images.txt", "classes.txt", "truth.csv", "prompts"
_PROMPT_FILES: Final = frozenset(
    f"{name}.txt"
    for name in ("templates", "recognise", "describe", "classify", "vanilla", "synonyms")
)
RECORD: Final = "dataset.json"
"""How the files came about; also the sign that they are this program's and may be written anew."""


def write_dataset(table: Table, dataset: Dataset, out: Path, record: dict[str, Any]) -> None:
    """Write the files.

    Lines of `IMAGES` and paths in `TRUTH` are the same: relative where images lie below ``out``,
    else absolute, so that the list can be given to ``--images`` as it is.

    Args:
        table: what to write.
        dataset: its row of the registry.
        out: the folder; data that this program did not write is left alone.
        record: what to keep of how it came about.

    Raises:
        InputError: the folder holds files of these names that are not ours, or cannot be written.
    """
    ours = (out / RECORD).exists()
    for name in (IMAGES, CLASSES, TRUTH, PROMPTS):
        if not ours and (out / name).exists():
            raise InputError(
                f"--out {out} holds a {name} that onoma dataset did not write; give another folder"
            )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / RECORD).write_text(json_text(record, indent=1), "utf-8")
        paths = _write_pixels(table, out) if table.pixels is not None else _paths(table, out)
        (out / IMAGES).write_text("".join(f"{path}\n" for path in paths), "utf-8")
        (out / CLASSES).write_text(class_file(table.classes), "utf-8")
        (out / TRUTH).write_text(_truth(paths, table), "utf-8")
        prompts = _prompts(table, dataset)
        for name in _PROMPT_FILES - prompts.keys():  # of another data set, written here before
            (out / PROMPTS / name).unlink(missing_ok=True)
        for name, text in prompts.items():
            (out / PROMPTS).mkdir(exist_ok=True)
            (out / PROMPTS / name).write_text(text.rstrip("\n") + "\n", "utf-8")
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise InputError(f"--out {out} cannot be written ({error.strerror})") from error


def class_file(classes: Sequence[DatasetClass]) -> str:
    """The class file: names alone where they are the ids and there are no other names.

    Names that would be taken for something else, as numbered ones, are written with their ids.
    """
    if all(each.id == each.name and not each.others for each in classes):
        names = [plain_text(each.name) for each in classes]
        with suppress(InputError):
            check_form(names, "classes")
            return "".join(f"{name}\n" for name in names)
    lines = []
    for each in classes:
        others = "|".join(plain_text(other) for other in each.others)
        fields = [plain_text(each.id), plain_text(each.name), *([others] if others else [])]
        lines.append("\t".join(fields) + "\n")
    return "".join(lines)


def plain_text(text: str) -> str:
    """A text as class files hold it: NFC, on one line, no tab."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _truth(paths: Sequence[str], table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label"])
    for path, labels in zip(paths, table.labels, strict=True):
        writer.writerow([path, "|".join(map(plain_text, labels))])
    return text.getvalue()


def _paths(table: Table, out: Path) -> list[str]:
    base, top = str(table.root.absolute()), str(out.absolute())
    # "" where the data set's folder is --out, its name where it lies below
    below = base[len(top) + 1 :] + "/" if base.startswith(f"{top}/") else None
    prefix = "" if base == top else below if below is not None else f"{base}/"
    paths = [f"{prefix}{image}" for image in table.images]
    if odd := next((path for path in paths if "\n" in path or "\r" in path), None):
        raise InputError(f"the path {odd!r} has a line break, which no list can hold; rename it")
    return paths


def _write_pixels(table: Table, out: Path) -> list[str]:
    from PIL import Image

    assert table.pixels is not None
    for folder in {Path(image).parent for image in table.images}:
        (out / folder).mkdir(parents=True, exist_ok=True)
    for image, pixels in zip(table.images, table.pixels, strict=True):
        Image.fromarray(pixels).save(out / image)
    return list(table.images)


def _prompts(table: Table, dataset: Dataset) -> dict[str, str]:
    """Files for ``prompts/``, by name."""
    files = {"templates.txt": dataset.template, **dataset.texts}
    if dataset.recognise:
        files["recognise.txt"] = dataset.recognise
    with_others = [each for each in table.classes if each.others]
    if dataset.multi_label and with_others:
        files["synonyms.txt"] = "\n".join(
            f"{plain_text(each.id)}: {', '.join(map(plain_text, each.others))}"
            for each in with_others
        )
    return files
