"""The file for `ray up`: Ray takes it, and its nodes are those of the manifests."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.helpers.cluster_files import container, documents, groups, manifests, workers

(CONFIG,) = documents("ray-up.yaml")
NODES = CONFIG["available_node_types"]


def check(config: dict[str, Any]) -> None:
    """Do what `ray up` does with a file before it asks a cloud."""
    validate_config(prepare_config(copy.deepcopy(config)))


def test_ray_takes_it() -> None:
    check(CONFIG)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("max_worker",), 1),
        (("max_workers",), "many"),
        (("docker", "images"), "a"),
        (("available_node_types", "head", "resource"), {}),
        (("available_node_types", "gpu-mllm", "resources"), {"mllm": "1000"}),
    ],
)
def test_a_wrong_field_is_refused(where: tuple[str, ...], value: Any) -> None:
    config = copy.deepcopy(CONFIG)
    node = config
    for key in where[:-1]:
        node = node[key]
    node[where[-1]] = value
    with pytest.raises(ValidationError):
        check(config)


def test_nodes_are_those_of_the_manifests() -> None:
    label = manifests()["rayjob-label.yaml"]
    assert set(NODES) == {
        CONFIG["head_node_type"],
        *(group["groupName"] for group in workers(label)),
    }
    for group in workers(label):
        node = NODES[group["groupName"]]
        assert node["resources"] == {name: int(n) for name, n in group["resources"].items()}
        assert node["min_workers"] == group["minReplicas"]
        assert node["max_workers"] == group["maxReplicas"]
        assert node["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert CONFIG["max_workers"] == sum(group["maxReplicas"] for group in workers(label))
    assert {container(group)["image"] for group in groups(label)} == {CONFIG["docker"]["image"]}


def test_the_head_does_no_work_and_is_no_spot_node() -> None:
    head = NODES[CONFIG["head_node_type"]]
    assert head["resources"] == {"CPU": 0}
    assert "InstanceMarketOptions" not in head["node_config"]


def test_nobody_runs_code_on_it_without_the_token() -> None:
    options = " ".join(CONFIG["docker"]["run_options"])
    assert "-e RAY_AUTH_MODE=token" in options
    assert CONFIG["file_mounts"] == {"/home/ray/.ray/auth_token": "~/.ray/auth_token"}
    (start,) = (line for line in CONFIG["head_start_ray_commands"] if "--head" in line)
    assert "--dashboard-host=127.0.0.1" in start


def test_every_node_spills_to_the_mounted_disk_and_exports_metrics() -> None:
    (mounted,) = re.findall(r"-v \S+:(\S+)", " ".join(CONFIG["docker"]["run_options"]))
    for commands in (CONFIG["head_start_ray_commands"], CONFIG["worker_start_ray_commands"]):
        (start,) = (line for line in commands if "ray start" in line)
        assert f"--object-spilling-directory={mounted}" in start
        assert "--metrics-export-port=8080" in start
