"""Label a big archive with the real command: memory, speed, and the price of a resume.

    uv run python -m benchmarks.scale --rows 1000000 [--distinct 20000] [--work DIR]
        [--kill-at 0.5] [--s3-errors 0.05] [--flags FLAGS] [--json FILE]

The archive is Parquet with small images in it (20,000 drawn birds of 72 pixels over and over, each
under a path of its own), packed once and kept in `--work`. `onoma label zero_shot` with the field
guide's CLIP labels it. Every two seconds the memory of each part is read, and how many rows are
committed; the table gives the highest memory in MiB and the speed for each tenth of the archive.
Processes are counted by their share of pages without shared memory, which is the object store's;
the driver's resident set has a column of its own. Ray's own is raylet, GCS and agents.

With `--kill-at 0.5` the driver gets SIGKILL once half of the rows is committed, and the same
command is run again: what had been computed and not committed is lost, and computed twice.

With `--s3-errors 0.05` the archive lies in a bucket on loopback whose server answers 5 % of its
requests with 500 or 503, and lets 1 % wait for 30 to 75 s.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.faults.jobs import Job, end_on_sigterm, ray_folder
from benchmarks.faults.tables import Committed, Place, ledger_problems
from benchmarks.scale.archive import pack
from benchmarks.scale.figures import folder_figures, print_table
from benchmarks.scale.on_s3 import Bucket, in_bucket
from benchmarks.scale.watching import Watched, watch


def progress(text: str) -> None:
    """A line on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class EveryMinute:
    """Passes on a line of progress a minute."""

    def __init__(self) -> None:
        """The first line is due in a minute."""
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        """Pass it on if it is due."""
        if time.monotonic() - self._last >= 60:
            progress(text)
            self._last = time.monotonic()


def killed(
    words: Sequence[str], run: Path, ray: Path, options: argparse.Namespace, bucket: Bucket | None
) -> dict[str, Any]:
    """Run the command until it is killed; returns the figures up to there."""
    environment = bucket.environment if bucket else None
    with Job(words, options.work / "logs" / "killed.txt", ray, environment) as job:
        seen = watch(job, run, options.rows, progress, until=options.kill_at)
        if not job.running():
            raise SystemExit(f"the job ended before it could be killed\n{job.said()[-2000:]}")
        left = job.kill_driver()
        seconds = job.seconds
    committed = Committed(run)
    figures = {
        "rows": committed.rows(),
        "written_not_committed": committed.pending(),
        "rows_per_unit": committed.unit(),
        "tasks_at_work": seen.in_flight,
        "processes_that_did_not_leave": left,
        "listing_s": round(seen.listed, 1),
        "seconds": round(seconds, 1),
    }
    print(f"\nkilled after {seconds:,.1f} s, with {figures['rows']:,} rows committed")
    return {**figures, "tenths": print_table(seen, options.rows)}


def finished(
    words: Sequence[str], run: Path, ray: Path, options: argparse.Namespace, bucket: Bucket | None
) -> tuple[Watched, dict[str, Any], float]:
    """Run the command to its end; returns what was seen, ``run.json`` and the seconds."""
    environment = bucket.environment if bucket else None
    with Job(words, options.work / "logs" / "finished.txt", ray, environment) as job:
        seen = watch(job, run, options.rows, progress)
        code, seconds = job.wait(60), job.seconds
        if code:
            raise SystemExit(f"the job failed ({code})\n{job.said()[-2000:]}")
        return seen, job.record(), seconds


def totals(
    run: Path, seen: Watched, record: dict[str, Any], listing_s: float, seconds: float
) -> dict[str, Any]:
    """Figures of the last command, and of what lies in the run folder; printed."""
    label_s = record.get("timings", {}).get("label", 0.0)
    computed = record["images"] - seen.rows_before
    problems = ledger_problems(Place(str(run)))
    figures = {
        "images": record["images"],
        "errors": record["errors"],
        "listing_s": listing_s,
        "labelling_s": label_s,
        "seconds": round(seconds, 1),
        "images_per_second": round(computed / label_s, 1) if label_s else None,
        "checkpoint": folder_figures(run / "checkpoint"),
        "labels": folder_figures(run / "labels"),
        "manifest": folder_figures(run / "manifest"),
        "ledger": problems or "adds up",
    }
    print()
    print(f"listing the manifest, with the start of Python: {listing_s:,.1f} s")
    print(f"labelling, Ray's start and the classifier aside: {label_s:,.1f} s", end="")
    print(f", {figures['images_per_second']:,} images/s; the command: {seconds:,.1f} s")
    for name in ("manifest", "labels", "checkpoint"):
        found = figures[name]
        print(f"{name}: {found['bytes']:,} bytes in {found['files']:,} files")
    print(f"errors: {record['errors'] or 'none'}")
    print(f"ledger (rows = distinct image ids = manifest): {'; '.join(problems) or 'adds up'}")
    return figures


