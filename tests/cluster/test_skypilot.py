"""The task for SkyPilot: SkyPilot takes it, bash its scripts, Ray its options."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
from typing import Any

import pytest
from ray.scripts.scripts import cli

from tests.helpers.cluster_files import broken, documents, parsed, schema_of

(TASK,) = documents("skypilot.yaml")


def told(task: dict[str, Any]) -> list[str]:
    return broken({**schema_of("skypilot"), "$ref": "#/$defs/Task"}, task)


def test_skypilot_takes_it() -> None:
    assert told(TASK) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("num_node",), 4),
        (("resources", "accelerator"), {"L40S": 1}),
        (("resources", "use_spot"), "often"),
        (("num_nodes",), "many"),
        (("envs", "A-B"), "x"),
    ],
)
def test_a_wrong_field_is_refused(path: tuple[str, ...], value: Any) -> None:
    task = copy.deepcopy(TASK)
    node = task
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert told(task)


@pytest.mark.parametrize("script", ["setup", "run"])
def test_bash_reads_its_scripts(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=TASK[script], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def joined() -> str:
    return TASK["run"].replace("\\\n", " ")


def test_models_fit_the_machines_and_what_resumes_is_in_a_bucket() -> None:
    (line,) = re.findall(r"python -m ray_jobs (.+)", joined())
    settings = parsed(shlex.split(line))
    taken = settings.mllm_replicas * settings.mllm_tensor_parallel_size
    taken += settings.clip_replicas * settings.clip_gpus
    (each,) = TASK["resources"]["accelerators"].values()
    assert taken == TASK["num_nodes"] * each
    assert settings.out.startswith("s3://"), "a machine that is lost takes its disk along"


def test_ray_has_the_commands_and_options() -> None:
    found = re.findall(r"\bray (start|health-check|stop)\b([^;|\n\"]*)", joined())
    assert {name for name, _ in found} == {"start", "health-check", "stop"}
    for name, rest in found:
        known = {option for each in cli.commands[name].params for option in each.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known


def test_every_machine_has_the_token() -> None:
    assert TASK["envs"]["RAY_AUTH_MODE"] == "token"
    assert TASK["secrets"]["RAY_AUTH_TOKEN"] is None, "SkyPilot asks for what has no value"
    assert "--dashboard-host=127.0.0.1" in TASK["run"]
