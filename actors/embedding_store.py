"""The embedding store: CLIP's features of an archive, kept so that no image is encoded twice.

A store is a folder. ``embeddings/part-*.parquet`` hold a row for each image of the archive
(`embedding_schema`), features as they are used: of unit length, ``float16`` or ``float32``.
``embeddings.json`` says which CLIP made them and how the images were read; it is written last, so
that a folder without it is half-written. Of an image that could not be encoded, the row has a code
in ``error`` and no feature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from methods.errors import InputError

if TYPE_CHECKING:
    from actors.clip.model import ClipModel

Dtype = Literal["float16", "float32"]

RECORD: Final = "embeddings.json"
ROW_GROUP: Final = 4096
"""Rows of a row group: what is read at least where a few images are looked up."""

STORED: Final = "stored_feature"
"""Column with the stored feature of an image on its way through a pass, null where there is none:
such an image is neither read nor decoded nor encoded."""

SHOWN_SETTINGS: Final = ("max_bytes", "max_pixels", "exact_decode", "as_stored")
"""Settings of reading that decide a feature, or whether there is one."""

_PARTS: Final = "embeddings"
_PART_BYTES: Final = 64 << 20
_FORMAT: Final = 1
_RUN: Final = "run.json"


def feature_type(width: int, dtype: str) -> pa.DataType:
    """The type of the column of features: lists of ``width`` numbers, none of them null."""
    kind = pa.float16() if dtype == "float16" else pa.float32()
    return pa.list_(pa.field("element", kind, nullable=False), width)


def embedding_schema(width: int, dtype: str) -> pa.Schema:
    """The columns of a store.

    ``digest`` is the hash of the encoded bytes (XXH3, 16 bytes), null where none could be read;
    ``feature`` is null in rows with an error.
    """
    return pa.schema(
        [
            ("image_id", pa.int64()),
            ("path", pa.string()),
            ("uri", pa.string()),
            ("digest", pa.binary(16)),
            ("feature", feature_type(width, dtype)),
            ("error", pa.string()),
            ("error_detail", pa.string()),
        ]
    )


def feature_column(features: NDArray[Any], there: NDArray[np.bool_]) -> pa.FixedSizeListArray:
    """Wrap features (n, D) of a store's dtype as a column, null where ``there`` (n,) is false."""
    width = features.shape[1]
    flat = pa.array(np.ascontiguousarray(features).reshape(-1))
    mask = None if there.all() else pa.array(~there)
    kind = feature_type(width, str(features.dtype))
    return pa.FixedSizeListArray.from_arrays(flat, type=kind, mask=mask)


