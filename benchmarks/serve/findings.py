"""What the requests of the fuzzer came to: counts, and whatever is wrong, saved to look at."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serve.figures import print_head, print_row
from benchmarks.serve.http_client import Answer

PROBLEM = "application/problem+json"
_PRINTED = 40


@dataclass
class Findings:
    """All answers, and the faults.

    Attributes:
        folder: where requests of faults are saved.
        outcomes: outcomes of each kind of request.
        faults: what is wrong, by what it is.
    """

    folder: Path
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def count(self, kind: str, outcome: str) -> None:
        """Count one request."""
        self.outcomes.setdefault(kind, Counter())[outcome] += 1

    def fault(self, what: str, name: str, request: bytes, answer: bytes) -> None:
        """Note a fault and save its request, the first of a hundred of the same."""
        self.faults[what] += 1
        if self.faults[what] > 100:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = f"{re.sub('[^a-z0-9]+', '-', what.lower()).strip('-')[:80]}-{name}"
        (self.folder / f"{stem}.request").write_bytes(request)
        (self.folder / f"{stem}.answer").write_bytes(answer)

    def server_errors(self) -> int:
        """Answers of 500 and above."""
        return sum(
            count
            for outcomes in self.outcomes.values()
            for outcome, count in outcomes.items()
            if outcome.isdigit() and int(outcome) >= 500
        )

    def print(self) -> None:
        """Print the table of answers, and the faults."""
        columns = sorted({name for outcomes in self.outcomes.values() for name in outcomes})
        print("\nanswers by kind of request")
        print_head("", *columns)
        total: Counter[str] = Counter()
        for kind, outcomes in sorted(self.outcomes.items()):
            total += outcomes
            print_row(kind, *(outcomes[name] or "" for name in columns))
        print_row("all", *(total[name] for name in columns))
        print(f"\nanswers of 500 and above: {self.server_errors()} (must be 0)")
        print(f"faults of any kind: {sum(self.faults.values())}, requests in {self.folder}")
        for what, count in self.faults.most_common(_PRINTED):
            print(f"* {count} x {what}")


def problem_fault(answer: Answer) -> str | None:
    """What is wrong with an error as a problem document; None when it is a proper one."""
    if answer.headers.get("content-type", "").partition(";")[0] != PROBLEM:
        return f"status {answer.status} as {answer.headers.get('content-type')}"
    try:
        document = json.loads(answer.body)
    except ValueError:
        return f"status {answer.status} is no JSON"
    if document.get("status") != answer.status:
        return f"status {answer.status} says status {document.get('status')}"
    missing = [name for name in ("type", "title", "code", "detail") if name not in document]
    if missing:
        return f"status {answer.status} lacks {', '.join(missing)}"
    if answer.status == 429 and not answer.headers.get("retry-after", "").isdigit():
        return "status 429 without Retry-After"
    return None
