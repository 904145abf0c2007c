"""Make ``kubernetes.json``: the kinds of Kubernetes itself that are used here.

    uv run --no-project --with pyyaml --with kubernetes==37.0.2 \\
        python cluster/schemas/from_client.py

The Python client of Kubernetes is made from its OpenAPI document, and its models refuse unknown
fields. What comes out is strict and short, as ``from_crds.py`` has it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from from_crds import Schema, shared, text_of

_KINDS: Final = {
    "ConfigMap": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PersistentVolumeClaim": "v1",
    "PodDisruptionBudget": "policy/v1",
    "Job": "batch/v1",
    "ServiceAccount": "v1",
}
_TOLD: Final = ("title", "description", "default", "$defs")


def plain(part: Any, models: dict[str, Schema]) -> Schema:
    """A schema of Pydantic without words, references and the null that is every default."""
    if "$ref" in part:
        return plain(models[part["$ref"].rpartition("/")[2]], models)
    kept = [each for each in part.get("anyOf", ()) if each.get("type") != "null"]
    if len(kept) == 1:
        return plain(kept[0], models)
    out = {key: value for key, value in part.items() if key not in _TOLD}
    if kept:
        out["anyOf"] = [plain(each, models) for each in kept]
    if "properties" in out:
        fields = {name: each for name, each in out["properties"].items() if name != "status"}
        out["properties"] = {name: plain(each, models) for name, each in fields.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(out.get(key), dict):
            out[key] = plain(out[key], models)
    return out


def kinds() -> dict[str, Schema]:
    """A strict schema for each kind."""
    from kubernetes import client

    found = {}
    for kind, version in _KINDS.items():
        said = getattr(client, f"V1{kind}").model_json_schema(by_alias=True)
        schema = plain(said, said.get("$defs", {}))
        schema["properties"] |= {"kind": {"const": kind}, "apiVersion": {"const": version}}
        schema["required"] = sorted({*schema.get("required", ()), "apiVersion", "kind", "metadata"})
        found[kind] = schema
    return found


def main() -> int:
    """Write ``kubernetes.json`` beside this file."""
    out = Path(__file__).with_name("kubernetes.json")
    out.write_text(text_of(shared(kinds())), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
