"""The structure of the tree: imports point one way, methods apart, modules small and described."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.helpers.own_modules import nodes_of, source_of, tree_of

ROOT = Path(__file__).parent.parent
LAYERS = {
    "methods": set(),
    "actors": {"methods", "fieldguide"},
    "ray_jobs": {"methods", "actors", "serve", "fieldguide"},
    "serve": {"methods", "actors"},
    "onoma": {"methods", "actors", "ray_jobs", "serve"},
    "fieldguide": set(),
    "engine": set(),
    "benchmarks": {"methods", "actors", "ray_jobs", "serve", "fieldguide"},
}
FORBIDDEN = {"methods": {"ray", "vllm"}, "fieldguide": {"ray"}, "actors": set()}
MODULES = sorted(p for layer in LAYERS for p in (ROOT / layer).rglob("*.py"))


def place(path: Path) -> str:
    """A module's path below the root, as it is told."""
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Top-level packages a module imports, anywhere in it."""
    names: set[str] = set()
    for plain in nodes_of(path, ast.Import):
        names |= {alias.name.partition(".")[0] for alias in plain.names}
    for node in nodes_of(path, ast.ImportFrom):
        if node.module:
            assert node.level == 0, "imports are absolute"
            names.add(node.module.partition(".")[0])
    return names


def test_every_module_keeps_to_its_layer() -> None:
    wrong = []
    for path in MODULES:
        layer = path.relative_to(ROOT).parts[0]
        names = imported(path)
        if beyond := (names & (LAYERS.keys() - {layer})) - LAYERS[layer]:
            wrong.append(f"{place(path)}: {layer} must not import {beyond}")
        if never := names & FORBIDDEN.get(layer, set()):
            wrong.append(f"{place(path)}: {layer} must not import {never}")
    assert not wrong, "\n".join(wrong)


def test_every_module_is_small_and_says_what_it_is() -> None:
    wrong = []
    for path in MODULES:
        if source_of(path).strip() and not ast.get_docstring(tree_of(path)):
            wrong.append(f"{place(path)} has no docstring")
        if (lines := len(source_of(path).splitlines())) > 320:
            wrong.append(f"{place(path)} has {lines} lines, more than 320")
    assert not wrong, "\n".join(wrong)


METHODS = ("what_do_you_see", "slac_tlac", "autosep", "near", "data_free", "cascade")
"""What has a module or a package of its own in methods/."""

NOT_A_METHOD = {"ray_jobs/config", "ray_jobs/verbs", "benchmarks", "fieldguide"}
"""Folders that have one thing for each method, or that compare them."""


def method_of(path: Path) -> str | None:
    """The method that a module belongs to, by its name or that of its package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return next((name for name in METHODS for part in parts if part.startswith(name)), None)


def methods_imported(path: Path) -> set[str]:
    """Methods whose pure parts a module imports, anywhere in it."""
    modules = [node.module or "" for node in nodes_of(path, ast.ImportFrom)]
    found = [module.split(".") for module in modules if module.startswith("methods.")]
    return {parts[1] for parts in found} & set(METHODS)


def test_a_module_knows_no_method_but_its_own() -> None:
    wrong = []
    for path in MODULES:
        if any(place(path).startswith(folder) for folder in NOT_A_METHOD):
            continue
        if theirs := methods_imported(path) - {method_of(path)}:
            wrong.append(f"{place(path)} knows {theirs}")
    assert not wrong, f"what is shared needs a module of its own name in methods/: {wrong}"


def test_the_checks_above_see_modules() -> None:
    assert len(MODULES) > 30


def test_a_class_has_a_name_of_its_own() -> None:
    """Whoever reads the name of a class anywhere knows which one it is."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] in {"methods", "actors", "ray_jobs", "serve"}:
            for node in nodes_of(path, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


TOUCHES_OTHERS = (
    r"setpriority|os\.nice|sched_set|SCHED_|sys\.modules\[|gc\.(freeze|disable)|os\.kill\("
)


def test_nothing_touches_what_is_not_its_own() -> None:
    """No priorities, schedulers, patched imports, collectors, or signals to other processes."""
    checked = [
        p for p in MODULES if p.relative_to(ROOT).parts[0] not in ("benchmarks", "fieldguide")
    ]
    assert not [place(path) for path in checked if re.search(TOUCHES_OTHERS, source_of(path))]
