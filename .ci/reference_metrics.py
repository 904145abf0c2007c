"""Metrics and figures that the code makes, read without running it, for `reference.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Metric(NamedTuple):
    """A metric as the code makes it."""

    name: str
    kind: str
    text: str
    tags: tuple[str, ...]
    where: str


def metrics_in(path: Path) -> Iterator[Metric]:
    """The metrics that a module makes."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    } | {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }

    def words(node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.Starred):
            yield from words(node.value)
        elif isinstance(node, ast.Name):
            yield from words(constants[node.id])
        elif isinstance(node, ast.Tuple):
            for each in node.elts:
                yield from words(each)

    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        first = node.args[0]
        kind = node.func.id.removesuffix("Metric").lower()
        if kind not in ("counter", "gauge", "histogram") or not isinstance(first, ast.Constant):
            continue
        if not str(first.value).startswith("onoma_"):
            continue
        tags = next((tuple(words(k.value)) for k in node.keywords if k.arg == "tag_keys"), ())
        text = next(words(node.args[1]))
        where = path.relative_to(ROOT).parts[0]
        name = f"ray_{first.value!s}" + ("_total" if kind == "counter" else "")
        yield Metric(name, kind, text, tags, where)


def all_metrics() -> list[Metric]:
    """Every metric of jobs and of the endpoint."""
    modules = [
        path for folder in ("actors", "serve") for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    return [metric for path in modules for metric in metrics_in(path)]


def figures_in(name: str) -> set[str]:
    """Keys of the dictionary ``result`` that a module of `onoma evaluate` makes."""
    path = ROOT / "ray_jobs" / "verbs" / "evaluate" / f"{name}.py"
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "result":
            found.add(ast.literal_eval(target.slice))
        elif isinstance(target, ast.Name) and target.id == "result":
            assert isinstance(node.value, ast.Dict)
            found |= set(keys_of(node.value))
    return found


def keys_of(node: ast.Dict) -> Iterator[str]:
    """The keys of a dictionary as it is written, with those of ``**({} if ... else {...})``."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant):
            yield str(key.value)
        elif isinstance(value, ast.IfExp) and isinstance(value.orelse, ast.Dict):
            yield from keys_of(value.orelse)
