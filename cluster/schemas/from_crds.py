"""Make a schema of this folder from the custom resource definitions of an operator.

    python cluster/schemas/from_crds.py kuberay FOLDER
    python cluster/schemas/from_crds.py operators FILE...

FOLDER holds ``ray.io_*.yaml`` as in ``ray-operator/config/crd/bases`` of KubeRay's repository; a
FILE is one definition. What comes out is one JSON Schema with the kinds among its ``$defs``, a
hundredth of the size: no descriptions, no ``status`` (which the operator writes), and each subtree
once, the pod template above all. It is strict: a field that the operator does not know is refused,
which Kubernetes itself only warns of before it drops it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import yaml

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FREE: Final = "x-kubernetes-preserve-unknown-fields"
_KEPT: Final = (
    *("type", "enum", "required", "pattern", "minimum", "maximum"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)
_ONE: Final = ("items", "additionalProperties", "not")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf")
_SHORT: Final = 60  # a subtree of fewer characters is hardly longer than a reference to it
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in seconds, not in minutes

Schema = dict[str, Any]


def strict(schema: Schema) -> Schema:
    """Turn a schema of a custom resource definition into JSON Schema that allows what it lists."""
    out: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if "(?i)" in out.get("pattern", ""):  # Go has it anywhere, Python at the beginning
        out["pattern"] = f"(?i){out['pattern'].replace('(?i)', '')}"
    if schema.get("x-kubernetes-int-or-string"):
        out["type"] = ["integer", "string"]
    if schema.get("nullable"):
        out["type"] = [schema["type"], "null"]
    if "properties" in schema:
        out["properties"] = {name: strict(part) for name, part in schema["properties"].items()}
        out["additionalProperties"] = bool(schema.get(_FREE))
    for key in _ONE:
        if isinstance(schema.get(key), dict):
            out[key] = strict(schema[key])
    for key in _SEVERAL:
        if key in schema and not schema.get("x-kubernetes-int-or-string"):
            out[key] = [strict(part) for part in schema[key]]
    return out


def kinds(*places: Path) -> dict[str, Schema]:
    """Read definitions, of folders or single files: a strict schema for each kind.

    The version is the one that is stored, or the first.

    Raises:
        FileNotFoundError: a folder has none.
    """
    files: list[Path] = []
    for place in places:
        found_here = sorted(place.glob("ray.io_*.yaml")) if place.is_dir() else [place]
        if not found_here:
            raise FileNotFoundError(f"{place}: no ray.io_*.yaml in it")
        files += found_here
    found = {}
    for file in files:
        spec = yaml.load(file.read_text("utf-8"), Loader=_LOADER)["spec"]
        stored = [each for each in spec["versions"] if each.get("storage")]
        version = (stored or spec["versions"])[0]
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"].pop("status", None)
        kind = spec["names"]["kind"]
        schema["properties"]["kind"] = {"const": kind}
        schema["properties"]["apiVersion"] = {"const": f"{spec['group']}/{version['name']}"}
        schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
        found[kind] = schema
    return found


def shared(roots: dict[str, Schema]) -> dict[str, Schema]:
    """Give each subtree that occurs more than once a name, and refer to it.

    Returns:
        ``$defs``: the roots under their names, then what they share, in the order it is met.
    """
    uses: Counter[str] = Counter()
    seen: set[str] = set()

    def count(part: Schema) -> None:
        text = json.dumps(part, sort_keys=True)
        uses[text] += 1
        if text in seen:  # what is in it occurs where it does, and no more often
            return
        seen.add(text)
        for below in _below(part):
            count(below)

    for root in roots.values():
        count(root)
    names: dict[str, str] = {}
    made: dict[str, Schema] = {}

    def refer(part: Schema, name: str) -> Schema:
        text = json.dumps(part, sort_keys=True)
        if uses[text] < 2 or len(text) < _SHORT:
            return rebuilt(part)
        if text not in names:
            name_taken = sum(each.rstrip("0123456789") == name for each in made)
            names[text] = f"{name}{name_taken + 1}" if name_taken else name
            made[names[text]] = {}
            made[names[text]] = rebuilt(part)
        return {"$ref": f"#/$defs/{names[text]}"}

    def rebuilt(part: Schema) -> Schema:
        out = dict(part)
        for key, below in list(out.items()):
            if key == "properties":
                out[key] = {name: refer(each, name) for name, each in below.items()}
            elif key in _ONE and isinstance(below, dict):
                out[key] = refer(below, key)
            elif key in _SEVERAL:
                out[key] = [refer(each, key) for each in below]
        return out

    return {**{kind: rebuilt(root) for kind, root in roots.items()}, **made}


def _below(part: Schema) -> list[Schema]:
    """The schemas directly in a schema."""
    parts = list(part.get("properties", {}).values())
    parts += [part[key] for key in _ONE if isinstance(part.get(key), dict)]
    return [*parts, *(each for key in _SEVERAL for each in part.get(key, []))]


def text_of(definitions: dict[str, Schema]) -> str:
    """The JSON of a schema with these ``$defs``, one a line, the same for the same input."""
    lines = ",\n".join(
        f"{json.dumps(name)}:{json.dumps(part, separators=(',', ':'), sort_keys=True)}"
        for name, part in definitions.items()
    )
    return f'{{"$schema":{json.dumps(DIALECT)},"$defs":{{\n{lines}\n}}}}\n'


def main() -> int:
    """Write the schema beside this file."""
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(__file__).with_name(f"{sys.argv[1]}.json")
    out.write_text(text_of(shared(kinds(*map(Path, sys.argv[2:])))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
