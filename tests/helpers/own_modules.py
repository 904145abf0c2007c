"""The modules of this tree as syntax, read, parsed and walked once for all the tests that look."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

KINDS = (ast.Call, ast.ClassDef, ast.Constant, ast.Import, ast.ImportFrom, ast.JoinedStr)
"""What the tests look for, wherever in a module it stands."""


@cache
def source_of(path: Path) -> str:
    """The text of a module."""
    return path.read_text("utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """A module as a tree; nobody may change it."""
    return ast.parse(source_of(path))


@cache
def _by_kind(path: Path) -> dict[type[ast.AST], list[ast.AST]]:
    found: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, KINDS):
            found[type(node)].append(node)
    return found


def nodes_of(path: Path, kind: type[Node]) -> list[Node]:
    """Every node of one of ``KINDS`` in a module, outer ones first."""
    assert kind in KINDS
    return [node for node in _by_kind(path).get(kind, []) if isinstance(node, kind)]
