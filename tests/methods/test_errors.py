"""The table of error codes against the tree: each code that is raised is in it, and the reverse."""

from __future__ import annotations

import ast
import pickle
from collections import defaultdict
from pathlib import Path

import pytest

from actors.images.errors import ImageError
from methods.answers import AnswerError
from methods.errors import (
    ANSWER_CODES,
    DECISION_CODES,
    FEATURE_CODES,
    IMAGE_CODES,
    REQUEST_CODES,
    ROW_CODES,
    InputError,
    OnomaError,
    RowError,
)
from tests.helpers.own_modules import nodes_of, tree_of

ROOT = Path(__file__).parents[2]
KINDS = {
    "ImageError": set(IMAGE_CODES),
    "AnswerError": set(ANSWER_CODES) | set(REQUEST_CODES),
    "failed": set(REQUEST_CODES),  # actors.mllm.request
    "fail": set(ROW_CODES),  # RowErrors
}
PLACES = {"ImageError": 0, "AnswerError": 0, "failed": 0, "fail": 1}


def constants(tree: ast.Module) -> dict[str, str]:
    """Texts that a module keeps under a name."""
    found = {}
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            found[target.id] = value.value
    return found


def codes_of(node: ast.expr, names: dict[str, str]) -> set[str]:
    """The texts that an argument can be; none where it is not written out there."""
    if isinstance(node, ast.IfExp):
        return codes_of(node.body, names) | codes_of(node.orelse, names)
    if isinstance(node, ast.Name):
        node = ast.Constant(names.get(node.id))
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def raised() -> dict[str, dict[str, list[str]]]:
    """By what carries a code, the codes it is given in the tree, and where."""
    found: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in KINDS}
    for layer in ("methods", "actors", "ray_jobs", "serve"):
        for path in (ROOT / layer).rglob("*.py"):
            names = constants(tree_of(path))
            for node in nodes_of(path, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in KINDS and len(node.args) > PLACES[name]:
                    for code in codes_of(node.args[PLACES[name]], names):
                        found[name][code].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


RAISED = raised()


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_that_is_raised_is_in_the_table(kind: str) -> None:
    unknown = {code: places for code, places in RAISED[kind].items() if code not in KINDS[kind]}
    assert not unknown


def test_every_code_of_the_table_is_raised_somewhere() -> None:
    assert set(ROW_CODES) == {code for codes in RAISED.values() for code in codes}


def test_kinds_of_codes_do_not_overlap_and_each_is_a_sentence() -> None:
    kinds = (IMAGE_CODES, REQUEST_CODES, ANSWER_CODES, FEATURE_CODES, DECISION_CODES)
    assert len(ROW_CODES) == sum(len(kind) for kind in kinds)
    for code, meaning in ROW_CODES.items():
        assert code.replace("_", "").isalpha()
        assert len(meaning.split()) > 1
        assert not meaning.endswith(".")


def test_the_tree_of_errors() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, OnomaError)
    for kind in (ImageError, AnswerError):
        assert issubclass(kind, RowError)
        assert issubclass(kind, OnomaError)
    with pytest.raises(ValueError, match="unknown image error code 'refusal'; known: missing"):
        ImageError("refusal", "")


def test_an_error_of_a_row_travels_between_processes_with_its_detail_cut() -> None:
    error = pickle.loads(pickle.dumps(ImageError("truncated", "x" * 1000)))
    assert (type(error), error.code, error.detail) == (ImageError, "truncated", "x" * 300)
