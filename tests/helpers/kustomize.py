"""What ``kubectl kustomize`` makes of a folder, as far as ``cluster/`` uses it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.cluster_files import Tree, loaded

_KNOWN = {"apiVersion", "kind", "resources", "components", "patches", "images", "labels"}


class PatchError(Exception):
    """A patch finds no target, or not the place that it names."""


def render(folder: Path) -> list[Tree]:
    """The objects of a kustomization.

    Raises:
        PatchError: a patch changes nothing.
        KeyError: a field that this does not know.
    """
    return _rendered(folder, [])


def _rendered(folder: Path, given: list[Tree]) -> list[Tree]:
    """A kustomization's own objects after the given ones, all of them changed as it says."""
    said = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    if unknown := set(said) - _KNOWN:
        raise KeyError(f"{folder}: {unknown}")
    found = [*given]
    for name in said.get("resources", ()):
        place = folder / name
        found += render(place) if place.is_dir() else loaded(place)
    for name in said.get("components", ()):
        found = _rendered(folder / name, found)
    found = json.loads(json.dumps(found))  # anchors share what a patch changes in one place only
    for patch in said.get("patches", ()):
        target = patch["target"]
        hit = [
            each
            for each in found
            if each["kind"] == target["kind"]
            and target.get("name") in (None, each["metadata"]["name"])
        ]
        if not hit:
            raise PatchError(f"{folder}: no object for {target}")
        for each in hit:
            for operation in yaml.safe_load(patch["patch"]):
                apply(each, operation)
    for image in said.get("images", ()):
        for each in found:
            _rename_images(each, image)
    for label in said.get("labels", ()):
        for each in found:
            each["metadata"].setdefault("labels", {}).update(label["pairs"])
    return found


def apply(document: Tree, operation: Tree) -> None:
    """Change a document by one operation of RFC 6902.

    Raises:
        PatchError: its path leads nowhere.
    """
    parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")]
    *way, last = parts[1:]
    node: Any = document
    try:
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        value = copy.deepcopy(operation.get("value"))
        match operation["op"], node:
            case "add", list():
                node.insert(len(node) if last == "-" else int(last), value)
            case "add", dict():
                node[last] = value
            case "replace", dict() if last in node:
                node[last] = value
            case "remove", dict():
                del node[last]
            case _:
                raise PatchError(f"{operation['op']} {operation['path']}")
    except (KeyError, IndexError, TypeError) as error:
        raise PatchError(f"{operation['path']}: {error}") from error


def _rename_images(node: Any, image: Tree) -> None:
    if isinstance(node, list):
        for each in node:
            _rename_images(each, image)
    elif isinstance(node, dict):
        for key, below in node.items():
            if key == "containers":
                for container in below:
                    if container["image"].rpartition(":")[0] == image["name"]:
                        container["image"] = f"{image['newName']}:{image['newTag']}"
            _rename_images(below, image)
