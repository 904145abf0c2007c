"""Stages for one's own pipeline of Ray Data, which keep its columns and add their own.

    import onoma.stages
    import ray

    rows = ray.data.read_parquet("s3://bucket/items")  # with a column `image`
    rows.map_batches(
        onoma.stages.Label,
        fn_constructor_kwargs={"classifier": "s3://bucket/runs/photos"},
        batch_size=64,
        compute=ray.data.ActorPoolStrategy(size=2),
        num_gpus=1,
    ).write_parquet("s3://bucket/labelled")

They take batches in any of Ray's formats, tables of PyArrow, data frames of pandas or dictionaries
of NumPy arrays, and give back the same. A cell of the image column is a `onoma.pictures.Picture`: a
path or URI, encoded bytes, pixels as ``ray.data.read_images`` makes them, or a dictionary of bytes
and path. Paths are whole ones, since replicas work in folders of their own. No row is dropped: a
bad image has a code in ``error`` and a sentence in ``error_detail``. A replica uses the GPUs and
CPUs that ``map_batches`` gives it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.precision import Precision
from actors.clip.runtime import ClipRuntime
from actors.cores import usable_cores
from actors.images.errors import ImageError
from actors.images.limits import DEFAULT_MAX_PIXELS
from methods.errors import InputError
from onoma.classifier import Classifier
from onoma.pictures import model_input

__all__ = ["Embed", "Label"]

Batch = TypeVar("Batch", bound=Any)

_ERRORS = (("error", pa.string()), ("error_detail", pa.string()))


class Label:
    """Label images with a classifier.

    Adds ``label`` and ``score`` (of a classifier with several labels ``labels`` and ``scores``),
    ``top_labels``, ``top_scores``, ``distance``, ``error`` and ``error_detail``, as the labels
    table of a run has them.
    """

    _several: ClassVar[Sequence[tuple[str, pa.DataType]]] = (
        ("labels", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
    )
    _one: ClassVar[Sequence[tuple[str, pa.DataType]]] = (
        ("label", pa.string()),
        ("score", pa.float32()),
    )
    _both: ClassVar[Sequence[tuple[str, pa.DataType]]] = (
        ("top_labels", pa.list_(pa.string())),
        ("top_scores", pa.list_(pa.float32())),
        ("distance", pa.float32()),
        *_ERRORS,
    )

    def __init__(
        self,
        classifier: str | os.PathLike[str],
        *,
        image: str = "image",
        prefix: str = "",
        top_k: int = 5,
        threshold: float | None = None,
        clip: str | None = None,
        precision: Precision = "auto",
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        """Load the classifier and its CLIP model, once a replica.

        Args:
            classifier: folder of a classifier or of a run, which every node sees.
            image: the column with the images.
            prefix: of the columns that are added, where one has such a name already.
            top_k: classes to rank.
            threshold: for classifiers with several labels, in place of their own.
            clip: the same CLIP model in another place.
            precision: ``auto`` is bf16 on a GPU and fp32 on a CPU.
            max_pixels: larger images are refused before they are decoded.

        Raises:
            InputError: no classifier there, or another CLIP model.
        """
        device, threads = _own_device()
        self._classifier = Classifier.load(
            classifier,
            clip=clip,
            precision=precision,
            device=device,
            threads=threads,
            max_pixels=max_pixels,
        )
        self._image, self._prefix = image, prefix
        self._top_k, self._threshold = top_k, threshold
        own = self._several if self._classifier.multi_label else self._one
        self._adds = [*own, *self._both]

    def __call__(self, batch: Batch) -> Batch:
        """Label one batch; rows stay in order.

        Raises:
            InputError: no such image column, or a column that is added is there already.
        """
        cells = _cells(batch, self._image)
        with ThreadPoolExecutor() as pool:  # decoders leave Python's lock
            pixels = list(pool.map(self._classifier.read, cells))
        told = self._classifier.predict_pixels(pixels, self._top_k, self._threshold)
        columns: dict[str, list[Any]] = {}
        for name, _ in self._adds:
            if name in ("label", "score"):
                values = [getattr(each, f"{name}s") for each in told]
                columns[name] = [value[0] if value else None for value in values]
            else:
                columns[name] = [getattr(each, name) for each in told]
        return _with_columns(batch, self._adds, columns, self._prefix)


class Embed:
    """Add CLIP's features of images: ``embedding``, float32 unit vectors, and the two of errors."""

    def __init__(
        self,
        clip: str | os.PathLike[str],
        *,
        image: str = "image",
        prefix: str = "",
        precision: Precision = "auto",
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        """Load the CLIP model, once a replica.

        Args:
            clip: as ``--clip`` has it, such as ``ViT-L-14/openai``.
            image, prefix, precision, max_pixels: as of `Label`.

        Raises:
            InputError: no such model.
        """
        device, threads = _own_device()
        model = resolve_clip(os.fspath(clip))
        self._encoder: ClipEncoder = ClipRuntime(model, precision, device, threads).load()
        self._image, self._prefix, self._max_pixels = image, prefix, max_pixels
        self._adds = [("embedding", pa.list_(pa.float32(), model.embed_dim)), *_ERRORS]

    def __call__(self, batch: Batch) -> Batch:
        """Encode one batch; rows stay in order, and a bad image has no embedding.

        Raises:
            InputError: no such image column, or a column that is added is there already.
        """
        with ThreadPoolExecutor() as pool:
            pixels = list(pool.map(self._read, _cells(batch, self._image)))
        good = [each for each in pixels if not isinstance(each, ImageError)]
        rows = iter(self._encoder.encode_pixels(np.stack(good)) if good else ())
        errors = [each if isinstance(each, ImageError) else None for each in pixels]
        columns: dict[str, list[Any]] = {
            "embedding": [None if error else next(rows) for error in errors],
            "error": [error and error.code for error in errors],
            "error_detail": [error and error.detail for error in errors],
        }
        return _with_columns(batch, self._adds, columns, self._prefix)

    def _read(self, picture: Any) -> Any:
        try:
            how = self._encoder.model_info.preprocessing
            return model_input(picture, how, self._max_pixels)
        except ImageError as error:
            return error


def _own_device() -> tuple[str | None, int | None]:
    """Device and CPU threads of this process: in an actor of Ray what it was given."""
    import ray

    if not ray.is_initialized():
        return None, None
    context = ray.get_runtime_context()
    if context.get_actor_id() is None:
        return None, None
    if ray.get_gpu_ids():
        return "cuda", None
    given = int(context.get_assigned_resources().get("CPU", 0))
    return "cpu", min(given, usable_cores()) or usable_cores()


def _cells(batch: Any, column: str) -> Iterable[Any]:
    """The cells of the image column of a batch in any format."""
    names = batch.column_names if isinstance(batch, pa.Table) else list(batch)
    if column not in names:
        raise InputError(
            f"no column {column!r} with images; there are {', '.join(map(str, names))}: say which "
            "one by image="
        )
    if isinstance(batch, pa.Table):
        return [cell.as_py() for cell in batch.column(column)]
    return list(batch[column])


def _with_columns(
    batch: Any,
    adds: Sequence[tuple[str, pa.DataType]],
    columns: Mapping[str, list[Any]],
    prefix: str,
) -> Any:
    """The batch with more columns, in its own format."""
    table = isinstance(batch, pa.Table)
    there = batch.column_names if table else list(batch)
    if taken := [prefix + name for name, _ in adds if prefix + name in there]:
        raise InputError(
            f"the batch has a column {taken[0]!r} already; say prefix='onoma_', and the columns "
            "that are added begin with that"
        )
    if table:
        for name, kind in adds:
            batch = batch.append_column(prefix + name, pa.array(columns[name], kind))
        return batch
    arrays = {prefix + name: _array(columns[name], kind) for name, kind in adds}
    return batch.assign(**arrays) if hasattr(batch, "assign") else {**batch, **arrays}


def _array(values: list[Any], kind: pa.DataType) -> Any:
    """Values as an array of NumPy: numbers as such, all else as objects."""
    if pa.types.is_floating(kind):
        return np.array([np.nan if value is None else value for value in values], np.float32)
    array = np.empty(len(values), object)
    for at, value in enumerate(values):  # one by one, else lists of one length become a matrix
        array[at] = value
    return array
