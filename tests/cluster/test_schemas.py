"""The script that makes the schemas, and what it has made."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.helpers.cluster_files import CLUSTER, SCHEMAS, schema_of


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("from_crds", CLUSTER / "schemas/from_crds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def definition(kind: str) -> dict[str, Any]:
    """A custom resource definition in which one part occurs twice."""
    part = {
        "type": "object",
        "description": "long",
        "properties": {
            "cores": {
                "anyOf": [{}, {}],
                "x-kubernetes-int-or-string": True,
                "pattern": "^[0-9]+m?$",
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "anything": {
                "type": "object",
                "properties": {"known": {"type": "string", "nullable": True}},
                "x-kubernetes-preserve-unknown-fields": True,
            },
        },
        "required": ["cores"],
    }
    root = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {"head": part, "workers": {"type": "array", "items": part}},
            },
            "status": {"type": "object"},
        },
    }
    versions = [
        {"name": "v1", "schema": {"openAPIV3Schema": root}},
        {"name": "v1alpha1", "schema": {"openAPIV3Schema": {}}},
    ]
    return {"spec": {"group": "ray.io", "names": {"kind": kind}, "versions": versions}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = yaml.safe_dump(definition("Thing"))
    (tmp_path / "ray.io_things.yaml").write_text(text, "utf-8")
    return tmp_path


def made(script: ModuleType, folder: Path) -> dict[str, Any]:
    return json.loads(script.text_of(script.shared(script.kinds(folder))))


def allowed(schema: dict[str, Any], spec: dict[str, Any]) -> bool:
    document = {"apiVersion": "ray.io/v1", "kind": "Thing", "metadata": {}, "spec": spec}
    return Draft202012Validator({**schema, "$ref": "#/$defs/Thing"}).is_valid(document)


def test_what_comes_out_is_strict_and_short(script: ModuleType, folder: Path) -> None:
    schema = made(script, folder)
    assert "description" not in json.dumps(schema)
    assert "status" not in schema["$defs"]["Thing"]["properties"]
    assert len(schema["$defs"]) == 2, "the part that occurs twice is there once"
    assert allowed(schema, {"head": {"cores": 2}, "workers": [{"cores": "500m"}]})
    assert allowed(schema, {"head": {"cores": 2, "labels": {"a": "b"}}})
    assert allowed(schema, {"head": {"cores": 2, "anything": {"known": None, "new": 1}}})
    assert not allowed(schema, {"head": {"cores": 2, "core": 2}})
    assert not allowed(schema, {"workers": [{"cores": "half"}]})
    assert not allowed(schema, {"workers": [{"labels": {"a": "b"}}]})
    assert not allowed(schema, {"head": {"cores": 2, "labels": {"a": 1}}})
    assert not allowed(schema, {"tail": {}})


def test_the_same_definitions_give_the_same_text(script: ModuleType, folder: Path) -> None:
    first = made(script, folder)
    (folder / "ray.io_others.yaml").write_text(yaml.safe_dump(definition("Other")), "utf-8")
    both = script.shared(script.kinds(folder))
    assert script.text_of(both) == script.text_of(script.shared(script.kinds(folder)))
    assert set(both) > set(first["$defs"])


def test_an_empty_folder_is_told(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no ray"):
        script.kinds(tmp_path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_committed_is_a_schema_and_strict_throughout(script: ModuleType, name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    text = (CLUSTER / f"schemas/{name}.json").read_text("utf-8")
    assert text == script.text_of(schema["$defs"]), "written by the script, and not by hand"
    assert len(text) < 150_000
    listing = 0

    def walk(part: Any) -> None:
        nonlocal listing
        if isinstance(part, dict):
            if isinstance(part.get("properties"), dict) and "type" in part:
                listing += 1
                assert part["additionalProperties"] is False
            for below in part.values():
                walk(below)
        elif isinstance(part, list):
            for below in part:
                walk(below)

    walk(schema["$defs"])
    assert listing > 40


def test_the_stored_version_of_a_definition_is_taken(script: ModuleType, tmp_path: Path) -> None:
    both = definition("Thing")
    both["spec"]["versions"][0]["name"] = "v1beta1"
    both["spec"]["versions"][1] = {
        **both["spec"]["versions"][0], "name": "v1", "storage": True
    }  # fmt: skip
    file = tmp_path / "thing.yaml"
    file.write_text(yaml.safe_dump(both), "utf-8")
    (thing,) = script.kinds(file).values()
    assert thing["properties"]["apiVersion"] == {"const": "ray.io/v1"}
