"""What is used of web libraries that is not public API; tests/compat/test_serve.py tests each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from importlib.resources import files
from pathlib import Path

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser


class TooManyFilesError(MultiPartException):
    """A form has more files than it may have."""


class FormCutError(MultiPartException):
    """A form ends before its last boundary, so parts may be missing."""


class _InMemory(MultiPartParser):
    """Keeps files in memory, and knows whether the last boundary was there.

    Starlette writes a file of more than 1 MiB to disk, which no argument changes, and takes a form
    that is cut for a whole one.
    """

    spool_max_size = 2**40
    ended = False

    def on_end(self) -> None:
        """Called by the parser at the last boundary."""
        self.ended = True


async def parse_form(
    headers: Mapping[str, str], body: bytes, *, max_files: int, max_fields: int
) -> FormData:
    """Parse a multipart form whose body is in memory, without a file on disk.

    Raises:
        TooManyFilesError: it has more than ``max_files``; Starlette tells these errors apart only
            by their message.
        FormCutError: its last boundary is missing.
        MultiPartException: it is malformed otherwise, or has more than ``max_fields``.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    parser = _InMemory(Headers(headers), stream(), max_files=max_files, max_fields=max_fields)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise TooManyFilesError(error.message) from error
        raise
    if not parser.ended:
        raise FormCutError("its last boundary is missing")
    return form


def swagger_ui_folder() -> Path:
    """The folder with Swagger UI 5, which reads OpenAPI 3.1 (4 does not).

    fastapi-offline wraps an application of its own around these files; here they are answered like
    the page's, with a policy that allows nothing from elsewhere.
    """
    return Path(str(files("fastapi_offline"))) / "static"
