"""From the lines of a review file to answers on images of the run, or a sentence on what is wrong.

An image is found by its id, or by its path where a spreadsheet rounded the id; a class by its id,
or by the name that it is spoken by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile

import pyarrow as pa
import pyarrow.compute as pc

from methods.errors import InputError
from ray_jobs.config.names import did_you_mean
from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import NONE_FITS, ReviewedLine, is_rounded, standing
from ray_jobs.verbs.review.sample import ReviewSample


@dataclass
class ImageAnswers:
    """What people said of one image.

    Attributes:
        image_id, path, predicted: the image and its label; predicted is None where it has an error.
        drawn: whether it was drawn, so that it counts in estimates.
        said: the answer of each reviewer that judged it: a class, or `NONE_FITS`.
        skipped: who looked and did not judge.
    """

    image_id: int
    path: str
    predicted: str | None
    drawn: bool = False
    said: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    @property
    def right(self) -> float:
        """The share of its reviewers that say what was predicted."""
        return sum(each == self.predicted for each in self.said.values()) / len(self.said)

    @property
    def disagree(self) -> bool:
        """Whether two reviewers said different things."""
        return len(set(self.said.values())) > 1


class LabelNames:
    """Finds the class that a label in a file means."""

    def __init__(self, run: RunReader) -> None:
        """Know the classes of a run; one that discovers names has no list, and takes any."""
        self.classes = run.classes
        self._known = {name: name for name in self.classes}
        if run.named is not None:
            spoken = list(run.named.names)
            for key, name in zip(run.named.ids, spoken, strict=True):
                if spoken.count(name) == 1:
                    self._known.setdefault(name, key)
        folded: dict[str, set[str]] = {}
        for name, key in self._known.items():
            folded.setdefault(name.casefold(), set()).add(key)
        self._folded = {name: keys.pop() for name, keys in folded.items() if len(keys) == 1}

    def find(self, label: str, where: str) -> str:
        """Return the class.

        Raises:
            InputError: the run has a list of classes and this is none of them.
        """
        if not self.classes:
            return label
        known = self._known.get(label) or self._folded.get(label.casefold())
        if known is None:
            raise InputError(
                f"{where}: {label!r} is no class of the run{did_you_mean(label, self.classes)}"
            )
        return known


def read_answers(
    sample: ReviewSample, lines: Iterable[ReviewedLine], file: str
) -> dict[int, ImageAnswers]:
    """Gather what counts of a file's lines, by image, in the order of the answers.

    Raises:
        InputError: a line is of an image that the run has not, or of a class that it has not.
    """
    located, unknown = _located(sample, list(lines))
    if unknown:
        first = unknown[0]
        what = first.path or first.image_id
        if is_rounded(first.image_id) and not first.path:
            raise InputError(
                f"{file} line {first.number}: the image id {what} was rounded by a spreadsheet; "
                "import that column as text, or give a column path"
            )
        if not located:
            raise InputError(
                f"{file} belongs to another run: no image of it is in {sample.run.uri}"
            )
        raise InputError(
            f"{file} line {first.number}: {what!r} is no image of {sample.run.uri}"
            + (f", nor are those of {len(unknown) - 1} other lines" if len(unknown) > 1 else "")
        )
    by_line = {line.number: image for line, image in located}
    names, found = LabelNames(sample.run), dict[int, ImageAnswers]()
    same = [replace(line, image_id=str(image.image_id)) for line, image in located]
    for line in standing(same).values():
        own = by_line[line.number]
        answers = found.setdefault(own.image_id, own)
        answers.drawn |= bool(line.stratum) and own.image_id in sample.by_id
        if line.answer == "skip":
            answers.skipped.add(line.reviewer)
        elif line.answer == "none":
            answers.said[line.reviewer] = NONE_FITS
        else:
            where = f"{file} line {line.number}"
            answers.said[line.reviewer] = names.find(line.label, where)
    for key in drawn_ids(sample, found):
        found[key].drawn = True
    return found


def drawn_ids(sample: ReviewSample, answered: Collection[int]) -> set[int]:
    """Return the images that were answered, as were all before them in their strata.

    Whoever chose them, these are the images that a review would have shown: a random sample.
    """
    return {
        image.image_id
        for own in sample.order
        for image in takewhile(lambda image: image.image_id in answered, own)
    }


def _located(
    sample: ReviewSample, lines: list[ReviewedLine]
) -> tuple[list[tuple[ReviewedLine, ImageAnswers]], list[ReviewedLine]]:
    """Lines with their images, and lines whose images are not in the run."""
    images: dict[int, ImageAnswers] = {}
    by_path = {image.path: key for key, image in sample.by_id.items()}
    elsewhere: list[ReviewedLine] = []
    for line in lines:
        key = _id(line.image_id)
        if key not in sample.by_id and line.path not in by_path:
            elsewhere.append(line)
    others, paths = find_images(
        sample.run,
        {key for line in elsewhere if (key := _id(line.image_id)) is not None},
        {line.path for line in elsewhere if line.path},
    )
    found, unknown = [], []
    for line in lines:
        key = _id(line.image_id)
        if key not in sample.by_id and key not in others:
            key = by_path.get(line.path, paths.get(line.path))
        if key is None:
            unknown.append(line)
            continue
        if key in sample.by_id:
            drawn = sample.by_id[key]
            made = ImageAnswers(key, drawn.path, drawn.predicted)
        else:
            made = others[key]
        found.append((line, images.setdefault(key, made)))
    return found, unknown


def find_images(
    run: RunReader, ids: set[int], paths: set[str]
) -> tuple[dict[int, ImageAnswers], dict[str, int]]:
    """Find images of a run by id or path in one pass; returns them by id, and ids by path."""
    found: dict[int, ImageAnswers] = {}
    places: dict[str, int] = {}
    if not ids and not paths:
        return found, places
    wanted_ids, wanted_paths = (
        pa.array(sorted(ids), pa.int64()),
        pa.array(sorted(paths), pa.string()),
    )
    for batch in run.batches(["image_id", "path", "labels", "error"]):
        hit = pc.or_(
            pc.is_in(batch.column("image_id"), wanted_ids),
            pc.is_in(batch.column("path"), wanted_paths),
        )
        for row in batch.filter(hit).to_pylist():
            label = row["labels"][0] if row["labels"] else None
            found[row["image_id"]] = ImageAnswers(row["image_id"], row["path"], label)
            places[row["path"]] = row["image_id"]
    return found, places


def _id(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:  # "-1.2E+18" of a spreadsheet
        return None
    return number if -(1 << 63) <= number < 1 << 63 else None
