"""Functions and classes of public code, taken out of modules that cannot be imported here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any


def taken(file: Path, *names: str, **known: Any) -> dict[str, Any]:
    """Compile some functions and classes of a module, and nothing else of it.

    Args:
        file: the module.
        names: of the functions and classes, the first of each; ``Class.method`` is a method alone.
        known: what they use.
    """
    tree = ast.parse(file.read_text("utf-8"))
    body = [_found(tree, name.split(".")) for name in names]
    module = ast.Module(body=body, type_ignores=[])
    space = dict(known)
    exec(compile(module, str(file), "exec"), space)
    return space


def _found(tree: ast.AST, path: list[str]) -> Any:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == path[0]:
            return _found(node, path[1:]) if path[1:] else node
    raise LookupError(".".join(path))
