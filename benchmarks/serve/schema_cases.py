"""Requests that schemathesis makes of the endpoint's own OpenAPI document, valid and invalid.

Answers are checked against the document: no status of 500 and above, only documented statuses and
media types, bodies of their schema.
"""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS
from schemathesis.core.failures import Failure, FailureGroup

from benchmarks.serve.findings import Findings

_CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    "response_schema_conformance",
)
_TIMEOUT_S = 60.0
_MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


def _sound(found: Any) -> Any:
    """The operation, of one that schemathesis could read."""
    return found.ok()


class SchemaCases:
    """The operations of the document, and a session to ask them."""

    def __init__(self, url: str, findings: Findings) -> None:
        """Read the document."""
        self._url, self._findings = url, findings
        with urllib.request.urlopen(f"{url}/openapi.json") as answer:
            schema = schemathesis.openapi.from_dict(json.load(answer))
        self._operations = [_sound(found) for found in schema.get_all_operations()]
        self._checks = [CHECKS.get_one(name) for name in _CHECKS]
        self._session = requests.Session()
        self._sent = 0

    def send(self, count: int, number: int) -> int:
        """Send about `count` requests, half of them invalid; returns how many they were.

        Operations with a body get nine of ten: there is little to get wrong in the others.
        """
        before = self._sent
        bodies = [each for each in self._operations if each.body]
        others = [each for each in self._operations if not each.body]
        for group, share in ((bodies, 0.9), (others, 0.1)):
            for operation in group:
                for mode in _MODES:
                    examples = round(count * share / len(group) / len(_MODES))
                    with suppress(Unsatisfiable):  # without parameters nothing is invalid
                        self._run(operation, mode, max(1, examples), number)
        return self._sent - before

    def _run(self, operation: Any, mode: Any, examples: int, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            self._ask(case, f"schema, {mode.value}")

        ask()

    def _ask(self, case: Any, kind: str) -> None:
        self._sent += 1
        name = f"schema-{self._sent}"
        try:
            response = case.call(base_url=self._url, session=self._session, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            self._findings.count(kind, type(error).__name__)
            text = case.as_curl_command().encode("utf-8", "replace")
            self._findings.fault(f"{kind}: {type(error).__name__}", name, text, b"")
            return
        self._findings.count(kind, str(response.status_code))
        try:
            case.validate_response(response, checks=self._checks)
        except (Failure, FailureGroup) as failure:
            failures = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            text = case.as_curl_command().encode("utf-8", "replace")
            for each in failures:
                what = f"{kind}: {case.operation.label}: {response.status_code}: {each.title}"
                self._findings.fault(what, name, text, response.content)
