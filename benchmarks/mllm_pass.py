"""How close `onoma label slac` comes to bare vLLM, and how far it is ahead of ray.data.llm.

    uv run python -m benchmarks.mllm_pass [--count 1000] [--repeats 3] [--passes 4]
                                          [--mllm fieldguide] [--peer PYTHON] [--json]

Everybody asks the same model the SLAC question (128 tokens at most, greedy) about the same drawn
images, each in a process of its own, taking turns, with an answers table of its own.

The rate is that of the recognise stage with an engine that runs, against one call of ``LLM.chat``
on images decoded alike: (count - count / 4) / (seconds of all - seconds of a quarter), after a
warm-up of as many that is not counted, all of different images. What a pass takes whatever its
size, and what engines take to warm up, cancels out; and no image is decoded while an engine starts,
as it would be in a small run of the command. The seconds are those of several such passes in one
process: on a shared host a single one may take half as long again. `benchmarks.mllm_sides` holds
both sides.

With ``--peer``, the Python of an environment for ray.data.llm (benchmarks/README.md), end to end
seconds are compared as well: the command ``onoma label slac``, with its CLIP stage, against
`benchmarks.ray_data_llm`, which ends with the answers. Each has run once before, and keeps its own
cache of what vLLM found out about the model: with one for both, each of the two versions would ask
anew after the other, for ten seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.mllm_sides import FIRST, RESULT, Responses, config_of, read_answers

EXTRA_SLOTS = 6
RATIO_WANTED, SPEEDUP_WANTED = 0.90, 2.0


def draw(root: Path, count: int, seed: int, passes: int) -> None:
    """Draw the archives: a warm-up, and for each pass a quarter and all; no image is in two."""
    from fieldguide.archive import draw_archive

    sizes = {FIRST: count}
    for number in range(passes):
        sizes |= {f"few{number}": count // 4, f"whole{number}": count}
    for offset, (name, size) in enumerate(sizes.items()):
        draw_archive(root / name, size, seed + offset)


def run(command: list[str], **environment: str) -> float:
    """Run a command and return its seconds; what it said is shown if it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # compiled modules are kept: some machines forbid it, and every process would compile anew
        env={**os.environ, "RAY_ADDRESS": "local", "PYTHONDONTWRITEBYTECODE": "", **environment},
        check=False,
    )
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return time.perf_counter() - began


