"""What people said of images, for statistics: a vote an image, and how many images it stands for.

The file is `ray_jobs.runs.reviewed`'s, made by ``onoma review`` or by hand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors import storage
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.runs.reviewed import NONE_FITS, ReviewedLine, is_rounded, parse_lines, standing


@dataclass(frozen=True)
class Reviews:
    """What people said, by image.

    Attributes:
        labels: one label an image: what most of its reviewers said; `NONE_FITS` where that is
            that no class fits.
        weights: images of the archive that each stands for; 1 where the file does not say.
        disputed: images on which reviewers are split evenly, left out.
        blank: rows without a judgement, left out.
    """

    labels: dict[int, str]
    weights: dict[int, float]
    disputed: int
    blank: int


def read_reviews(uri: str) -> Reviews:
    """Read a review file.

    Raises:
        InputError: one sentence: no such file, no CSV, a column is missing, an id or a weight is
            none, or a spreadsheet has rounded the ids.
    """
    where, file = f"--reviewed {uri}", storage.absolute(uri)
    if not storage.exists(file):
        raise InputError(f"{where}: there is no such file")
    data = storage.read_bytes(file)
    if not data.strip():
        raise InputError(f"{where}: has no column 'label', and nothing else")
    every = parse_lines(data, where)
    known = [line for line in every if line.image_id or line.path]
    own = [replace(line, image_id=str(_image(line, where))) for line in known]
    judged = [line for line in standing(own).values() if line.answer in ("label", "none")]
    if not judged:
        raise InputError(f"{where}: has no row with an image and a label; review some images first")
    said: dict[int, Counter[str]] = {}
    for line in judged:
        label = NONE_FITS if line.answer == "none" else line.label
        said.setdefault(int(line.image_id), Counter())[label] += 1
    labels = {image: best for image, votes in said.items() if (best := _most(votes)) is not None}
    skipped = sum(line.answer == "skip" for line in own) + len(every) - len(known)
    weights = _weights(judged, where)
    return Reviews(
        labels, {each: weights[each] for each in labels}, len(said) - len(labels), skipped
    )


def _most(votes: Counter[str]) -> str | None:
    """What most said; None where two answers have as many."""
    (best, most), *rest = votes.most_common(2)
    return None if rest and rest[0][1] == most else best


def _weights(lines: Iterable[ReviewedLine], where: str) -> dict[int, float]:
    """Images that each answered one stands for: those of its stratum, shared by its answers."""
    answered: dict[str, set[str]] = {}
    for line in lines:
        answered.setdefault(line.stratum, set()).add(line.image_id)
    found = {}
    for line in lines:
        weight = _weight(line, where)
        found[int(line.image_id)] = weight / len(answered[line.stratum]) if line.stratum else weight
    return found


def _image(line: ReviewedLine, where: str) -> int:
    cell = line.image_id
    try:
        return int(cell)
    except ValueError:
        if line.path:
            return image_id(line.path)
        if is_rounded(cell):
            raise InputError(
                f"{where} line {line.number}: the image id {cell} was rounded by a spreadsheet; "
                "import that column as text, or give a column path"
            ) from None
        raise InputError(f"{where} line {line.number}: {cell[:40]!r} is no image id") from None


def _weight(line: ReviewedLine, where: str) -> float:
    try:
        value = float(line.weight.replace(",", ".") or 1)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"{where} line {line.number}: the weight {line.weight!r} is no number above 0"
        )
    return value
