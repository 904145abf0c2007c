"""What every format is made from: a run's rows, its classes, and the bytes of its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from actors import storage
from actors.images.errors import ImageError
from actors.images.fetch import fetch_bytes
from methods.errors import IMAGE_CODES
from methods.review_sampling import next_stratum, spreads
from ray_jobs.runs.reader import RunReader

_BATCHES_AT_ONCE: Final = 2
"""Of labels that are looked up in the manifest together: each look-up reads all of it."""
_IMAGES_AT_ONCE: Final = 32
_THREADS: Final = 8
_COLUMNS: Final = ("image_id", "path", "uri", "labels", "scores", "error", "error_detail")
_KINDS: Final = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
)
_MODELS: Final = ("classifier", "mllm", "clip")


@dataclass(frozen=True)
class ExportRow:
    """One image of a run.

    Attributes:
        labels, scores: alike long; of a single-label run at most one, none with an error. Scores
            are empty where the method has none.
        source: how its bytes are read: the manifest's row, or the address alone.
    """

    image_id: int
    path: str
    uri: str
    labels: list[str]
    scores: list[float]
    error: str | None
    error_detail: str | None
    source: dict[str, Any]

    @property
    def key(self) -> str:
        """The id in 16 letters that a file name may have."""
        return f"{self.image_id & 0xFFFFFFFFFFFFFFFF:016x}"

    @property
    def unreadable(self) -> bool:
        """Whether the job could not read the image."""
        return self.error in IMAGE_CODES

    @property
    def is_file(self) -> bool:
        """Whether the image is a whole file or object, rather than a part of one."""
        return self.source.get("row_group") is None and self.source.get("offset") is None

    def scored(self) -> Iterator[tuple[str, float | None]]:
        """Each label with its score."""
        for at, label in enumerate(self.labels):
            yield label, self.scores[at] if at < len(self.scores) else None


@dataclass
class RunExport:
    """A run that is exported.

    Attributes:
        run: the run.
        out: where the export will be when it is done.
        copy_images: whether images are copied where a link would do.
        sample: how many images at most, those that a review shows first.
        seed: of the sample.
        images: rows that were given out by the last `rows`.
        left_out: rows that a format could not hold, by error code.
    """

    run: RunReader
    out: str
    copy_images: bool = False
    sample: int | None = None
    seed: int = 0
    images: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def method(self) -> str:
        """The method of the run."""
        return str(self.run.record.get("method", ""))

    @cached_property
    def model(self) -> str:
        """What labelled: the classifier or the models, as the run's settings name them."""
        config = self.run.record.get("config", {})
        return ", ".join(f"{name} {config[name]}" for name in _MODELS if config.get(name))

    @cached_property
    def version(self) -> str:
        """The version of Onoma that labelled."""
        return str(self.run.record.get("versions", {}).get("onoma", ""))

    @cached_property
    def classes(self) -> list[str]:
        """The classes of the run; of one that discovers names, those that images have."""
        if found := self.run.classes:
            return found
        names: set[str] = set()
        for batch in self.run.batches(["labels"]):
            names.update(pc.unique(pc.list_flatten(batch.column("labels"))).to_pylist())
        return sorted(names)

    def rows(self, *, sources: bool = False) -> Iterator[ExportRow]:
        """Stream the rows.

        Args:
            sources: whether images will be read, so that the manifest is asked for each.
        """
        self.images = 0
        batches = self.run.batches(_COLUMNS)
        while several := list(islice(batches, _BATCHES_AT_ONCE if sources else 1)):
            rows = [row for batch in several for row in batch.to_pylist()]
            if self._drawn is not None:
                rows = [row for row in rows if row["image_id"] in self._drawn]
            found = self.run.manifest_rows([row["image_id"] for row in rows]) if sources else {}
            for row in rows:
                self.images += 1
                yield _row(row, found.get(row["image_id"]))

    def readable(self) -> Iterator[tuple[ExportRow, bytes]]:
        """Stream the rows whose images can be read, with their bytes; the others are left out."""
        with ThreadPoolExecutor(_THREADS) as pool:
            rows = self.rows(sources=True)
            while several := list(islice(rows, _IMAGES_AT_ONCE)):
                for row, found in zip(several, pool.map(_bytes, several), strict=True):
                    if isinstance(found, ImageError):
                        self.left_out[row.error or found.code] += 1
                    else:
                        yield row, found

    @cached_property
    def _drawn(self) -> set[int] | None:
        """The images that a review of the run shows first."""
        if self.sample is None:
            return None
        from ray_jobs.verbs.review.sample import draw_sample

        drawn = draw_sample(self.run, self.seed)
        sizes = drawn.strata.sizes
        taken = np.zeros(len(sizes), np.int64)
        held = np.array([len(own) for own in drawn.order])
        nothing = np.zeros(len(sizes))
        spread = spreads(drawn.strata.scores, sizes, taken, nothing)
        while taken.sum() < self.sample:
            at = next_stratum(sizes, taken, held - taken, spread)
            if at is None:
                break
            taken[at] += 1
        return {
            image.image_id
            for own, count in zip(drawn.order, taken, strict=True)
            for image in own[:count]
        }


def _row(row: dict[str, Any], source: dict[str, Any] | None) -> ExportRow:
    return ExportRow(
        image_id=row["image_id"],
        path=row["path"] or "",
        uri=row["uri"] or "",
        labels=list(row["labels"] or []),
        scores=[] if row["scores"] is None else list(row["scores"]),
        error=row["error"],
        error_detail=row["error_detail"],
        source=source or {"uri": row["uri"]},
    )


def _bytes(row: ExportRow) -> bytes | ImageError:
    if row.unreadable:
        return ImageError(str(row.error), row.error_detail or "")
    try:
        return fetch_bytes(row.source)
    except ImageError as error:
        return error


def ending(data: bytes, path: str) -> str:
    """Return the file ending of an image, by its first bytes, or else by its path."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    for start, kind in _KINDS:
        if data.startswith(start):
            return kind
    tail = path.rpartition("/")[2].rpartition(".")
    return f".{tail[2].lower()}" if tail[1] and tail[2].isalnum() else ".bin"


def local_file(row: ExportRow) -> str | None:
    """Return the path of an image that is a file of this machine, else None."""
    uri = row.source["uri"]
    return storage.local_path(uri) if uri and row.is_file and storage.is_local(uri) else None
