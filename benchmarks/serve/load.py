"""The load: a process of its own that sends images to an endpoint and notes every answer.

    echo JOB | python -m benchmarks.serve.load

The job (JSON of `Job`) is read from standard input, the notes (JSON of `Notes`) are written to
standard output; SIGTERM ends the load early, answers under way are waited for. One JPEG a multipart
request, in turns from those given.

* closed loop: `clients` connections, each sends, waits for its answer and sends again. After an
  answer other than 200 a client pauses, as `Retry-After` says or 0.1 s: otherwise refused clients
  would take the cores away from those served.
* open loop (`rate` given): Poisson arrivals, each at its own time whatever is still unanswered, on
  a connection of a pool that grows as needed. Latencies count from the scheduled arrival.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.serve.http_client import Answer, Connection, file_part, multipart, text_part

_PAUSE_S = 0.1
_LAST_ANSWER_S = 60.0
_NO_ANSWER = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


@dataclass(frozen=True)
class Job:
    """What to send.

    Attributes:
        port: of the endpoint.
        images: JPEG files.
        seconds: how long to send.
        clients: connections of the closed loop.
        rate: arrivals a second of the open loop; None is a closed loop.
        seed: of the arrivals.
        classifier: to ask for; None is the endpoint's default.
        read_version: note each answer's classifier version, which costs reading its JSON.
        host: of the endpoint.
    """

    port: int
    images: Sequence[str]
    seconds: float
    clients: int = 1
    rate: float | None = None
    seed: int = 0
    classifier: str | None = None
    read_version: bool = False
    host: str = "127.0.0.1"


class Sample(NamedTuple):
    """One request.

    Attributes:
        due: when it was sent, or in an open loop due to be sent (monotonic clock, seconds).
        latency: seconds from `due` to the last byte of the answer.
        outcome: the status, or why there is none.
        version: the classifier's, if asked for.
        late: seconds from `due` to sending it; large ones mean that the load process was too slow.
    """

    due: float
    latency: float
    outcome: str
    version: str = ""
    late: float = 0.0

    @property
    def answered(self) -> float:
        """When the answer was complete."""
        return self.due + self.latency


@dataclass(frozen=True)
class Notes:
    """What one load process saw.

    Attributes:
        began: when sending began (monotonic clock, seconds).
        samples: every request, in the order of their answers.
        cpu_share: cores the load process used on average.
    """

    began: float
    samples: list[Sample]
    cpu_share: float


class LoadProcess:
    """A load that runs in a process of its own."""

    def __init__(self, job: Job) -> None:
        """Start it."""
        command = [sys.executable, "-m", "benchmarks.serve.load"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)))
        self._process.stdin.close()
        self._process.stdin = None  # so that communicate() does not flush what is closed

    def stop(self) -> Notes:
        """End the load now; returns its notes."""
        self._process.terminate()
        return self.finish()

    def finish(self) -> Notes:
        """Wait for the load's own end; returns its notes."""
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise SystemExit(f"the load process failed ({self._process.returncode})")
        notes = json.loads(output)
        return Notes(notes["began"], [Sample(*s) for s in notes["samples"]], notes["cpu_share"])


def run_load(job: Job) -> Notes:
    """Run a load to its end in a process of its own."""
    return LoadProcess(job).finish()


class _Load:
    """A job under way, in the load process."""

    def __init__(self, job: Job) -> None:
        fields = [text_part("classifier", job.classifier)] if job.classifier else []
        self.requests = [
            multipart([*fields, file_part(Path(file).read_bytes(), Path(file).name)])
            for file in job.images
        ]
        self.job = job
        self.stopped = asyncio.Event()
        self.samples: list[Sample] = []
        self.sent = 0

    async def send(self, connection: Connection, due: float) -> Answer | None:
        """Send the next request and note what came of it."""
        data = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        late = time.monotonic() - due
        version = ""
        answer = None
        try:
            answer = await connection.ask(data)
            outcome = str(answer.status)
            if self.job.read_version and answer.status == 200:
                version = json.loads(answer.body)["classifier"]["version"]
        except _NO_ANSWER as error:
            outcome = type(error).__name__
        self.samples.append(Sample(due, time.monotonic() - due, outcome, version, late))
        return answer

    async def closed_loop(self) -> None:
        """Keep every client busy until the time is over."""
        end = time.monotonic() + self.job.seconds

        async def client() -> None:
            connection = Connection(self.job.host, self.job.port)
            while time.monotonic() < end and not self.stopped.is_set():
                answer = await self.send(connection, time.monotonic())
                if answer is None or answer.status != 200:
                    await asyncio.sleep(_pause(answer))
            connection.close()

        await asyncio.gather(*(client() for _ in range(self.job.clients)))

    async def open_loop(self, rate: float) -> None:
        """Send at the arrivals' times until the time is over; then wait for the answers."""
        idle: deque[Connection] = deque()
        under_way: set[asyncio.Task[None]] = set()

        async def arrival(due: float) -> None:
            connection = idle.pop() if idle else Connection(self.job.host, self.job.port)
            await self.send(connection, due)
            idle.append(connection)

        rng = random.Random(self.job.seed)
        due = time.monotonic()
        end = due + self.job.seconds
        while (due := due + rng.expovariate(rate)) < end and not self.stopped.is_set():
            # whatever is due is sent before anything else is waited for
            if (delay := due - time.monotonic()) > 0:
                await asyncio.sleep(delay)
            task = asyncio.create_task(arrival(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            _, unanswered = await asyncio.wait(under_way, timeout=_LAST_ANSWER_S)
            now = time.monotonic()
            self.samples += [Sample(now, 0.0, "unanswered") for _ in unanswered]
            for task in unanswered:
                task.cancel()

    async def run(self) -> Notes:
        """Do the job."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopped.set)
        began, cpu = time.monotonic(), time.process_time()
        if self.job.rate is None:
            await self.closed_loop()
        else:
            await self.open_loop(self.job.rate)
        wall = time.monotonic() - began
        return Notes(began, self.samples, (time.process_time() - cpu) / wall)


def _pause(answer: Answer | None) -> float:
    if answer is not None and answer.headers.get("retry-after", "").isdigit():
        return float(answer.headers["retry-after"])
    return _PAUSE_S


def main() -> None:
    """Read a job, do it, write the notes."""

    async def work() -> Notes:
        return await _Load(Job(**json.load(sys.stdin))).run()

    notes = asyncio.run(work())
    json.dump({**vars(notes), "samples": notes.samples}, sys.stdout)


if __name__ == "__main__":
    main()
