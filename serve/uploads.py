"""From an HTTP request to options and encoded images, within limits: multipart or JSON."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from serve.compat import TooManyFilesError, parse_form
from serve.messages import ClassifyRequest, ImageData, Options
from serve.problems import RequestError, invalid
from serve.remote_images import Allowance, fetch_image
from serve.settings import EndpointSettings

_IMAGES: Final = "images"
_FORM, _JSON = "multipart/form-data", "application/json"
_LARGE: Final = 256 * 1024
"""Bytes of a body from which it is parsed off the event loop."""


@dataclass(frozen=True)
class Upload:
    """A request as it was sent: options, and for each image its name and bytes."""

    options: Options
    names: list[str | None]
    images: list[bytes]


async def read_upload(request: Request, settings: EndpointSettings) -> Upload:
    """Read a request.

    Raises:
        RequestError: with status 400, 408, 413, 415 or 422, and the field at fault.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_FORM, _JSON):
        raise RequestError(
            415,
            "unsupported_content_type",
            f"send images as {_FORM} or {_JSON}" + (f", not as {kind}" if kind else ""),
        )
    body = await _body(request, settings)
    if kind == _FORM:
        return await _from_form(request, body, settings)
    if len(body) > _LARGE:
        sent = await asyncio.to_thread(_parse_json, body)
    else:
        sent = _parse_json(body)
    return await _from_json(sent, settings)


async def _body(request: Request, settings: EndpointSettings) -> bytes:
    """Read the whole body, never more than the limit of it."""
    limit = settings.max_body
    too_large = RequestError(
        413, "body_too_large", f"a request has at most {limit:,} bytes; send fewer images at once"
    )
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_large
    parts, size = [], 0
    try:
        async with asyncio.timeout(settings.upload_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
    except TimeoutError as error:
        raise RequestError(
            408, "slow_body", f"the request did not arrive within {settings.upload_seconds:g} s"
        ) from error
    except ClientDisconnect as error:
        raise RequestError(400, "malformed_body", "the client went away") from error
    return b"".join(parts)


async def _from_form(request: Request, body: bytes, settings: EndpointSettings) -> Upload:
    most = settings.max_images
    try:
        form = await parse_form(
            request.headers, body, max_files=most, max_fields=len(Options.model_fields) + 1
        )
    except TooManyFilesError as error:
        raise _too_many(most) from error
    except MultiPartException as error:
        raise RequestError(400, "malformed_body", f"no valid {_FORM}: {error.message}") from error
    except (FormParserError, UnicodeDecodeError, KeyError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise RequestError(400, "malformed_body", f"no valid {_FORM}: {reason}") from error
    fields: dict[str, Any] = {}
    files: list[UploadFile] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != _IMAGES:
                raise invalid(_printable(name), f"files are sent as parts named {_IMAGES}")
            files.append(value)
        elif name == _IMAGES:
            raise invalid(_IMAGES, "is text; an image is sent as a file, with a filename")
        elif name in fields:
            raise invalid(_printable(name), "is there twice")
        else:
            fields[name] = value
    if not files:
        raise invalid(_IMAGES, "is needed: one file or several")
    options = _options({name: value for name, value in fields.items() if value != ""})
    return Upload(
        options,
        [_printable(file.filename) if file.filename else None for file in files],
        [await file.read() for file in files],
    )


def _too_many(most: int) -> RequestError:
    detail = f"a request has at most {most} images; send the others in another one"
    return RequestError(422, "too_many_images", detail, [(_IMAGES, "too_many_images", detail)])


def _options(fields: dict[str, Any]) -> Options:
    try:
        return Options.model_validate(fields)
    except ValidationError as error:
        raise _invalid(error) from error


def _parse_json(body: bytes) -> ClassifyRequest:
    try:
        return ClassifyRequest.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            reason = error.errors(include_url=False)[0]["msg"]
            raise RequestError(400, "malformed_body", f"no valid JSON: {reason}") from error
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> RequestError:
    """What pydantic found, as faults of fields."""
    faults = []
    for problem in error.errors(include_url=False, include_context=False)[:20]:
        where = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]
        ).lstrip(".")
        message = problem["msg"][0].lower() + problem["msg"][1:]
        faults.append((_printable(where) or "body", str(problem["type"]), message))
    detail = "; ".join(f"{where}: {message}" for where, _, message in faults)
    return RequestError(422, "invalid_request", detail, faults)


async def _from_json(sent: ClassifyRequest, settings: EndpointSettings) -> Upload:
    if len(sent.images) > settings.max_images:
        raise _too_many(settings.max_images)
    allowance = Allowance(settings.max_body)
    found = await asyncio.gather(
        *(
            _image(image, f"{_IMAGES}[{at}]", settings, allowance)
            for at, image in enumerate(sent.images)
        )
    )
    refused = [each for each in found if isinstance(each, RequestError)]
    if refused:
        first, faults = refused[0], [fault for each in refused for fault in each.faults]
        raise RequestError(first.status, first.code, first.detail, faults)
    options = Options(classifier=sent.classifier, top_k=sent.top_k, threshold=sent.threshold)
    return Upload(
        options,
        [None if image.name is None else _printable(image.name) for image in sent.images],
        [each for each in found if not isinstance(each, RequestError)],
    )


async def _image(
    image: ImageData, field: str, settings: EndpointSettings, allowance: Allowance
) -> bytes | RequestError:
    """The bytes of one image of a JSON request; faults are values, as all are told at once."""
    try:
        if (image.data is None) == (image.url is None):
            raise invalid(field, "needs data (base64), or a url, and not both")
        if image.url is not None:
            return await fetch_image(image.url, f"{field}.url", settings, allowance)
        return await _from_base64(image.data or "", f"{field}.data")
    except RequestError as refused:
        return refused


async def _from_base64(text: str, field: str) -> bytes:
    head, comma, _ = text[:100].partition(",")
    if comma and re.fullmatch(r"data:[\w.+-]+/[\w.+-]+(;[\w=.+-]+)*;base64", head):
        text = text[len(head) + 1 :]  # a data: address, as browsers make them
    try:
        if len(text) > _LARGE:
            return await asyncio.to_thread(base64.b64decode, text, validate=True)
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(field, f"is not base64 ({error})") from error


def _printable(text: str) -> str:
    """A name as it can go into JSON and a page: no lone surrogates, no control characters."""
    kept = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(
        # joiners and no-break spaces stay: names of real files have them
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in kept[:500]
    )
