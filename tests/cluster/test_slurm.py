"""The batch file for Slurm, run by bash with stand-ins for Slurm's own commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from ray.scripts.scripts import start
from ray.scripts.symmetric_run import curate_and_validate_ray_start_args, symmetric_run

from tests.helpers.cluster_files import CLUSTER, parsed

TEXT = (CLUSTER / "slurm.sbatch").read_text("utf-8")
OPTIONS = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", TEXT, re.MULTILINE))

STAND_INS = {
    "scontrol": 'test "$1 $2 $3" = "show hostnames node[1-4]"; printf "node1\\nnode2\\n"',
    "hostname": "echo 10.0.0.1 10.0.0.2",
    "srun": """
while [ "${1#--}" != "$1" ]; do shift; done
if [ "$1" = ray ]; then
    printf '%s\\0' "$@" > "$OUT/command"
    env -0 > "$OUT/environment"
else
    exec "$@"
fi""",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, str]]:
    """The command that every node would run, and its environment."""
    folder = tmp_path_factory.mktemp("slurm")
    programs = folder / "bin"
    programs.mkdir()
    for name, text in STAND_INS.items():
        (programs / name).write_text(f"#!/bin/bash\nset -eu\n{text}\n")
        (programs / name).chmod(0o755)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text("")
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "OUT": str(folder),
        "SLURM_JOB_NODELIST": "node[1-4]",
        "SLURM_JOB_NUM_NODES": OPTIONS["nodes"],
    }
    done = subprocess.run(
        ["bash", str(CLUSTER / "slurm.sbatch")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = (folder / "environment").read_text().split("\0")
    variables = dict(each.partition("=")[::2] for each in found)
    return (folder / "command").read_text().split("\0")[:-1], variables


def split(command: list[str]) -> tuple[list[str], list[str]]:
    """What is Ray's of a command, without its first two words, and what runs on the head."""
    at = command.index("--")
    assert command[:2] == ["ray", "symmetric-run"]
    return command[2:at], command[at + 1 :]


def test_ray_takes_the_command(ran: tuple[list[str], dict[str, str]]) -> None:
    command, _ = ran
    of_ray, _ = split(command)
    context = symmetric_run.make_context("_", list(of_ray), resilient_parsing=True)
    assert context.params["address"] == "10.0.0.1:6379"
    assert context.params["min_nodes"] == int(OPTIONS["nodes"])
    to_start = curate_and_validate_ray_start_args(of_ray)
    given = start.make_context("start", ["--head", *to_start]).params
    assert given["num_gpus"] == int(OPTIONS["gpus-per-node"])
    assert given["num_cpus"] == int(OPTIONS["cpus-per-task"])


def test_an_option_that_ray_start_lacks_is_noticed() -> None:
    with pytest.raises(click.ClickException):
        start.make_context("start", ["--head", "--gpus=4"])
    with pytest.raises(click.ClickException, match="--head"):
        curate_and_validate_ray_start_args(["--address", "a:1", "--head"])


def test_the_job_joins_that_ray_and_its_models_fit(ran: tuple[list[str], dict[str, str]]) -> None:
    command, variables = ran
    _, job = split(command)
    assert job[:5] == ["env", "RAY_ADDRESS=10.0.0.1:6379", "python", "-m", "ray_jobs"]
    settings = parsed(job[5:])
    taken = settings.mllm_replicas * settings.mllm_tensor_parallel_size
    taken += settings.clip_replicas * settings.clip_gpus
    assert taken == int(OPTIONS["nodes"]) * int(OPTIONS["gpus-per-node"])
    assert settings.out.startswith("/"), "on the shared file system"
    assert "RAY_ADDRESS" not in variables, "`ray start --head` would not take it"


def test_all_nodes_have_one_token_and_no_other_job_has(
    ran: tuple[list[str], dict[str, str]],
) -> None:
    _, variables = ran
    assert variables["RAY_AUTH_MODE"] == "token"
    assert re.fullmatch("[0-9a-f]{64}", variables["RAY_AUTH_TOKEN"])
    assert variables["RAY_AUTH_TOKEN"] not in shlex.join(ran[0]), "`ps` shows commands to everybody"


def test_slurm_starts_one_task_on_a_node_of_its_own() -> None:
    assert OPTIONS["ntasks-per-node"] == "1"
    assert {"exclusive", "requeue"} <= set(OPTIONS)
    assert "mem" in OPTIONS


def test_the_clusters_wait_is_a_variable_that_ray_reads(
    ran: tuple[list[str], dict[str, str]],
) -> None:
    import ray.scripts.symmetric_run as module

    name = "RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT"
    assert name in Path(module.__file__).read_text("utf-8")
    assert int(ran[1][name]) >= 300
