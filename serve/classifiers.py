"""The deployment that holds a CLIP encoder and many small classifiers on it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ray import serve

from actors.clip.encoder import ClipEncoder
from actors.clip.image_scorer import ImageScorer, Ranking
from actors.clip.int8 import int8_cosine
from actors.compat.ray import set_max_batch_size
from actors.cores import usable_cores
from actors.images.decode import input_pixels
from actors.images.errors import ImageError
from methods.classifier import abstains
from serve.catalogue import Catalogue, LoadedClassifier, UserConfig, changed, load_available
from serve.drift_metrics import Drift
from serve.gate import Gate
from serve.messages import ClassifierList, ClassifyAnswer, ImageAnswer, LabelScore, Options, Timings
from serve.problems import RequestError, invalid
from serve.settings import EndpointSettings

logger = logging.getLogger("ray.serve")

_STUCK_SECONDS: Final = 120.0


@dataclass(frozen=True)
class _Item:
    """One decoded image on its way through the model."""

    pixels: NDArray[np.uint8]
    scorer: ImageScorer
    top_k: int
    threshold: float | None


class _Clock:
    """Milliseconds of the stages of one request."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()

    def lap(self) -> float:
        """Since the last lap."""
        now = time.perf_counter()
        before, self.last = self.last, now
        return 1000 * (now - before)

    @property
    def total(self) -> float:
        """Since the start."""
        return 1000 * (time.perf_counter() - self.started)


