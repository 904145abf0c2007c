"""What tests read of ``cluster/``: manifests, the schemas they must keep to, groups of nodes."""

from __future__ import annotations

import functools
import json
import shlex
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from ray_jobs.commands import COMMANDS
from ray_jobs.config import VerbConfig, parse

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
Tree = dict[str, Any]

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_CLUSTER_OF = {
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayCronJob": ("spec", "jobTemplate", "rayClusterSpec"),
    "RayService": ("spec", "rayClusterConfig"),
}


def documents(file: str) -> list[Tree]:
    """The documents of a YAML file of ``cluster/``."""
    return list(yaml.safe_load_all((CLUSTER / file).read_text("utf-8")))


def manifests() -> dict[str, Tree]:
    """Every document of KubeRay's kinds, by its file."""
    files = sorted(path.relative_to(CLUSTER) for path in CLUSTER.rglob("*.yaml"))
    return {
        str(file): document
        for file in files
        for document in documents(str(file))
        if str(document.get("apiVersion", "")).startswith("ray.io/")
    }


@functools.cache
def kuberay_schema() -> Tree:
    """The strict schemas of KubeRay's kinds."""
    return json.loads((CLUSTER / "schemas/kuberay.json").read_text("utf-8"))


def faults(document: Tree) -> list[str]:
    """What KubeRay's schema has against a manifest."""
    schema = {**kuberay_schema(), "$ref": f"#/$defs/{document['kind']}"}
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(document)
    ]


def ray_cluster(document: Tree) -> Tree:
    """The Ray cluster that a manifest describes."""
    for key in _CLUSTER_OF[document["kind"]]:
        document = document[key]
    return document


def workers(document: Tree) -> list[Tree]:
    """The groups of workers of a manifest."""
    return ray_cluster(document)["workerGroupSpecs"]


def groups(document: Tree) -> list[Tree]:
    """The head and the groups of workers of a manifest."""
    return [ray_cluster(document)["headGroupSpec"], *workers(document)]


def container(group: Tree) -> Tree:
    """The container in which Ray runs; each pod has one."""
    (only,) = group["template"]["spec"]["containers"]
    return only


def gpus(group: Tree) -> int:
    """GPUs of a pod."""
    return int(container(group)["resources"]["limits"].get("nvidia.com/gpu", 0))


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number: cores, or bytes."""
    for unit, size in _UNITS.items():
        if quantity.endswith(unit):
            return float(quantity.removesuffix(unit)) * size
    return float(quantity)


def parsed(words: list[str]) -> VerbConfig:
    """The settings of a command line after ``onoma``, as the command line itself reads them.

    Raises:
        InputError: a flag that there is not, or a value that it does not take.
    """
    name = words[0] if words[0] in COMMANDS else " ".join(words[:2])
    return parse(COMMANDS[name].config, words[len(name.split()) :], "onoma")


def entrypoint(job: Tree) -> VerbConfig:
    """The settings of the verb that a RayJob or RayCronJob runs."""
    job = {"spec": job["spec"].get("jobTemplate", job["spec"])}
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:3] == ["python", "-m", "ray_jobs"]
    assert "\n" not in job["spec"]["entrypoint"].strip(), "it becomes one line of a shell"
    return parsed(words[3:])
