"""Do the engines say the same? Greedy answers of two of them to the same requests.

    uv run python -m benchmarks.engine_agreement [--engines local async] [--count 300]
        [--seed 990000] [--mllm fieldguide]

Engines are ``local`` (`actors.mllm.engines.vllm_local`), ``async`` (`vllm_async`, here on the CPU
build), and ``server`` (vLLM's own OpenAI server on loopback, asked by the engine for endpoints),
all with the same model and engine arguments. Each goes through the replica class
`actors.mllm.replica.MLLM`, without Ray. Asked is the recognise prompt about drawn images, then the
choose prompt about the distinct answers, free and held to the class names. The engines run one
after the other. Exit code 1 below a share of 0.99 of equal strings.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actors.labels.slac_tlac import ClassChoicePrompt
from actors.mllm.engines.base import Engine
from actors.mllm.engines.vllm_async import VllmAsync
from actors.mllm.engines.vllm_local import VllmLocal
from actors.mllm.engines.vllm_settings import engine_arguments, prepare_environment
from actors.mllm.images import decode_for_mllm
from actors.mllm.model import EngineOptions, MllmModel, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import Request, Sampling
from benchmarks import machine
from methods.prompt import default_prompt

WANTED, SHOWN, AT_ONCE, START_S = 0.99, 20, 64, 300
ENGINES: dict[str, type[Engine]] = {"local": VllmLocal, "async": VllmAsync}
SERVER = "server"
Groups = dict[str, list[Request]]
Said = dict[str, list[str]]


def recognise_requests(root: Path, count: int, seed: int) -> list[Request]:
    """Draw images into ``root`` and ask about each."""
    from fieldguide.archive import draw_archive

    draw_archive(root, count, seed)
    text = default_prompt("tlac", "recognise").text
    files = sorted(path for path in (root / "images").rglob("*") if path.is_file())
    return [Request(text, (decode_for_mllm(file.read_bytes()),), Sampling()) for file in files]


def choose_requests(descriptions: list[str], names: list[str]) -> Groups:
    """Ask for the class that each description means, free and held to the names."""
    prompt = default_prompt("tlac", "choose", ("classes", "answer"))
    rows = [{"description": text} for text in sorted(set(descriptions))]
    questions = {
        "choose, free": ClassChoicePrompt(prompt, names, "none"),
        "choose, guided": ClassChoicePrompt(prompt, names, "guided"),
    }
    return {
        name: [each.build(row, None, Sampling()) for row in rows]
        for name, each in questions.items()
    }


async def answer_all(
    model: MllmModel,
    options: EngineOptions,
    engine: type[Engine] | None,
    groups: Groups,
    names: list[str],
) -> Said:
    """Answer groups of requests with one engine.

    Where ``groups`` has nothing but ``recognise``, the choose requests about its answers are added.
    """
    replica = MLLM(model, options, engine)
    print(f"started in {await replica.start():.1f} s", flush=True)
    said = {"recognise": await texts(replica, groups["recognise"])}
    if len(groups) == 1:
        groups |= choose_requests(said["recognise"], names)
    for name in [each for each in groups if each not in said]:
        said[name] = await texts(replica, groups[name])
    await replica.close()
    return said


async def texts(replica: MLLM, requests: list[Request]) -> list[str]:
    """Answer requests; an error counts as its code."""
    began = time.perf_counter()
    responses = (await replica.generate(requests)).responses
    seconds = time.perf_counter() - began
    print(f"{len(requests)} requests, {len(requests) / seconds:.1f} a second", flush=True)
    return [f"<{each.error}>" if each.error else str(each.text) for each in responses]


def flags(arguments: dict[str, Any]) -> list[str]:
    """Engine arguments as the server takes them."""
    words = []
    for name, value in arguments.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not False:
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            words += [flag, text]
    return words


def ready(port: int) -> bool:
    """Whether the server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def server(model: MllmModel, options: EngineOptions, log: Path) -> Iterator[str]:
    """Run the server on loopback; yields its name for `--mllm`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = engine_arguments(model, options)
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "served"]
    environment = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}  # a server needs it
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *flags(arguments)], stdout=out, stderr=out, env=environment
        )
        try:
            began = time.monotonic()
            while not ready(port):
                if process.poll() is not None or time.monotonic() - began > START_S:
                    tail = log.read_text("utf-8", errors="replace")[-3000:]
                    raise SystemExit(f"the server did not start:\n{tail}")
                time.sleep(1)
            yield f"openai:served@http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def compare(name: str, first: list[str], second: list[str]) -> tuple[int, list[str]]:
    """Count equal strings of a group; returns the count and the differences as lines."""
    lines = [
        f"  {name} {index}: {one!r} and {other!r}"
        for index, (one, other) in enumerate(zip(first, second, strict=True))
        if one != other
    ]
    equal = len(first) - len(lines)
    print(f"{name:16}{equal:>6} of {len(first):>5}{equal / max(1, len(first)):>9.4f}", flush=True)
    return equal, lines


def run_engine(
    root: Path,
    name: str,
    model: MllmModel,
    options: EngineOptions,
    groups: Groups,
    names: list[str],
) -> Said:
    """Start an engine, answer everything, end it."""
    print(f"{name}: ", end="", flush=True)
    if name != SERVER:
        return asyncio.run(answer_all(model, options, ENGINES[name], groups, names))
    with server(model, options, root / "server.log") as address:
        return asyncio.run(answer_all(resolve_mllm(address), options, None, groups, names))


def run(root: Path, options: argparse.Namespace) -> float:
    """Ask both, print the table; returns the share of equal strings."""
    model = resolve_mllm(options.mllm)
    engine = EngineOptions(threads=len(os.sched_getaffinity(0)), concurrency=AT_ONCE)
    prepare_environment(engine)
    groups = {"recognise": recognise_requests(root / "drawn", options.count, options.seed)}
    names = (root / "drawn" / "classes.txt").read_text("utf-8").split("\n")[:-1]

    first, second = (
        run_engine(root, name, model, engine, groups, names) for name in options.engines
    )
    differences: list[str] = []
    equal = 0
    for group in groups:
        same, lines = compare(group, first[group], second[group])
        equal, differences = equal + same, differences + lines
    print("\n".join(differences[:SHOWN]))
    return equal / sum(map(len, first.values()))


def main() -> None:
    """Compare, print the table, fail below the share that is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=300)
    known = [*ENGINES, SERVER]
    parser.add_argument("--engines", nargs=2, choices=known, default=["local", "async"])
    parser.add_argument("--seed", type=int, default=990_000)
    parser.add_argument("--mllm", default="fieldguide")
    options = parser.parse_args()
    names = " and ".join(options.engines)
    print(
        f"engine_agreement: {names}, {options.count} images, {options.mllm}; {machine.describe()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        share = run(Path(folder), options)
    print(f"equal strings: {share:.4f} (to reach: {WANTED})")
    raise SystemExit(0 if share >= WANTED else 1)


if __name__ == "__main__":
    main()