class Classifiers:
    """One CLIP encoder and its classifiers: images in, labels out, batched over requests.

    Images are decoded by a pool of threads, encoded by one other thread, and the event loop does
    neither. ``user_config`` (`serve.catalogue.UserConfig`) says which classifiers there are;
    changing it swaps them between two batches, and requests under way keep theirs.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        """Wait for `reconfigure`, which Serve calls before any request."""
        self._settings = settings
        self._catalogue: Catalogue | None = None
        self._drift: dict[tuple[str, str], Drift] = {}
        self._decoders = ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode")
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._gate = Gate(settings.max_batch)
        self._working_since: float | None = None

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take a list of classifiers.

        Raises:
            InputError: at the start, a classifier cannot be served. Later it is told in the list of
                classifiers instead, and the one before it stays.
        """
        try:
            wanted = UserConfig.model_validate(user_config)
            wanted.names()
        except ValueError as error:
            if self._catalogue is None:
                raise
            # Serve would stop a replica that fails here, and the others after it
            problem = f"user_config: {' '.join(str(error).split())}"[:500]
            self._catalogue = replace(self._catalogue, problems=[problem])
            return
        loop = asyncio.get_running_loop()
        if self._catalogue is None:
            self._catalogue = await loop.run_in_executor(self._model_thread, self._start, wanted)
            set_max_batch_size(self._encode, self._settings.max_batch)
        else:
            # beside the model: images go on being labelled meanwhile
            self._catalogue = await asyncio.to_thread(
                changed, self._catalogue, wanted.classifiers, self._settings.clip
            )
        self._drift = {
            key: self._drift.get(key) or Drift(each, self._settings.drift_window)
            for each in self._catalogue.loaded.values()
            for key in [(each.name, each.version)]
        }

    def _start(self, wanted: UserConfig) -> Catalogue:
        """Load everything, and run the model once at the smallest and the largest batch."""
        settings = self._settings
        catalogue = load_available(wanted.classifiers, settings.clip)
        threads = None if settings.gpus else settings.threads or usable_cores() // settings.replicas
        self._encoder = ClipEncoder(
            catalogue.model,
            precision=settings.precision,
            threads=max(1, threads) if threads is not None else None,
            device="cuda" if settings.gpus else "cpu",
        )
        if settings.precision == "int8":
            cosine = int8_cosine(catalogue.model)
            logger.info("CLIP in int8: a cosine of at least %.4f to fp32", cosine)
        how = catalogue.model.preprocessing
        for scorer in [each.scorer for each in catalogue.loaded.values()]:
            blank = _Item(np.zeros((how.height, how.width, 3), np.uint8), scorer, 1, None)
            for count in (1, settings.max_batch):
                self._forward([blank] * count)
        return catalogue

    def check_health(self) -> None:
        """Fail when a forward pass does not end: Serve then replaces this replica.

        Serve asks every few seconds, which keeps the gauges of drift alive.

        Raises:
            RuntimeError: the model has been at one batch for minutes.
        """
        for drift in self._drift.values():
            drift.say_again()
        since = self._working_since
        if since is not None and time.monotonic() - since > _STUCK_SECONDS:
            raise RuntimeError(f"a forward pass has not ended for {_STUCK_SECONDS:g} s")

    async def listing(self) -> ClassifierList:
        """The classifiers that there are."""
        assert self._catalogue is not None
        return self._catalogue.listing

    async def classify(
        self, options: Options, names: Sequence[str | None], images: Sequence[bytes]
    ) -> ClassifyAnswer | RequestError:
        """Label the images of one request; what is wrong with it comes back as a value."""
        clock = _Clock()
        try:
            loaded = self._loaded(options)
            pixels = await self._decode(images)
        except RequestError as refused:
            return refused
        decode_ms = clock.lap()
        wanted = loaded.scorer, options.top_k, options.threshold
        passed = await asyncio.gather(*(self._through(_Item(each, *wanted)) for each in pixels))
        answers = self._answers(loaded, names, [ranking for ranking, _ in passed])
        model_ms = max(seconds for _, seconds in passed) * 1000
        timings = Timings(
            decode_ms=round(decode_ms, 3),
            wait_ms=round(max(0.0, clock.lap() - model_ms), 3),
            model_ms=round(model_ms, 3),
            total_ms=round(clock.total, 3),
        )
        return ClassifyAnswer(classifier=loaded.answered, images=answers, timings=timings)

    def _loaded(self, options: Options) -> LoadedClassifier:
        assert self._catalogue is not None
        classifiers = self._catalogue.loaded
        name = options.classifier if options.classifier is not None else next(iter(classifiers))
        if name not in classifiers:
            detail = f"no classifier {name[:50]!r}; there are {', '.join(list(classifiers)[:20])}"
            faults = [("classifier", "unknown_classifier", detail)]
            raise RequestError(404, "unknown_classifier", detail, faults)
        loaded = classifiers[name]
        if options.threshold is not None and not loaded.scorer.classifier.multi_label:
            raise invalid("threshold", f"is of no use: {name} gives every image one label")
        return loaded

    async def _decode(self, images: Sequence[bytes]) -> list[NDArray[np.uint8]]:
        """Decode all images, or say what is wrong with each that cannot be."""
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(
            *(loop.run_in_executor(self._decoders, self._pixels, data) for data in images)
        )
        faults = [
            (f"images[{index}]", result.code, result.detail)
            for index, result in enumerate(results)
            if isinstance(result, ImageError)
        ]
        if faults:
            detail = f"{len(faults)} of {len(images)} images cannot be used: {faults[0][2]}"
            raise RequestError(422, "unreadable_images", detail, faults)
        return [result for result in results if not isinstance(result, ImageError)]

    def _pixels(self, data: bytes) -> NDArray[np.uint8] | ImageError:
        how = self._encoder.model_info.preprocessing
        try:
            if not data:
                raise ImageError("empty_file", "the file has no bytes")
            settings = self._settings
            return input_pixels(
                data,
                how,
                max_pixels=settings.max_pixels,
                exact=settings.exact_decode,
                as_stored=settings.as_stored,
            )
        except ImageError as error:
            return error

    async def _through(self, item: _Item) -> tuple[Ranking, float]:
        """Wait at the gate, then for the batch: the features of one image, and its seconds."""
        async with self._gate:
            return await self._encode(item)

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0.0)
    async def _encode(self, items: list[_Item]) -> list[tuple[Ranking, float]]:
        with self._gate.closed():
            started = self._working_since = time.monotonic()
            try:
                loop = asyncio.get_running_loop()
                rows = await loop.run_in_executor(self._model_thread, self._forward, items)
            finally:
                self._working_since = None
            seconds = time.monotonic() - started
            return [(row, seconds) for row in rows]

    def _forward(self, items: list[_Item]) -> list[Ranking]:
        """Label one batch, in the model's thread: a pass for each kind of encoding wanted."""
        found: dict[int, Ranking] = {}
        for encoding in dict.fromkeys(item.scorer.encoding for item in items):
            own = [at for at, item in enumerate(items) if item.scorer.encoding == encoding]
            pixels = np.stack([items[at].pixels for at in own])
            with self._encoder.lane.slot() as slot:
                encoded = encoding.of(self._encoder, self._encoder.normalised(slot.put(pixels)))
                wanted = [(items[at].scorer, items[at].threshold) for at in own]
                for scorer, threshold in dict.fromkeys(wanted):
                    rows = [row for row, each in enumerate(wanted) if each == (scorer, threshold)]
                    most = max(items[own[row]].top_k for row in rows)
                    ranked = scorer.ranked(encoded.rows(rows), most, slot.take, threshold)
                    found |= zip([own[row] for row in rows], ranked, strict=True)
        return [found[at].cut(item.top_k) for at, item in enumerate(items)]

    def _answers(
        self,
        loaded: LoadedClassifier,
        names: Sequence[str | None],
        rankings: Sequence[Ranking],
    ) -> list[ImageAnswer]:
        labels, spoken = loaded.scorer.classifier.labels, loaded.scorer.classifier.names

        def listed(columns: NDArray[np.int64], scores: NDArray[np.float32]) -> list[LabelScore]:
            pairs = zip(columns.tolist(), scores.tolist(), strict=True)
            return [
                LabelScore(
                    label=labels[at], score=score, name=None if spoken is None else spoken[at]
                )
                for at, score in pairs
            ]

        def not_sure(each: Ranking) -> bool:
            classifier = loaded.scorer.classifier
            if classifier.multi_label or not len(each.given):
                return False
            return abstains(classifier, int(each.given[0]), float(each.given_scores[0]))

        answers = [
            ImageAnswer(
                name=name,
                labels=[] if (unsure := not_sure(each)) else listed(each.given, each.given_scores),
                abstained=unsure,
                top=listed(each.top, each.top_scores),
            )
            for name, each in zip(names, rankings, strict=True)
        ]
        drift = self._drift.get((loaded.name, loaded.version))
        if drift is not None:
            given_names = [tuple(each.label for each in answer.labels) for answer in answers]
            drift.count(given_names, np.array([each.distance for each in rankings], np.float32))
        return answers
