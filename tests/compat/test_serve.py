"""What `serve.compat` relies on in Starlette."""

from __future__ import annotations

import asyncio
import tempfile

import pytest
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from serve.compat import FormCutError, TooManyFilesError, parse_form, swagger_ui_folder

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")
LARGE = b"x" * (3 * 1024 * 1024)


def form(*files: bytes, end: bytes = b"--b--\r\n") -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n%b\r\n'
    return b"".join(part % data for data in files) + end


def parse(body: bytes) -> FormData:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return asyncio.run(parse_form(headers, body, max_files=2, max_fields=2))


def test_a_large_file_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(LARGE) > MultiPartParser.spool_max_size

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written to disk")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    [(name, file)] = parse(form(LARGE)).multi_items()
    assert not isinstance(file, str)
    assert (name, asyncio.run(file.read())) == ("images", LARGE)


def test_too_many_files_are_told_from_what_is_malformed() -> None:
    with pytest.raises(TooManyFilesError):
        parse(form(b"1", b"2", b"3"))
    with pytest.raises(MultiPartException) as caught:
        parse(b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n")
    assert type(caught.value) is MultiPartException


@pytest.mark.parametrize("end", [b"", b"--b", b"--b\r\n"])
def test_a_form_without_its_last_boundary_is_cut(end: bytes) -> None:
    with pytest.raises(FormCutError, match="its last boundary is missing"):
        parse(form(b"1", end=end))


def test_swagger_ui_is_where_it_is_looked_for() -> None:
    assert (swagger_ui_folder() / "favicon.png").read_bytes()
    assert (swagger_ui_folder() / "swagger-ui.css").read_bytes()
    script = (swagger_ui_folder() / "swagger-ui-bundle.js").read_text("utf-8")
    assert "openapi-3-1" in script, "version 4 cannot show the document"