def feature_array(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Read a column made by `feature_column` back: (n, D) of its dtype; rows that are null are 0.

    Without nulls nothing is copied where the column is of one chunk.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    width = column.type.list_size
    kind = np.float16 if pa.types.is_float16(column.type.value_type) else np.float32
    found = [np.zeros((0, width), kind)]
    for chunk in chunks:
        values = chunk.values.slice(chunk.offset * width, len(chunk) * width)
        numbers = values.to_numpy(zero_copy_only=False).reshape(len(chunk), width)
        if chunk.null_count:
            numbers = np.where(chunk.is_null().to_numpy(zero_copy_only=False)[:, None], 0, numbers)
        found.append(numbers.astype(kind, copy=False))
    return found[1] if len(found) == 2 else np.concatenate(found)


def unit_features(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    """Features of a store for use: float32 (n, D), of unit length again where they were rounded."""
    found = feature_array(column)
    features = found.astype(np.float32)
    if found.dtype == np.float16:
        length = np.linalg.norm(features, axis=1, keepdims=True)
        np.divide(features, length, out=features, where=length > 0)
    return features


def stored_rows(batch: pa.Table) -> NDArray[np.bool_]:
    """Which rows of a batch bring their feature along, bool (n,)."""
    if STORED not in batch.column_names:
        return np.zeros(batch.num_rows, np.bool_)
    return np.asarray(batch.column(STORED).is_valid().to_numpy())


@dataclass(frozen=True)
class EmbeddingStore:
    """An open, finished store.

    Attributes:
        uri: of its folder.
        record: the content of ``embeddings.json``.
    """

    uri: str
    record: Mapping[str, Any]

    @property
    def width(self) -> int:
        """D, numbers of a feature."""
        return int(self.record["dimension"])

    @property
    def dtype(self) -> str:
        """``float16`` or ``float32``."""
        return str(self.record["dtype"])

    @property
    def images(self) -> int:
        """Rows, those with an error included."""
        return int(self.record["images"])

    @property
    def count(self) -> int:
        """Rows with a feature."""
        return int(self.record["count"])

    @property
    def manifest(self) -> str:
        """Folder of the manifest of the images that it holds."""
        return storage.join(self.uri, "manifest")

    def files(self) -> list[str]:
        """Its Parquet files, as paths on its file system."""
        return storage.list_files(parts_folder(self.uri), ".parquet")

    def batches(self, columns: Sequence[str], rows: int = 4 * ROW_GROUP) -> Iterator[pa.Table]:
        """Stream some columns in tables of at most so many rows."""
        filesystem, _ = storage.resolve(self.uri)
        for path in self.files():
            with pq.ParquetFile(path, filesystem=filesystem) as file:
                for batch in file.iter_batches(rows, columns=list(columns)):
                    yield pa.Table.from_batches([batch])

    def check(self, model: ClipModel, settings: Mapping[str, Any], what: str) -> None:
        """Check that its features are those that a command would compute.

        Args:
            model: the CLIP model of the command.
            settings: of the command: ``precision`` and `SHOWN_SETTINGS`.
            what: flag and folder, for the sentence.

        Raises:
            InputError: another CLIP, or images were read in another way.
        """
        own = self.record["clip"]
        if not model.is_of(own):
            other = "files of that name differ" if own["name"] == model.name else "another model"
            raise InputError(
                f"{what} holds features of the CLIP model {own['name']} ({own['embed_dim']} wide), "
                f"and {model.name} ({model.embed_dim} wide) is asked for: {other}; give "
                f"--clip {own['name']} as it was then, or embed the archive with {model.name}"
            )
        there = {"precision": self.record["precision"], **self.record["reading"]}
        for name in ("precision", *SHOWN_SETTINGS):
            if there[name] != settings[name]:
                flag = "--" + name.replace("_", "-")
                raise InputError(
                    f"{what} was made with {flag} {_said(there[name])}, and this command says "
                    f"{_said(settings[name])}; say the same, or embed the archive again"
                )


def _said(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def parts_folder(store: str) -> str:
    """Where the Parquet files of a store are, by its folder."""
    return storage.join(store, _PARTS)


def rows_per_part(width: int, dtype: str) -> int:
    """Rows of a file: some 64 MiB of features, in whole row groups."""
    rows = _PART_BYTES // (width * np.dtype(dtype).itemsize)
    return max(1, rows // ROW_GROUP) * ROW_GROUP


def write_part(store: str, number: int, tables: Sequence[pa.Table]) -> None:
    """Write a file of a store, whole or not at all, as it is read fastest.

    Features are noise to a compressor and a dictionary: without either they are read at the speed
    of memory, forty times as fast.
    """
    sink = pa.BufferOutputStream()
    table = pa.concat_tables(tables)
    pq.write_table(
        table, sink, row_group_size=ROW_GROUP, use_dictionary=False, compression="none",
        write_statistics=False,
    )  # fmt: skip
    uri = storage.join(parts_folder(store), f"part-{number:05d}.parquet")
    storage.write_bytes(uri, sink.getvalue())


def write_record(store: str, record: Mapping[str, Any]) -> None:
    """Write ``embeddings.json``: from now on the store is whole."""
    text = json.dumps({"format": _FORMAT, **record}, indent=1, ensure_ascii=False)
    storage.write_bytes(storage.join(store, RECORD), text.encode())


def open_store(folder: str, flag: str = "--embeddings") -> EmbeddingStore:
    """Open a store that ``onoma embed`` has finished.

    Args:
        folder: local or remote.
        flag: which gave it, for messages.

    Raises:
        InputError: nothing is there, something else, or a store that is half-written.
    """
    uri, what = storage.absolute(folder), f"{flag} {folder}".strip()
    if not storage.exists(uri):
        raise InputError(f"{what}: no such folder; make one with onoma embed --out {folder}")
    if not storage.exists(storage.join(uri, RECORD)):
        if _is_embed_run(uri):
            raise InputError(
                f"{what} is half-written: its onoma embed was stopped; run the same command again, "
                "which goes on where it was"
            )
        raise InputError(f"{what} is no embedding folder: no {RECORD}; onoma embed makes it")
    try:
        record = json.loads(storage.read_bytes(storage.join(uri, RECORD)))
        store = EmbeddingStore(uri, record)
        needed = (store.width, store.images, store.count, record["clip"]["fingerprint"])
        sound = record["format"] == _FORMAT and None not in needed and "reading" in record
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{what}: its {RECORD} is corrupt; embed the archive again") from error
    if not sound:
        raise InputError(f"{what}: its {RECORD} is of another version; embed the archive again")
    if not store.files():
        raise InputError(f"{what}: its {_PARTS}/*.parquet are gone; embed the archive again")
    rows = sum(_rows_of(store, path, what) for path in store.files())
    if rows != store.images:
        raise InputError(
            f"{what}: its {_PARTS}/*.parquet hold {rows} of {store.images} images; copy all of "
            "them, or embed the archive again"
        )
    return store


def _rows_of(store: EmbeddingStore, path: str, what: str) -> int:
    filesystem, _ = storage.resolve(store.uri)
    try:
        return int(pq.read_metadata(path, filesystem=filesystem).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        name = path.rpartition("/")[2]
        raise InputError(
            f"{what}: {_PARTS}/{name} is cut short or corrupt; embed the archive again"
        ) from error


def _is_embed_run(uri: str) -> bool:
    run = storage.join(uri, _RUN)
    try:
        return json.loads(storage.read_bytes(run)).get("method") == "embed"
    except (OSError, ValueError, AttributeError):
        return False