def print_resume(before: dict[str, Any], after: Watched, record: dict[str, Any]) -> dict[str, Any]:
    """Print what the kill and the resume cost; returns it."""
    unit, tasks = before["rows_per_unit"], len(before["tasks_at_work"])
    figures = {
        "rows_committed_at_the_kill": before["rows"],
        "rows_found_committed": record["resumed_images"],
        "seconds_to_the_first_new_row": round(after.first_rows or float("nan"), 1),
        "rows_written_twice": before["written_not_committed"],
        "rows_of_tasks_at_work": unit * tasks,
    }
    print(f"\nresume: {record['resumed_images']:,} rows were kept", end="")
    print(f" ({before['rows']:,} counted at the kill)")
    print(f"first new row committed {figures['seconds_to_the_first_new_row']} s after the restart")
    print(f"written twice: {figures['rows_written_twice']:,} rows; computed twice:", end="")
    print(f" what was in flight, {tasks} tasks at work of {unit} rows each, and what waited")
    return figures


def main() -> None:
    """Pack, label, kill and resume if wanted, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", type=int, default=20_000)
    work = Path(tempfile.gettempdir()) / "onoma-scale"
    parser.add_argument("--work", type=Path, default=work, help=f"[default: {work}]")
    parser.add_argument("--kill-at", type=float, help="share of the rows, between 0 and 1")
    parser.add_argument("--s3-errors", type=float, help="share of requests that S3 refuses")
    parser.add_argument("--flags", default="", help="more flags of `onoma label zero_shot`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    if options.kill_at is not None and not 0 < options.kill_at < 1:
        parser.error("--kill-at is a share between 0 and 1")
    end_on_sigterm()
    options.work.mkdir(parents=True, exist_ok=True)
    figures = measure(options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    raise SystemExit(0 if figures["totals"]["ledger"] == "adds up" else 1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run everything; returns all figures."""
    from fieldguide.world import NAMES

    archive = pack(options.work, options.rows, options.distinct, EveryMinute())
    classes, run = options.work / "classes.txt", options.work / "run"
    classes.write_text("".join(f"{name}\n" for name in NAMES))
    shutil.rmtree(run, ignore_errors=True)
    size = folder_figures(archive)
    print(f"scale: {options.rows:,} images in Parquet, {size['bytes']:,} bytes in", end=" ")
    print(f"{size['files']} files; {machine.describe()}", flush=True)
    figures: dict[str, Any] = {"machine": machine.describe(), "flags": options.flags}
    figures["archive"] = {"rows": options.rows, "distinct": options.distinct, **size}
    place = in_bucket(archive, options.s3_errors) if options.s3_errors else nullcontext(None)
    with ray_folder() as ray, place as bucket:
        words = ["label", "zero_shot", "--images", bucket.uri if bucket else str(archive)]
        words += ["--classes", str(classes), "--out", str(run), *shlex.split(options.flags)]
        if options.kill_at:
            figures["killed"] = killed(words, run, ray, options, bucket)
        seen, record, seconds = finished(words, run, ray, options, bucket)
    if bucket:
        figures["s3"] = dict(sorted(bucket.faults.counts.items()))
        print("\nS3:", ", ".join(f"{count:,} {what}" for what, count in figures["s3"].items()))
    print(f"\npeak memory in MiB, and images/s{', after the resume' * bool(options.kill_at)}")
    figures["tenths"] = print_table(seen, options.rows)
    if options.kill_at:
        figures["resume"] = print_resume(figures["killed"], seen, record)
    listing_s = figures["killed"]["listing_s"] if options.kill_at else round(seen.listed, 1)
    figures["totals"] = totals(run, seen, record, listing_s, seconds)
    if options.kill_at:
        together = figures["killed"]["seconds"] + seconds
        figures["resume"]["seconds_in_all"] = round(together, 1)
        print(f"both commands together: {together:,.1f} s")
    return figures


if __name__ == "__main__":
    main()
