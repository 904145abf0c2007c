"""The run folder: one run, one identity, and what it takes to resume it.

``run.json`` keeps what the run is (its identity), how far it is (``state``) and what came of it. A
folder belongs to the run that made it: another configuration is refused rather than mixed in.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import xxhash

from actors import storage
from methods.errors import InputError
from methods.json_text import json_text
from ray_jobs.runs.stage_timer import StageTimer, added

RECORD = "run.json"
CLAIM = "claim.json"
"""Of the job that writes to the folder."""
START = "start"
"""Folder of the classifier that a run begins with, where its answers teach another one."""
RUNNING, FINISHED = "running", "finished"
FIRST_MANIFEST = "first_manifest"
"""Key of the manifest as it was before the first update, by which checkpoints are named."""
FORMAT = 2
"""Of run folders; those of version 0.1 have none. Another format is read, not resumed."""
_PACKAGES = ("onoma", "ray", "torch", "open_clip_torch", "pyarrow", "pillow")


@dataclass
class RunFolder:
    """An open run folder.

    Attributes:
        uri: absolute path or URI.
        record: the content of ``run.json``.
        clock: what the stages of its passes report to, once Ray is there.
        now: what is being done, as ``timings`` will name it.
    """

    uri: str
    record: dict[str, Any]
    clock: StageTimer | None = None
    now: str = ""

    @property
    def labels(self) -> str:
        """Folder of the labels table."""
        return storage.join(self.uri, "labels")

    @property
    def manifest(self) -> str:
        """Folder of the manifest."""
        return storage.join(self.uri, "manifest")

    @property
    def classifier(self) -> str:
        """Folder of the classifier the run labels with."""
        return storage.join(self.uri, "classifier")

    @property
    def start(self) -> str:
        """Folder of the classifier that the run begins with, where it labels with another one."""
        return storage.join(self.uri, START)

    def checkpoint(self, stage: str) -> str:
        """Checkpoint folder of one stage: another configuration gets another.

        So does another manifest, unless it is the first one, extended (`ray_jobs.runs.growth`).
        """
        manifest = self.record.get(FIRST_MANIFEST, self.record.get("manifest"))
        text = json.dumps([self.record["identity"], manifest], sort_keys=True)
        key = xxhash.xxh3_64_hexdigest(text.encode())
        return storage.join(self.uri, "checkpoint", f"{stage}-{key}")

    @property
    def finished(self) -> bool:
        """Whether the run is complete and its ledger added up."""
        return bool(self.record.get("state") == FINISHED)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the seconds that a pass takes to ``timings``, over all attempts.

        What its stages did is added to ``work``.
        """
        started = time.monotonic()
        around, self.now = self.now, stage
        clock = self.clock  # not there yet in what goes before Ray
        if clock is not None:
            clock.lap()
        whole = False
        try:
            yield
            whole = True
        finally:
            self.now = around
            timings = dict(self.record.get("timings", {}))
            timings[stage] = round(timings.get(stage, 0.0) + time.monotonic() - started, 3)
            changes: dict[str, Any] = {"timings": timings}
            if clock is not None and whole:  # after a failure, Ray may be gone
                work = dict(self.record.get("work", {}))
                changes["work"] = {**work, stage: added(work.get(stage, {}), clock.lap())}
            self.save(**changes)

    def save(self, **changes: Any) -> None:
        """Change ``run.json``."""
        self.record.update(changes)
        text = json_text(self.record, indent=1)
        storage.write_bytes(storage.join(self.uri, RECORD), text.encode())


def open_run(
    out: str,
    identity: Mapping[str, Any],
    config: Mapping[str, Any],
    renamed: Mapping[str, str] | None = None,
) -> RunFolder:
    """Open a new run folder, or the same run's to resume it.

    Args:
        out: folder, local or remote.
        identity: what decides the rows of the run; two runs with one identity give the same labels.
        config: all settings, for the record.
        renamed: names in an identity of earlier versions, and what they are called today.

    Raises:
        InputError: the folder belongs to another run, holds something else, or cannot be written.
    """
    uri = storage.absolute(out)
    plain = json.loads(json.dumps(identity))
    try:
        record = read_record(uri, out)
        if record is None:
            record = {
                "format": FORMAT,
                "state": RUNNING,
                "method": plain["method"],
                "identity": plain,
            }
        elif record.get("format") != FORMAT:
            made_by = record.get("versions", {}).get("onoma", "of another version")
            raise InputError(
                f"--out {out} was made by onoma {made_by}: this version reads such a run "
                "(evaluate, report, serve) and does not go on with it; give another folder, or "
                "finish it there"
            )
        known = _renamed(record.get("identity", {}), renamed or {})
        differences = _differences(known, plain)
        if differences:
            raise InputError(
                f"--out {out} belongs to another run, which differs in {differences}; "
                "give another folder, or run that one's command to resume it"
            )
        run = RunFolder(uri, record)
        if not run.finished:
            run.save(config=dict(config), versions=versions())
    except OSError as error:
        raise not_written(out, error) from error
    return run


def not_written(out: str, error: OSError) -> InputError:
    """That a folder cannot be written, and why, as a sentence."""
    denied = isinstance(error, PermissionError)
    reason = "no permission" if denied else " ".join(str(error).split())
    return InputError(f"--out {out}: cannot be written ({reason})")


def read_record(uri: str, out: str) -> dict[str, Any] | None:
    """Read a folder's ``run.json``; None where a new run may begin.

    Args:
        uri: absolute path or URI of the folder.
        out: the folder as the user has named it.

    Raises:
        InputError: it is a file, holds something else, or its name is none that can be written.
    """
    try:
        uri.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"--out {out!r}: a name in its path is no UTF-8, which Parquet's writer does not take; "
            "give a folder whose whole path is (images may have any names)"
        ) from error
    if any(each in uri for each in "\n\r\t"):
        raise InputError(
            f"--out {out!r}: a name in its path holds a line's end or a tab, which Ray takes out "
            "of paths; give a folder without them"
        )
    filesystem, path = storage.resolve(uri)
    kind = filesystem.get_file_info(path).type
    if kind.name == "File":
        raise InputError(f"--out {out} is a file; give a folder")
    record_uri = storage.join(uri, RECORD)
    if not storage.exists(record_uri):
        if kind.name == "Directory" and _holds_something(filesystem, path):
            raise InputError(
                f"--out {out} holds other things and no {RECORD}; give a new or empty folder"
            )
        return None
    try:
        record = json.loads(storage.read_bytes(record_uri))
    except ValueError as error:
        raise InputError(f"--out {out}: its {RECORD} is corrupt; give another folder") from error
    if not isinstance(record, dict):
        raise InputError(f"--out {out}: its {RECORD} is not a run's; give another folder")
    return record


def _holds_something(filesystem: Any, path: str) -> bool:
    import pyarrow.fs as pafs

    if isinstance(filesystem, pafs.LocalFileSystem):  # PyArrow reads names of UTF-8 only
        return any(name != CLAIM for name in os.listdir(path))
    found = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    return any(each.base_name != CLAIM for each in found)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same with names of earlier versions as they are today."""
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    parts = []
    for key in keys:
        before, now = str(old.get(key)), str(new.get(key))
        parts.append(f"{key} ({before} there)" if len(before) < 60 and len(now) < 60 else key)
    return ", ".join(parts)


def versions() -> dict[str, str]:
    """Versions that can change a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found
