"""The OpenAPI document: problems of each path, and models that only bodies and problems name."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from serve.messages import ClassifyRequest
from serve.problems import MEDIA_TYPE, Problem

STATUSES: Final = {
    400: "the body cannot be read",
    404: "no such classifier",
    408: "the request did not arrive in time",
    413: "the body is too large",
    415: "neither multipart/form-data nor application/json",
    422: "a field or an image is at fault",
    429: "too many requests wait; come back after Retry-After seconds",
    503: "no replica is there",
    504: "no answer in time",
}
"""What each status says that a request to classify may end in."""


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a path that answers with problem documents of these statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": STATUSES[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
            **(
                {"headers": {"Retry-After": {"schema": {"type": "integer"}}}}
                if status == 429
                else {}
            ),
        }
        for status in statuses
    }


def document(app: FastAPI) -> dict[str, Any]:
    """Make the document once, with the schemas that no path's signature names."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, schemas = models_json_schema(
            [(ClassifyRequest, "validation"), (Problem, "serialization")],
            ref_template="#/components/schemas/{model}",
        )
        known = made.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in schemas["$defs"].items():
            known.setdefault(name, schema)
        app.openapi_schema = made
    return app.openapi_schema
