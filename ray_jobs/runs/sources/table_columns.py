"""Which columns of a Parquet file hold images, or where they are, and what they are called.

Names are compared whatever their case. What a column can be used for is told by its type: bytes
(binary of any width, lists of uint8, Hugging Face's ``{bytes, path}``), addresses (text of any
width), keys (text, whole numbers and what else is one short value); dictionaries count as what
they are of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.types as pat

from methods.errors import InputError

KEY_COLUMNS: Final = ("path", "key", "__key__", "file_name", "filename", "id", "image_id", "name")
URI_COLUMNS: Final = (
    *("uri", "url", "image_uri", "image_url", "image_path", "img_path", "img_url", "file_path"),
    *("filepath", "path", "image", "img", "file_name", "filename", "jpg", "jpeg", "png", "webp"),
)
BYTES_COLUMNS: Final = (
    *("bytes", "image", "img", "image_bytes", "img_bytes", "image_data", "jpg", "jpeg", "png"),
    *("webp", "content", "data"),
)
_NO_IMAGES: Final = ("hash", "md5", "sha1", "sha256", "digest", "embed", "feature", "mask", "thumb")
"""What is in the names of columns of bytes that are no images."""
OWN_PATHS: Final = ("path", "file_name", "filename")
"""Keys that are unique among all tables of an archive; others are so in their own table only."""
NUMBERED: Final = "#"
"""What ``--id-column`` is given where no column is to be the key."""


@dataclass(frozen=True)
class TableColumns:
    """Which columns the user names.

    Attributes:
        image: of the images, their bytes or addresses; None for the first of the known names.
        key: of what images are called; `NUMBERED` for none; None for the first of the known names.
        keep: of what the labels table is to have as well; ``all`` of them, or none.
    """

    image: str | None = None
    key: str | None = None
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChosenColumns:
    """Which columns of one table are read.

    Attributes:
        image: of the images.
        holds: their bytes, or where they are.
        key: of what they are called; None where rows are numbered.
    """

    image: str
    holds: str
    key: str | None


def is_manifest(schema: pa.Schema) -> bool:
    """Whether a table is a manifest, or the labels of a run: whole-number ids, paths, addresses."""
    if any(schema.names.count(name) != 1 for name in ("image_id", "path", "uri")):
        return False
    kind = schema.field("image_id").type
    return (
        pat.is_signed_integer(kind)
        and is_text(schema.field("path").type)
        and is_text(schema.field("uri").type)
    )


def is_text(kind: pa.DataType) -> bool:
    """Text of any width, or a dictionary of it."""
    if pat.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Bytes of any width, lists of uint8, ``{bytes, path}``, or a dictionary of such."""
    if pat.is_dictionary(kind):
        return is_bytes(kind.value_type)
    if pat.is_struct(kind):
        names = [kind.field(at).name for at in range(kind.num_fields)]
        return "bytes" in names and is_bytes(kind.field("bytes").type)
    if pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind):
        return bool(pat.is_uint8(kind.value_type))
    return bool(
        pat.is_binary(kind)
        or pat.is_large_binary(kind)
        or pat.is_binary_view(kind)
        or pat.is_fixed_size_binary(kind)
    )


def is_key(kind: pa.DataType) -> bool:
    """Text or whole numbers, or a dictionary of these."""
    if pat.is_dictionary(kind):
        return is_key(kind.value_type)
    return is_text(kind) or bool(pat.is_integer(kind))


def choose_columns(uri: str, schema: pa.Schema, wanted: TableColumns) -> ChosenColumns:
    """Choose the columns of a table.

    Raises:
        InputError: there is none of those named, its type is none that can be used, or nothing
            looks like images.
    """
    image = _image(uri, schema, wanted.image)
    key = _key(uri, schema, wanted.key, image)
    _check_once(uri, schema, image, key)
    holds = "bytes" if is_bytes(schema.field(image).type) else "addresses"
    return ChosenColumns(image, holds, key)


def _image(uri: str, schema: pa.Schema, named: str | None) -> str:
    if named is not None:
        column = find_column(uri, schema, "--image-column", named)
        kind = schema.field(column).type
        if not is_bytes(kind) and not is_text(kind):
            raise InputError(
                f"--image-column {named}: it is {kind} in {uri}; images are bytes (binary, lists "
                "of uint8, {bytes, path}) or addresses (text)"
            )
        return column
    fitting = [field.name for field in schema if is_bytes(field.type)]
    only = fitting[0] if len(fitting) == 1 else None
    addresses = [name for name in URI_COLUMNS if name not in KEY_COLUMNS]
    for names, fits in ((BYTES_COLUMNS, is_bytes), (addresses, is_text)):
        if (found := _first(schema, names, fits)) is not None:
            return found
    if only is not None and not any(word in only.lower() for word in _NO_IMAGES):
        return only  # and a path or file_name beside it is what it is called
    if (found := _first(schema, URI_COLUMNS, is_text)) is not None:
        return found
    if only is not None:
        return only
    has = ", ".join(f"{field.name} ({_short(field.type)})" for field in schema)
    if fitting:
        raise InputError(
            f"--images {uri}: {' and '.join(fitting)} may each hold the images; give "
            f"--image-column {fitting[0]}, or the other"
        )
    raise InputError(
        f"--images {uri}: no column with images ({', '.join(BYTES_COLUMNS)}) or URIs "
        f"({', '.join(URI_COLUMNS[:6])}, ...) by name and type; it has {has}; name it with "
        "--image-column"
    )


def _key(uri: str, schema: pa.Schema, named: str | None, image: str) -> str | None:
    if named is None:
        return _first(schema, KEY_COLUMNS, is_key)
    if named == NUMBERED and NUMBERED not in schema.names:
        return None
    column = find_column(uri, schema, "--id-column", named)
    kind = schema.field(column).type
    if not is_key(kind):
        raise InputError(
            f"--id-column {named}: it is {kind} in {uri}; a key is text or a whole number"
        )
    return column


def find_column(uri: str, schema: pa.Schema, flag: str, named: str) -> str:
    """The column that a flag names, whatever the case of its letters.

    Raises:
        InputError: there is none.
    """
    if named in schema.names:
        _check_once(uri, schema, named)
        return named
    alike = [name for name in schema.names if name.lower() == named.lower()]
    if len(alike) == 1:
        return str(alike[0])
    raise InputError(f"{flag} {named}: no such column in {uri}; it has {', '.join(schema.names)}")


def _check_once(uri: str, schema: pa.Schema, *columns: str | None) -> None:
    for column in columns:
        if column is not None and schema.names.count(column) > 1:
            raise InputError(f"--images {uri}: it has several columns called {column}")


def _first(
    schema: pa.Schema, names: Iterable[str], fits: Callable[[pa.DataType], bool]
) -> str | None:
    """The first of some names that a column has and whose type fits."""
    there: dict[str, str] = {}
    for field in schema:
        if fits(field.type):
            there.setdefault(field.name, field.name)
    for field in schema:  # an exact name comes before one in other letters
        if fits(field.type):
            there.setdefault(field.name.lower(), field.name)
    return next((there[name] for name in names if name in there), None)


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 40 else f"{text[:37]}..."
