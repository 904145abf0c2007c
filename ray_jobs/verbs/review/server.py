"""The server of the review page: loopback only, behind a token in its address.

Whoever has the address may answer; a page of another site cannot, since it does not know the token,
and cannot point its own name at this server, since the Host header must be of this machine. Nothing
comes from elsewhere, and nothing may be read by other origins.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from actors.images.errors import ImageError
from methods.errors import InputError
from ray_jobs.verbs.review.pictures import picture
from ray_jobs.verbs.review.sample import DrawnImage
from ray_jobs.verbs.review.session import ReviewSession

_FOLDER: Final = Path(__file__).parent / "page"
_FILES: Final = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}
_HOSTS: Final = {"127.0.0.1", "localhost", "[::1]"}
_KEPT_PICTURES: Final = 32
_LONGEST_BODY: Final = 10_000
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
}


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def review_app(session: ReviewSession, token: str) -> Starlette:
    """Return the application for one reviewer."""

    @lru_cache(_KEPT_PICTURES)
    def drawn(image_id: int) -> bytes:
        return picture(session.sample.run, session.image(image_id))

    async def file(request: Request) -> Response:
        name, kind = _FILES[request.url.path.rpartition("/")[2]]
        return Response((_FOLDER / name).read_bytes(), media_type=kind)

    async def classes(request: Request) -> Response:
        return JSONResponse(_classes(session))

    async def state(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_state, session))

    async def image(request: Request) -> Response:
        try:
            data = await run_in_threadpool(drawn, int(request.path_params["image_id"]))
        except InputError as error:
            return JSONResponse({"error": str(error)}, 404)
        except ImageError as error:
            return JSONResponse({"error": f"{error.code}: {error.detail}"}, 422)
        return Response(data, media_type="image/jpeg")

    async def one(request: Request) -> Response:
        """The state with an image that the person asks for, such as one that is disputed."""
        found = session.image(int(request.path_params["image_id"]))
        return JSONResponse(await run_in_threadpool(_state, session, found))

    async def answer(request: Request) -> Response:
        body = await _body(request)
        await run_in_threadpool(
            session.answer, int(body["image_id"]), body["answer"], body.get("label", "")
        )
        return JSONResponse(await run_in_threadpool(_state, session))

    async def undo(request: Request) -> Response:
        found = await run_in_threadpool(session.undo)
        return JSONResponse(await run_in_threadpool(_state, session, found))

    at = "/{token}"
    app = Starlette(
        routes=[
            *(Route(f"{at}/{name}", file) for name in _FILES),
            Route(f"{at}/api/classes", classes),
            Route(f"{at}/api/state", state),
            Route(f"{at}/api/image/{{image_id}}", one),
            Route(f"{at}/image/{{image_id}}", image),
            Route(f"{at}/api/answer", answer, methods=["POST"]),
            Route(f"{at}/api/undo", undo, methods=["POST"]),
        ],
        exception_handlers={InputError: _refused, KeyError: _malformed, ValueError: _malformed},
    )
    app.add_middleware(_Door, token=token)
    return app


class _Door:
    """Lets in who names this machine and knows the token; every answer gets the same headers."""

    def __init__(self, app: Any, token: str) -> None:
        self.app, self._token = app, token.encode()

    async def __call__(self, scope: Any, receive: Any, send: Callable[..., Any]) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        refused = self._refuse(Request(scope))
        await (refused or self.app)(scope, receive, with_headers)

    def _refuse(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if _without_port(host) not in _HOSTS:
            return JSONResponse({"error": "this page is asked for by a name of this machine"}, 403)
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return JSONResponse({"error": "not from another page"}, 403)
        given = request.url.path.split("/")[1]
        if not secrets.compare_digest(given.encode(), self._token):
            return JSONResponse({"error": "no such page; open the address that was printed"}, 404)
        if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
            return JSONResponse({"error": "JSON is wanted"}, 415)
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


async def _body(request: Request) -> dict[str, Any]:
    data = await request.body()
    if len(data) > _LONGEST_BODY:
        raise InputError("the answer is too long")
    body = json.loads(data)
    if not isinstance(body, dict) or body.get("answer") not in ("label", "none", "skip"):
        raise InputError("an answer is label, none or skip")
    return body


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)


async def _malformed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "not a request of this page"}, 400)


def _classes(session: ReviewSession) -> list[list[str]]:
    """Every class: its id, then the names that it is found by."""
    named = session.sample.run.named
    if named is None:
        return [[label] for label in sorted(session.sample.labels)]
    rows = zip(named.ids, named.names, named.others, strict=True)
    return [list(dict.fromkeys((key, name, *others))) for key, name, others in rows]


def _state(session: ReviewSession, first: DrawnImage | None = None) -> dict[str, Any]:
    images = session.next_images()
    if first is not None:
        images = [first, *(each for each in images if each.image_id != first.image_id)]
    found = session.figures()
    return {
        "reviewer": session.reviewer,
        "open_list": not session.sample.run.classes,
        "image": _shown(session, images[0]) if images else None,
        "after": str(images[1].image_id) if len(images) > 1 else None,
        "figures": found,
    }


def _shown(session: ReviewSession, image: DrawnImage) -> dict[str, Any]:
    """One image; ids are texts, since a script's numbers do not hold 64 bits."""
    before = session.answers.get(image.image_id)
    return {
        "image_id": str(image.image_id),
        "path": image.path,
        "predicted": image.predicted,
        "choices": [{"label": label, "score": score} for label, score in image.choices],
        # a second look is only one if the first answer is not seen
        "said": before.said if before and session.reviewer in before.said else {},
    }
