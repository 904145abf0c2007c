"""Hostile requests: every answer must be a proper one, and memory must not grow.

    uv run python -m benchmarks.serve.fuzz [--requests 20000] [--seed 0] [--concurrency 4]
        [--serve-flags FLAGS] [--out fuzz-findings] [--only NUMBER] [--kinds KIND ...]

A quarter of the requests is made by schemathesis of /openapi.json, the others are drawn by number:
good ones, broken images, hostile bodies, headers, methods and paths, slow bodies and clients that
leave (`benchmarks.serve.hostile`). `--only` sends one of them again, `--kinds` only those whose
kind begins so, to see what memory grows with. Few are sent at a time, so the
endpoint is never overloaded and no status of 500 and above is right. A fault is also an answer with
another status than the request deserves, an error that is no problem document, and none at all;
requests and answers of faults are saved to `--out`. Resident memory of the endpoint's processes is
read before, after the warm-up (2,000 requests), and every 2,000. The classifier is the field
guide's. Fails if an answer had a status of 500 or above.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import machine
from benchmarks.serve.endpoint import Endpoint, fit_zero_shot
from benchmarks.serve.findings import Findings, problem_fault
from benchmarks.serve.hostile import Case, case
from benchmarks.serve.http_client import Answer, Connection, read_answer
from benchmarks.serve.resident import TOGETHER, Resident
from benchmarks.serve.schema_cases import SchemaCases
from fieldguide.world import NAMES

BLOCK = 2000
SCHEMA_SHARE = 0.25
LEFT = "left"
_TIMEOUT_S = 90.0
_PIECES, _PIECE_S = 10, 0.1
_NO_ANSWER = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


class Fuzzer:
    """Sends cases by number to an endpoint and judges the answers."""

    def __init__(self, port: int, seed: int, findings: Findings) -> None:
        """Remember where and what to send."""
        self._port, self._seed, self._findings = port, seed, findings

    async def send(self, numbers: Iterable[int], concurrency: int) -> None:
        """Send the cases of some numbers, few at a time."""
        left = iter(numbers)
        stalled: list[asyncio.Task[None]] = []

        async def work() -> None:
            connection = Connection("127.0.0.1", self._port)
            for number in left:
                made = case(self._seed, number)
                if made.manner == "stall":  # waits for the server's patience to end, not for ours
                    stalled.append(asyncio.create_task(self.one(number, made, connection)))
                else:
                    await self.one(number, made, connection)
            connection.close()

        await asyncio.gather(*(work() for _ in range(concurrency)))
        await asyncio.gather(*stalled)

    async def one(self, number: int, made: Case, connection: Connection) -> None:
        """Send one case and note its answer."""
        answer = None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if made.manner == "ask":
                    answer = await connection.ask(made.data)
                else:
                    answer = await self._badly(made)
            outcome = LEFT if answer is None else str(answer.status)
        except TimeoutError:
            outcome = "unanswered"
        except _NO_ANSWER as error:
            outcome = type(error).__name__
        self._findings.count(made.kind, outcome)
        what = fault_of(made, outcome, answer)
        if what is not None:
            body = answer.body if answer is not None else outcome.encode()
            self._findings.fault(f"{made.kind}: {what}", str(number), made.data, body)

    async def _badly(self, made: Case) -> Answer | None:
        """Send a case on a connection of its own, in its manner."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        try:
            if made.manner == "drip":
                step = len(made.data) // _PIECES + 1
                for start in range(0, len(made.data), step):
                    writer.write(made.data[start : start + step])
                    await asyncio.sleep(_PIECE_S)
            else:
                writer.write(made.data)
            if made.manner in ("leave", "vanish"):
                await writer.drain()
                writer.transport.abort()
                return None
            if made.manner == "end":
                writer.write_eof()
            return await read_answer(reader)
        finally:
            writer.close()


def fault_of(made: Case, outcome: str, answer: Answer | None) -> str | None:
    """What is wrong with an answer; None when it is right."""
    if outcome == LEFT:
        return None
    if answer is None:
        return None if made.broken_http else f"no answer ({outcome})"
    if answer.status >= 500:
        return f"status {answer.status}"
    if answer.status not in made.statuses:
        return f"status {answer.status}, not {' or '.join(map(str, made.statuses))}"
    if answer.status >= 400 and not made.broken_http:
        return problem_fault(answer)
    return None


def measure(endpoint: Endpoint, findings: Findings, options: argparse.Namespace) -> Resident:
    """Send everything in blocks, reading memory between them."""
    resident = Resident(endpoint)
    fuzzer = Fuzzer(endpoint.port, options.seed, findings)
    schema = SchemaCases(endpoint.url, findings)
    resident.read(0)
    sent = 0
    numbers: Iterator[int] = itertools.count()
    if options.kinds:
        wanted = tuple(options.kinds)
        numbers = (n for n in numbers if case(options.seed, n).kind.startswith(wanted))
    while sent < options.requests:
        block = min(BLOCK, options.requests - sent)
        by_schema = 0
        if not options.kinds:
            by_schema = schema.send(round(block * SCHEMA_SHARE), options.seed + sent)
        own = max(0, block - by_schema)
        asyncio.run(fuzzer.send(list(itertools.islice(numbers, own)), options.concurrency))
        sent += own + by_schema
        resident.read(sent)
        total = resident.mib[-1][TOGETHER]
        print(f"{sent:,} requests, {total:.0f} MiB, ", end="")
        print(f"{findings.server_errors()} answers of 500 and above", flush=True)
    return resident


def main() -> None:
    """Send, print the tables; fails if an answer had a status of 500 or above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--serve-flags", default="", help="flags of onoma serve")
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--only", type=int, help="send this one case and print its answer")
    parser.add_argument("--kinds", nargs="+", help="send only cases whose kind begins so")
    options = parser.parse_args()
    findings = Findings(options.out)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        classifier = fit_zero_shot(root / "classifier", NAMES, "fieldguide")
        log = root / "serve.log"
        with Endpoint([f"birds={classifier}"], options.serve_flags, log) as endpoint:
            print(f"fuzz: seed {options.seed}; {machine.describe()}", flush=True)
            if options.only is not None:
                made = range(options.only, options.only + 1)
                asyncio.run(Fuzzer(endpoint.port, options.seed, findings).send(made, 1))
            else:
                measure(endpoint, findings, options).print(BLOCK)
    findings.print()
    raise SystemExit(1 if findings.server_errors() else 0)


if __name__ == "__main__":
    main()
