"""One reviewer at work: which image is next, what becomes of an answer, and taking it back.

The file is the only state: whatever other processes add to it is read before each answer, so that
a review goes on where it was, and several people share out the images between them.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import Any

import numpy as np

from methods.errors import InputError
from methods.review_sampling import next_stratum, spreads
from ray_jobs.runs.reviewed import Answer, ReviewedLine, append_lines, read_lines, standing
from ray_jobs.verbs.review.answers import ImageAnswers, LabelNames, read_answers
from ray_jobs.verbs.review.figures import figures, tally
from ray_jobs.verbs.review.sample import DrawnImage, ReviewSample


class ReviewSession:
    """The review of one run by one person; safe to use from several threads."""

    def __init__(
        self, sample: ReviewSample, file: str, reviewer: str, overlap: float = 0.0
    ) -> None:
        """Read what the file holds.

        Args:
            sample: the run's images.
            file: where answers are, and go.
            reviewer: who answers.
            overlap: share of this person's images that others judged before.

        Raises:
            InputError: the file does not belong to the run.
        """
        self.sample, self.file, self.reviewer, self.overlap = sample, file, reviewer, overlap
        self._names = LabelNames(sample.run)
        self._lock = threading.RLock()
        self._seen: tuple[int, int] | None = None
        self._lines: list[ReviewedLine] = []
        self.answers: dict[int, ImageAnswers] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again where it has changed.

        Raises:
            InputError: it does not belong to the run.
        """
        with self._lock:
            try:
                found = os.stat(self.file)
                seen = found.st_size, found.st_mtime_ns
            except FileNotFoundError:
                seen = 0, 0
            if seen != self._seen:
                self._lines = read_lines(self.file)
                self.answers = read_answers(self.sample, self._lines, self.file)
                self._seen = seen

    def figures(self) -> dict[str, Any]:
        """What the answers say, as `ray_jobs.verbs.review.figures` has it."""
        with self._lock:
            self.refresh()
            return figures(self.sample, self.answers)

    def next_images(self, count: int = 2) -> list[DrawnImage]:
        """Return the image that this person is to judge next, and those after it."""
        with self._lock:
            self.refresh()
            found: list[DrawnImage] = []
            strata = self.sample.strata
            n, right = tally(self.sample, self.answers.values())
            spread = spreads(strata.scores, strata.sizes, n, right)
            if (again := self._second_look()) is not None:
                found.append(again)
            waiting = [
                [image for image in own if image.image_id not in self.answers]
                for own in self.sample.order
            ]
            left = np.array([len(own) for own in waiting])
            while len(found) < count:
                at = next_stratum(strata.sizes, n, left, spread)
                if at is None:
                    break
                found.append(waiting[at].pop(0))
                n[at] += 1
                left[at] -= 1
            return found

    def _second_look(self) -> DrawnImage | None:
        """An image that others judged, when it is time for one."""
        mine = sum(self.reviewer in each.said for each in self.answers.values())
        theirs = [
            each
            for each in self.answers.values()
            if each.said and self.reviewer not in each.said and self.reviewer not in each.skipped
        ]
        done = sum(
            self.reviewer in each.said and len(each.said) > 1 for each in self.answers.values()
        )
        if not theirs or done >= self.overlap * (mine + 1):
            return None
        drawn = (self.sample.by_id.get(each.image_id) for each in theirs)
        return next((image for image in drawn if image is not None), None)

    def image(self, image_id: int) -> DrawnImage:
        """Return an image of the sample.

        Raises:
            InputError: it is not in the sample.
        """
        found = self.sample.by_id.get(image_id)
        if found is None:
            raise InputError(f"{image_id} is no image of this review")
        return found

    def answer(self, image_id: int, answer: Answer, label: str = "") -> None:
        """Write an answer.

        Raises:
            InputError: no such image or class, or the file cannot be written.
        """
        image = self.image(image_id)
        if answer == "label":
            if not label.strip():
                raise InputError("a label is needed; or say that no class fits")
            label = self._names.find(label.strip(), "the answer")
        with self._lock:
            append_lines(self.file, [self._line(image, answer, label)])
            self.refresh()

    def undo(self) -> DrawnImage | None:
        """Take this person's last answer back; returns its image, None where there is none."""
        with self._lock:
            self.refresh()
            mine = [
                line for line in standing(self._lines).values() if line.reviewer == self.reviewer
            ]
            drawn = [line for line in mine if _number(line.image_id) in self.sample.by_id]
            if not drawn:
                return None
            image = self.sample.by_id[int(drawn[-1].image_id)]
            append_lines(self.file, [self._line(image, "undo", "")])
            self.refresh()
            return image

    def _line(self, image: DrawnImage, answer: Answer, label: str) -> ReviewedLine:
        return ReviewedLine(
            image_id=str(image.image_id),
            label=label if answer == "label" else "",
            reviewer=self.reviewer,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            stratum=str(image.stratum),
            weight=str(int(self.sample.strata.sizes[image.stratum])),
            answer=answer,
            predicted=image.predicted,
            score="" if image.score is None else f"{image.score:.6g}",
            path=image.path,
        )


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
