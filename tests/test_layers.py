"""The structure of the tree: imports point one way, methods apart, modules small and described."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    "methods": set(),
    "actors": {"methods", "fieldguide"},
    "ray_jobs": {"methods", "actors", "serve", "fieldguide"},
    "serve": {"methods", "actors"},
    "fieldguide": set(),
    "engine": set(),
    "benchmarks": {"methods", "actors", "ray_jobs", "serve", "fieldguide"},
}
FORBIDDEN = {"methods": {"ray", "vllm"}, "fieldguide": {"ray"}, "actors": set()}
MODULES = sorted(p for layer in LAYERS for p in (ROOT / layer).rglob("*.py"))


def imported(tree: ast.Module) -> set[str]:
    """Top-level packages a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are absolute"
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_keeps_to_its_layer(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    ours = imported(tree) & (LAYERS.keys() - {layer})
    assert ours <= LAYERS[layer], f"{layer} must not import {ours - LAYERS[layer]}"
    assert not imported(tree) & FORBIDDEN.get(layer, set())
    if source.strip():
        assert ast.get_docstring(tree), "every module says in a docstring what it is"
    assert len(source.splitlines()) <= 320


METHODS = ("what_do_you_see", "slac_tlac", "autosep", "near", "data_free")
"""What has a module or a package of its own in methods/."""

NOT_A_METHOD = {"ray_jobs/config", "ray_jobs/verbs", "benchmarks", "fieldguide"}
"""Folders that have one thing for each method, or that compare them."""


def method_of(path: Path) -> str | None:
    """The method that a module belongs to, by its name or that of its package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return next((name for name in METHODS for part in parts if part.startswith(name)), None)


def methods_imported(tree: ast.Module) -> set[str]:
    """Methods whose pure parts a module imports, anywhere in it."""
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found = [module.split(".") for module in modules if module.startswith("methods.")]
    return {parts[1] for parts in found} & set(METHODS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_knows_no_method_but_its_own(path: Path) -> None:
    if any(str(path.relative_to(ROOT)).startswith(folder) for folder in NOT_A_METHOD):
        return
    theirs = methods_imported(ast.parse(path.read_text("utf-8"))) - {method_of(path)}
    assert not theirs, f"what is shared with {theirs} needs a module of its own name in methods/"


def test_the_checks_above_see_modules() -> None:
    assert len(MODULES) > 30


def test_a_class_has_a_name_of_its_own() -> None:
    """Whoever reads the name of a class anywhere knows which one it is."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] in {"methods", "actors", "ray_jobs", "serve"}:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


TOUCHES_OTHERS = (
    r"setpriority|os\.nice|sched_set|SCHED_|sys\.modules\[|gc\.(freeze|disable)|os\.kill\("
)


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.relative_to(ROOT).parts[0] not in ("benchmarks", "fieldguide")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_nothing_touches_what_is_not_its_own(path: Path) -> None:
    """No priorities, schedulers, patched imports, collectors, or signals to other processes."""
    assert not re.search(TOUCHES_OTHERS, path.read_text("utf-8"))
