"""Submitting a verb to a cluster: upload, follow the log, keep the exit code.

Ray runs a submitted job once and tries no second time. A job that failed is submitted again with
the same command: it finds its run folder and goes on.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import yaml

from actors.compat.ray import calm_upload_logs, takes_no_job_yet
from methods.errors import InputError
from ray_jobs.config import SubmitConfig
from ray_jobs.passes.session import verbose
from ray_jobs.verbs.upload import check_upload

EXCLUDES: Final = (".git/", ".venv/", "/runs/", "/onoma-demo/", "__pycache__/", "*.pyc")
"""What never goes to the cluster, beside what .gitignore names; with a slash at its beginning, only
in the folder itself, since ``ray_jobs/runs`` is a package."""

_POLL_S: Final = 0.5
_STARTING_S: Final = 60.0
_ENDED: Final = {"SUCCEEDED", "FAILED", "STOPPED"}
_FAILED: Final = 1


def submit(config: SubmitConfig) -> dict[str, Any]:
    """Submit a verb; with ``wait``, follow it to its end.

    Returns:
        ``job``, ``address``, ``status``, ``message`` and ``exit_code``: that of the verb, None
        while it runs.

    Raises:
        InputError: no cluster answers, or a setting cannot work.
    """
    from ray.job_submission import JobSubmissionClient

    address = config.address or os.environ.get("RAY_API_SERVER_ADDRESS") or _from_ray_address()
    environment = runtime_env(config)
    resources = {config.driver_resource: 0.001} if config.driver_resource else None
    try:
        client = JobSubmissionClient(address)
        with nullcontext() if verbose() else calm_upload_logs():
            job = _when_it_can(
                lambda: client.submit_job(
                    entrypoint=shlex.join(["python", "-m", "ray_jobs", *config.command]),
                    submission_id=config.job,
                    runtime_env=environment,
                    entrypoint_num_cpus=config.driver_cpus or None,
                    entrypoint_memory=config.driver_memory or None,
                    entrypoint_resources=resources,
                )
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())[:300]
        raise InputError(f"--address {address}: the job was not taken: {text}") from error
    _say(f"job {job} at {address}")
    if not config.wait:
        return _result(client, job, address)
    try:
        asyncio.run(_follow(client, job))
        while str(client.get_job_status(job)) not in _ENDED:  # the log may end a little earlier
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        _say(f"{job} goes on; ray job logs -f {job}, ray job stop {job}, with --address {address}")
    return _result(client, job, address)


def _when_it_can(submit: Callable[[], str]) -> str:
    """Submit; a cluster that has just started takes jobs a little later than it answers."""
    end = time.monotonic() + _STARTING_S
    while True:
        try:
            return submit()
        except RuntimeError as error:
            if not takes_no_job_yet(error) or time.monotonic() > end:
                raise
            time.sleep(_POLL_S)


def runtime_env(config: SubmitConfig) -> dict[str, Any]:
    """Ray's runtime environment of a job.

    Raises:
        InputError: a file or folder is not there, a variable has no value, or what would be
            uploaded is data.
    """
    found: dict[str, Any] = {}
    if config.runtime_env:
        try:
            found = yaml.safe_load(Path(config.runtime_env).read_text("utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            text = " ".join(str(error).split())
            raise InputError(f"--runtime-env {config.runtime_env}: {text}") from error
        if not isinstance(found, dict):
            raise InputError(f"--runtime-env {config.runtime_env}: holds no settings")
    if config.working_dir != "none":
        if not Path(config.working_dir).is_dir() and "://" not in config.working_dir:
            raise InputError(f"--working-dir {config.working_dir}: no such folder")
        found["working_dir"] = config.working_dir
        found["excludes"] = [*EXCLUDES, *config.exclude, *found.get("excludes", ())]
        if "://" not in config.working_dir and not config.upload_data:
            check_upload(Path(config.working_dir), found["excludes"])
    found["env_vars"] = {**found.get("env_vars", {}), **_variables(config.env)}
    return found


def _variables(entries: list[str]) -> dict[str, str]:
    variables = {}
    for entry in entries:
        name, given, value = entry.partition("=")
        if not given and name not in os.environ:
            raise InputError(f"--env {name}: it has no value here; give {name}=VALUE")
        variables[name] = value if given else os.environ[name]
    return variables


def _from_ray_address() -> str:
    address = os.environ.get("RAY_ADDRESS", "")
    if not address.startswith(("http://", "https://")):
        raise InputError("--address is needed: the cluster's dashboard, such as http://HEAD:8265")
    return address


async def _follow(client: Any, job: str) -> None:
    """Write the job's log as it comes: to standard error, since only results go to the other."""
    async for lines in client.tail_job_logs(job):
        sys.stderr.write(lines)
        sys.stderr.flush()


def _result(client: Any, job: str, address: str) -> dict[str, Any]:
    info = client.get_job_info(job)
    status = str(info.status)
    code = info.driver_exit_code
    if code is None and status in _ENDED:
        code = 0 if status == "SUCCEEDED" else _FAILED
    message = "" if status == "SUCCEEDED" else " ".join((info.message or "").split())[-500:]
    return {"job": job, "address": address, "status": status, "message": message, "exit_code": code}


def _say(text: str) -> None:
    print(f"onoma: {text}", file=sys.stderr, flush=True)
