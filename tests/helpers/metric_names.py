"""Which metrics there are: Ray's, from its installed files, and ours, from our code."""

from __future__ import annotations

import ast
import functools
import re
from importlib.util import find_spec
from pathlib import Path

from tests.helpers.cluster_files import ROOT
from tests.helpers.own_modules import nodes_of, tree_of

NAME = re.compile(r"\b(?:ray|autoscaler)_\w+(?=\{)")
"""A metric in an expression of Prometheus."""

_SUFFIX = re.compile(r"_(?:total|bucket|sum|count)$")
_WHERE_RAY_MAKES_THEM = (
    *("dashboard/modules/metrics/dashboards/*.py", "dashboard/modules/reporter/*.py"),
    *("serve/_private/*.py", "serve/batching.py", "data/_internal/stats.py"),
)


def known(name: str) -> bool:
    """Whether a metric, as Prometheus names it, is one of Ray's or one of ours."""
    if name.startswith("ray_onoma_"):
        return own_name(name) in metrics_of_ours()
    short = _SUFFIX.sub("", name)
    return bool({name, own_name(name), short, name.removeprefix("ray_")} & _words_of_ray())


def own_name(name: str) -> str:
    """What Python calls a metric: Ray puts ``ray_`` before it, and Prometheus a word behind it."""
    return _SUFFIX.sub("", name).removeprefix("ray_")


@functools.cache
def _words_of_ray() -> frozenset[str]:
    spec = find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    files = [
        file for where in _WHERE_RAY_MAKES_THEM for file in Path(spec.origin).parent.glob(where)
    ]
    assert len(files) > 10
    text = "\n".join(file.read_text("utf-8") for file in files)
    return frozenset(re.findall(r"\w+", text))


@functools.cache
def metrics_of_ours() -> dict[str, set[str]]:
    """Every metric that our code makes, with its tags."""
    found: dict[str, set[str]] = {}
    for file in [*(ROOT / "actors").rglob("*.py"), *(ROOT / "serve").rglob("*.py")]:
        tree = tree_of(file)
        constants = {
            node.target.id: node.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
        }
        for call in nodes_of(file, ast.Call):
            if call.args and isinstance(call.args[0], ast.Constant):
                name = str(call.args[0].value)
                if name.startswith("onoma_"):
                    keys = [word.value for word in call.keywords if word.arg == "tag_keys"]
                    found[name] = set().union(*(_strings(each, constants) for each in keys))
    return found


def _strings(expression: ast.expr, constants: dict[str, ast.expr]) -> set[str]:
    """The strings of an expression, and of the constants that it names."""
    found: set[str] = set()
    for part in ast.walk(expression):
        if isinstance(part, ast.Constant):
            found.add(str(part.value))
        elif isinstance(part, ast.Name) and part.id in constants:
            found |= _strings(constants[part.id], constants)
    return found
