"""The page at ``/`` and the OpenAPI page: files of the endpoint's own, nothing from elsewhere."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from serve.compat import swagger_ui_folder

_FOLDER: Final = Path(__file__).parent
_OWN: Final = ("index.html", "page.css", "page.js")
_DOCS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_COMMON: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI starts from a script in its page and styles itself
_DOCS_POLICY: Final = _POLICY.replace("-src 'self';", "-src 'self' 'unsafe-inline';")


def answer(name: str) -> Response:
    """One file of the page.

    Raises:
        HTTPException: 404, no such file.
    """
    if name not in _OWN:
        raise HTTPException(404, "no such file")
    return _file(_FOLDER / name, _POLICY)


def docs() -> Response:
    """Swagger UI on the OpenAPI document."""
    html = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Onoma",
        swagger_js_url=f"docs/{_DOCS[0]}",
        swagger_css_url=f"docs/{_DOCS[1]}",
        swagger_favicon_url=f"docs/{_DOCS[2]}",
        swagger_ui_parameters={"validatorUrl": None},  # elsewhere, and told what this one is
    )
    html.headers.update({**_COMMON, "Content-Security-Policy": _DOCS_POLICY})
    return html


def docs_asset(name: str) -> Response:
    """One file of Swagger UI.

    Raises:
        HTTPException: 404, no such file.
    """
    if name not in _DOCS:
        raise HTTPException(404, "no such file")
    return _file(swagger_ui_folder() / name, _DOCS_POLICY)


def _file(path: Path, policy: str) -> Response:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(
        path.read_bytes(), 200, {**_COMMON, "Content-Security-Policy": policy}, media_type=kind
    )
