"""How many answers in prose are read as a second model read them.

    uv run python -m benchmarks.prose_names bird=birds.jsonl dog=dogs.jsonl flower=flowers.jsonl

Each file has a JSON object a line: ``response``, and ``name_by_a_second_model``. Names are compared
without capitals, hyphens and punctuation. Printed a category and in all: answers, equal ones, other
ones, and those without a name. Of the others, the last figure takes two kinds for equal as well: a
name that differs in blanks or a plural's s alone, and the other name of the same thing, where the
answer itself says that it is one ("*Lilium lancifolium*, commonly known as Tiger Lily").

``--rows even`` and ``--rows odd`` take every other answer: rules were written with the even ones in
sight, so that the odd ones are the test.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

from methods.answers import AnswerError
from methods.discovered_names import parse_name

_LINK = (
    r"\W*\s(?:[a-z]+\s){0,3}?(?:known|called|referred to)(?: as)? (?:an? |the )?(?:[a-z ]+ or )?"
)


def key(name: str) -> str:
    """What two spellings of a name have in common."""
    return " ".join(re.sub(r"[^\w\s]", "", name.replace("-", " ")).casefold().split())


def spelled_alike(one: str, other: str) -> bool:
    """Whether two names differ in blanks or a plural's s alone."""
    return _squeezed(one) == _squeezed(other)


def _squeezed(name: str) -> str:
    text = re.sub(r"ies$", "y", key(name).replace(" ", ""))
    return re.sub(r"s$", "", text)


def said_to_be_one(answer: str, one: str, other: str) -> bool:
    """Whether an answer says that two names are one thing's: in parentheses, or "known as"."""
    plain = re.sub(r"[^\w\s(),]", "", answer.replace("-", " ")).casefold()
    plain = " ".join(plain.split())
    for first, second in ((key(one), key(other)), (key(other), key(one))):
        a, b = re.escape(first), re.escape(second)
        if first and second and re.search(rf"\b{a}s?(?:\s*\({b}|,?{_LINK}{b}s?\b)", plain):
            return True
    return False


def read(category: str, file: Path, rows: str) -> Counter[str]:
    """What became of the answers of a file."""
    found: Counter[str] = Counter()
    lines = file.read_text("utf-8").splitlines()
    for line in lines[{"even": 0, "odd": 1}.get(rows, 0) :: 1 if rows == "all" else 2]:
        row = json.loads(line)
        theirs = row["name_by_a_second_model"]
        try:
            name = parse_name(row["response"], "stop", category, None)
        except AnswerError as error:
            found[error.code] += 1
            continue
        if key(name) == key(theirs):
            found["equal"] += 1
        elif spelled_alike(name, theirs) or said_to_be_one(row["response"], name, theirs):
            found["other name of it"] += 1
        else:
            found["other"] += 1
    return found


def main(arguments: list[str]) -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="CATEGORY=FILE.jsonl")
    parser.add_argument("--rows", choices=("all", "even", "odd"), default="all")
    options = parser.parse_args(arguments)
    total: Counter[str] = Counter()
    for each in options.files:
        category, _, file = each.partition("=")
        found = read(category, Path(file), options.rows)
        total += found
        _say(category, found)
    _say("all", total)
    return 0


def _say(what: str, found: Counter[str]) -> None:
    every = max(found.total(), 1)
    either = found["equal"] + found["other name of it"]
    rest = ", ".join(f"{code} {count}" for code, count in sorted(found.items()) if code != "equal")
    print(
        f"{what}: {found.total()} answers, {found['equal']} equal ({found['equal'] / every:.1%}), "
        f"under either name {either} ({either / every:.1%}); {rest}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
