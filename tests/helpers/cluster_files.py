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
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_CLUSTER_OF = {
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayCronJob": ("spec", "jobTemplate", "rayClusterSpec"),
    "RayService": ("spec", "rayClusterConfig"),
}


def documents(file: str) -> list[Tree]:
    """The documents of a YAML file of ``cluster/``."""
    return loaded(CLUSTER / file)


def loaded(path: Path) -> list[Tree]:
    """The documents of a YAML file."""
    return list(yaml.load_all(path.read_text("utf-8"), Loader=_LOADER))


def manifests() -> dict[str, Tree]:
    """Every document of KubeRay's kinds, by the name of its file."""
    return {
        path.name: document
        for path in sorted((CLUSTER / "base").glob("*.yaml"))
        for document in loaded(path)
        if str(document.get("apiVersion", "")).startswith("ray.io/")
    }


def objects() -> dict[str, Tree]:
    """Every object of Kubernetes that a file of ``cluster/`` holds, by file and kind."""
    found = {}
    for path in sorted(CLUSTER.rglob("*.yaml")):
        name = path.relative_to(CLUSTER)
        for number, document in enumerate(documents(str(name))):
            if "apiVersion" in document and path.name != "kustomization.yaml":
                found[f"{name}:{number}:{document['kind']}"] = document
    return found


@functools.cache
def schema_of(file: str) -> Tree:
    """A schema of ``cluster/schemas``, such as ``kuberay``."""
    return json.loads((CLUSTER / f"schemas/{file}.json").read_text("utf-8"))


SCHEMAS = ("kuberay", "kubernetes", "operators")


def faults(document: Tree) -> list[str]:
    """What the schema of its kind has against an object of Kubernetes.

    Raises:
        KeyError: there is no schema for it.
    """
    kind = document["kind"]
    for file in SCHEMAS:
        if "apiVersion" in schema_of(file)["$defs"].get(kind, {}).get("properties", ()):
            return broken({**schema_of(file), "$ref": f"#/$defs/{kind}"}, document)
    raise KeyError(f"no schema for {kind}")


def broken(schema: Tree, document: Any) -> list[str]:
    """What a schema has against a document, each with its place."""
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
