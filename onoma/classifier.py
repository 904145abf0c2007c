"""A classifier in this process: images in, labels and scores out, without Ray."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.classifier_store import clip_of, find_classifier, load_classifier
from actors.clip.precision import Precision
from actors.clip.runtime import ClipRuntime
from actors.images.errors import ImageError
from actors.images.limits import DEFAULT_MAX_PIXELS
from methods.errors import InputError, RowError
from onoma.pictures import Picture, model_input

if TYPE_CHECKING:
    from actors.clip.encoder import ClipEncoder
    from actors.clip.image_scorer import ImageScorer, Ranking

_TOP = 5


class Predictions(NamedTuple):
    """Labels and scores of n images, in their order.

    Attributes:
        labels: a label each (None of an image that cannot be used); of a classifier with several
            labels a list each, best first, perhaps empty.
        scores: the probability of each label, as in the column ``score`` of a run.
    """

    labels: list[Any]
    scores: list[Any]


class Prediction(NamedTuple):
    """What a classifier says of one image.

    Attributes:
        labels, scores: its labels, best first: one, or for a classifier with several labels those
            above their thresholds.
        top_labels, top_scores: the best classes.
        distance: 1 less the cosine to the closest class.
        error, error_detail: why there is no label, a code and a sentence; None where there is one.
    """

    labels: list[str]
    scores: list[float]
    top_labels: list[str]
    top_scores: list[float]
    distance: float | None
    error: str | None = None
    error_detail: str | None = None


class Classifier:
    """A classifier and its CLIP model, loaded; the same labels as a job and the endpoint give."""

    def __init__(self, encoder: ClipEncoder, scorer: ImageScorer, max_pixels: int) -> None:
        """Keep a loaded model; `load` is the way to one."""
        self._encoder, self._scorer, self._max_pixels = encoder, scorer, max_pixels

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        clip: str | os.PathLike[str] | None = None,
        precision: Precision = "auto",
        device: str | None = None,
        threads: int | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> Classifier:
        """Load a classifier and the CLIP model that it was made with; takes seconds.

        Args:
            folder: of a classifier, or of a run that holds one; local or ``s3://``.
            clip: the same CLIP model in another place; by default where it was.
            precision: ``auto`` is bf16 on a GPU and fp32 on a CPU.
            device: of torch; the first GPU, else the CPU, by default.
            threads: of torch on a CPU; torch's own choice by default.
            max_pixels: larger images are refused before they are decoded.

        Raises:
            InputError: no classifier there, or another CLIP model.
        """
        from actors.clip.image_scorer import ImageScorer

        where = find_classifier(os.fspath(folder))
        classifier = load_classifier(where)
        model = clip_of(classifier, None if clip is None else os.fspath(clip), where)
        encoder = ClipRuntime(model, precision, device, threads).load()
        return cls(encoder, ImageScorer(classifier).prepare(encoder.device), max_pixels)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels there are."""
        return self._scorer.classifier.labels

    @property
    def method(self) -> str:
        """The method that made it."""
        return self._scorer.classifier.method

    @property
    def multi_label(self) -> bool:
        """Whether an image can have several labels."""
        return self._scorer.classifier.multi_label

    def __call__(
        self,
        images: Iterable[Picture],
        *,
        batch: int = 64,
        threshold: float | None = None,
        errors: Literal["raise", "none"] = "raise",
    ) -> Predictions:
        """Label images.

        Args:
            images: paths or URIs, encoded bytes, images of Pillow, or uint8 pixels.
            batch: images of a forward pass.
            threshold: for classifiers with several labels, in place of their own.
            errors: what an image does that cannot be used: ``raise``, or ``none`` for no label.

        Raises:
            RowError: an image cannot be used; its detail says which.
        """
        found: Predictions = Predictions([], [])
        for at, each in enumerate(self.predict(images, batch=batch, threshold=threshold)):
            if each.error is not None and errors == "raise":
                raise RowError(each.error, f"images[{at}]: {each.error_detail}")
            if self.multi_label:
                found.labels.append(each.labels)
                found.scores.append(each.scores)
            else:
                found.labels.append(each.labels[0] if each.labels else None)
                found.scores.append(each.scores[0] if each.scores else None)
        return found

    def predict(
        self,
        images: Iterable[Picture],
        *,
        batch: int = 64,
        top_k: int = _TOP,
        threshold: float | None = None,
    ) -> Iterator[Prediction]:
        """Say all about each image, one batch after another; a bad image has an ``error``.

        Args:
            images: as in a call; may be endless.
            batch: images of a forward pass.
            top_k: classes to rank.
            threshold: for classifiers with several labels, in place of their own.

        Raises:
            InputError: a single image in place of several.
        """
        if isinstance(images, str | bytes | os.PathLike):
            raise InputError("give a list of images, [image] for one")
        waiting = iter(images)
        with ThreadPoolExecutor() as pool:  # decoders leave Python's lock
            while some := list(islice(waiting, batch)):
                yield from self.predict_pixels(list(pool.map(self.read, some)), top_k, threshold)

    def read(self, picture: Picture) -> NDArray[np.uint8] | ImageError:
        """Make of an image what the model takes, or what is wrong with it."""
        try:
            return model_input(picture, self._encoder.model_info.preprocessing, self._max_pixels)
        except ImageError as error:
            return error

    def predict_pixels(
        self,
        pixels: Sequence[NDArray[np.uint8] | ImageError],
        top_k: int = _TOP,
        threshold: float | None = None,
    ) -> list[Prediction]:
        """`predict` of one batch of what `read` gave."""
        good = [each for each in pixels if not isinstance(each, ImageError)]
        rankings = iter(self._ranked(np.stack(good), top_k, threshold) if good else ())
        return [
            _failed(each.code, each.detail)
            if isinstance(each, ImageError)
            else self._told(next(rankings))
            for each in pixels
        ]

    def _ranked(
        self, pixels: NDArray[np.uint8], top_k: int, threshold: float | None
    ) -> list[Ranking]:
        scorer, encoder = self._scorer, self._encoder
        with encoder.lane.slot() as slot:
            encoded = scorer.encoding.of(encoder, encoder.normalised(slot.put(pixels)))
            return scorer.ranked(encoded, top_k, slot.take, threshold)

    def _told(self, ranking: Ranking) -> Prediction:
        if not math.isfinite(ranking.distance):
            return _failed("not_finite", "CLIP's feature of it is not finite")
        names = self.labels
        return Prediction(
            [names[at] for at in ranking.given],
            ranking.given_scores.tolist(),
            [names[at] for at in ranking.top],
            ranking.top_scores.tolist(),
            float(ranking.distance),
        )


def _failed(code: str, detail: str) -> Prediction:
    return Prediction([], [], [], [], None, code, detail)