def side(name: str, root: Path, options: argparse.Namespace, turn: int) -> dict[str, Any]:
    """Start a side, let it warm up and make its passes: start, rate and answers."""
    out = root / f"{name}{turn}"
    few = [f"few{number}" for number in range(options.passes)]
    whole = [f"whole{number}" for number in range(options.passes)]
    turns = [archive for pair in zip(few, whole, strict=True) for archive in pair]
    words = [sys.executable, "-m", "benchmarks.mllm_sides", name, str(root), options.mllm, str(out)]
    run([*words, FIRST, *turns])
    found: dict[str, Any] = json.loads((out / RESULT).read_text("utf-8"))
    seconds = found["seconds"]
    between = sum(seconds[each] for each in whole) - sum(seconds[each] for each in few)
    if between <= 0:
        raise SystemExit(f"{name}: too few images, or too much else going on, to tell a rate")
    found["rate"] = options.passes * (options.count - options.count // 4) / between
    return found


def command(root: Path, mllm: str, turn: int) -> tuple[float, Responses]:
    """Time the real command, everything included."""
    config = config_of(root, "whole0", mllm, root / f"command{turn}")
    words = [sys.executable, "-m", "ray_jobs", "label", "slac", "--mllm", mllm]
    words += ["--images", config.images, "--classes", str(config.classes)]
    seconds = run([*words, "--out", config.out, "--response-cache", str(config.response_cache)])
    return seconds, read_answers(Path(config.out) / "stages" / "recognise")


def peer(python: str, root: Path, mllm: str, turn: int) -> tuple[float, Responses]:
    """Time ray.data.llm in its environment, everything included."""
    import pyarrow.parquet as pq

    from actors.mllm.engines.vllm_settings import engine_arguments
    from actors.mllm.model import EngineOptions, resolve_mllm
    from methods.prompt import default_prompt

    config = config_of(root, "whole0", mllm, root)
    out, cores = root / f"peer{turn}", len(os.sched_getaffinity(0))
    settings = {
        "images": config.images,
        "out": str(out),
        "prompt": default_prompt("tlac", "recognise").text,
        "sampling": {"max_tokens": config.max_tokens, "temperature": 0.0},
        "engine": engine_arguments(resolve_mllm(mllm), EngineOptions()),
        "batch": config.mllm_batch,
        "slots": cores + EXTRA_SLOTS,
    }
    file = root / f"peer{turn}.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    script = str(Path(__file__).with_name("ray_data_llm.py"))
    seconds = run(
        [python, script, str(file)],
        PYTHONPATH=str(Path(__file__).parents[1]),
        OMP_NUM_THREADS=str(cores),
        VLLM_CACHE_ROOT=str(Path.home() / ".cache" / "vllm-of-the-peer"),
        VLLM_CPU_KVCACHE_SPACE="1",
        VLLM_CPU_OMP_THREADS_BIND="nobind",
        VLLM_ENABLE_V1_MULTIPROCESSING="0",
    )
    rows = pq.read_table(out, partitioning=None).to_pylist()
    return seconds, {row["path"]: row["answer"] for row in rows}


def share(ones: Responses, others: Responses) -> float:
    """Share of images with the same answer."""
    if ones.keys() != others.keys():
        raise SystemExit("the sides did not answer about the same images")
    return statistics.fmean(ones[path] == others[path] for path in ones)


def rates(root: Path, options: argparse.Namespace, turn: int) -> dict[str, float]:
    """One turn of the two sides that share our environment."""
    bare, onoma = (side(name, root, options, turn) for name in ("bare", "onoma"))
    return {
        "bare images/s": bare["rate"],
        "onoma images/s": onoma["rate"],
        "ratio": onoma["rate"] / bare["rate"],
        "bare start, s": bare["start"],
        "onoma start, s": onoma["start"],
        "answers equal to bare's": share(bare["answers"], onoma["answers"]),
    }


def ends(root: Path, options: argparse.Namespace, turn: int) -> dict[str, float]:
    """One turn of the two commands, end to end."""
    ours, answers = command(root, options.mllm, turn)
    theirs, said = peer(options.peer, root, options.mllm, turn)
    return {
        "onoma end to end, s": ours,
        "ray.data.llm end to end, s": theirs,
        "speed-up": theirs / ours,
        "answers equal to ray.data.llm's": share(answers, said),
    }


def report(turns: list[dict[str, float]], options: argparse.Namespace) -> None:
    """Print turns and medians."""
    medians = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    if options.json:
        print(json.dumps({"machine": machine.describe(), "medians": medians, "turns": turns}))
        return
    for name, median in medians.items():
        cells = "".join(f"{turn[name]:>10.3f}" for turn in turns)
        print(f"{name:34}{cells}{median:>10.3f}")
    print(f"to reach: ratio {RATIO_WANTED:.2f}, speed-up {SPEEDUP_WANTED:.1f}")


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--passes", type=int, default=4, help="of each side in a turn")
    parser.add_argument("--seed", type=int, default=880_000)
    parser.add_argument("--mllm", default="fieldguide")
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.json:
        print(f"mllm_pass: {options.count} images, {options.mllm}; {machine.describe()}", end=", ")
        print(f"vllm {version('vllm')}; one column a turn, the last their median", flush=True)
    turns: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw(root, options.count, options.seed, options.passes)
        if options.peer:  # what an installation does once, its caches
            ends(root, options, -1)
        for turn in range(options.repeats):
            turns.append(rates(root, options, turn))
            if options.peer:
                turns[-1] |= ends(root, options, turn)
            print(json.dumps(turns[-1]), file=sys.stderr, flush=True)
    report(turns, options)


if __name__ == "__main__":
    main()
