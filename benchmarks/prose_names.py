"""How many answers in prose are read as a second model read them.

    uv run python -m benchmarks.prose_names bird=birds.jsonl dog=dogs.jsonl flower=flowers.jsonl

Each file has a JSON object a line: ``response``, and ``name_by_a_second_model``. Names are compared
without capitals, hyphens and punctuation. Printed a category and in all: answers, equal ones, other
ones, and those without a name.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from methods.answers import AnswerError
from methods.discovered_names import parse_name


def key(name: str) -> str:
    """What two spellings of a name have in common."""
    return " ".join(re.sub(r"[^\w\s]", "", name.replace("-", " ")).casefold().split())


def read(category: str, file: Path) -> Counter[str]:
    """What became of the answers of a file."""
    found: Counter[str] = Counter()
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        try:
            name = parse_name(row["response"], "stop", category, None)
        except AnswerError as error:
            found[error.code] += 1
        else:
            found["equal" if key(name) == key(row["name_by_a_second_model"]) else "other"] += 1
    return found


def main(arguments: list[str]) -> int:
    """Print the counts."""
    if not arguments or any("=" not in each for each in arguments):
        print(__doc__)
        return 2
    total: Counter[str] = Counter()
    for each in arguments:
        category, _, file = each.partition("=")
        found = read(category, Path(file))
        total += found
        _say(category, found)
    _say("all", total)
    return 0


def _say(what: str, found: Counter[str]) -> None:
    share = found["equal"] / found.total() if found else 0.0
    rest = ", ".join(f"{code} {count}" for code, count in sorted(found.items()) if code != "equal")
    print(f"{what}: {found.total()} answers, {found['equal']} equal ({share:.1%}); {rest}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
