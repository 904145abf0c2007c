"""Links of every page lead somewhere, its commands can be typed, its figures name a command."""

from __future__ import annotations

import ast
import io
import re
from functools import cache
from pathlib import Path

import pytest

from methods.errors import InputError
from ray_jobs.cli import _configure, _find
from ray_jobs.commands import COMMANDS, methods_of
from ray_jobs.pipelines.registry import METHODS
from tests.helpers.markdown_pages import (
    PAGES,
    ROOT,
    anchors_of,
    commands_of,
    links_of,
    mentioned_in,
    name_of,
    tables_of,
    words_of,
)
from tests.helpers.own_modules import nodes_of
from tests.helpers.python_blocks import blocks_of

DOCS = ROOT / "docs"
HISTORY = {"CHANGELOG.md"}
"""What tells of commands as they were."""
GENERAL = {"--help", "--help-all", "--version"}


def test_links_lead_somewhere() -> None:
    wrong, seen = [], 0
    for page in PAGES:
        for link in links_of(page):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            seen += 1
            if not target.exists():
                wrong.append(f"{name_of(page)}: {link} is not there")
            elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
                wrong.append(f"{name_of(page)}: {link} has no such heading")
    assert seen > 200
    assert not wrong, "\n".join(wrong)


def test_the_map_names_every_page() -> None:
    named = {(DOCS / link.partition("#")[0]).resolve() for link in links_of(DOCS / "README.md")}
    pages = {page for page in [*DOCS.glob("*.md"), *(DOCS / "reference").glob("*.md")]}
    assert pages - {DOCS / "README.md"} <= named


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in HISTORY], ids=name_of)
def test_commands_can_be_typed(page: Path) -> None:
    wrong = []
    for words in commands_of(page):
        if page == DOCS / "verbs.md":
            continue
        try:
            check(words)
        except InputError as error:
            wrong.append(f"onoma {' '.join(words)}: {error}")
    for line in mentioned_in(page):
        try:
            check_flags(line)
        except InputError as error:
            wrong.append(f"`onoma {line}`: {error}")
    assert not wrong, "\n".join(wrong)


def check(words: list[str]) -> None:
    """Parse a command line by the real parser, and what it submits as well.

    Raises:
        InputError: it cannot be typed.
    """
    if "..." in words or "METHOD" in words or any(word.startswith("[") for word in words):
        check_flags(" ".join(words))  # told in part, or a line of syntax
        return
    if GENERAL & set(words):
        return
    name, rest = _find(words)
    assert _configure(COMMANDS[name], rest, io.StringIO()) is not None
    if name == "submit":
        check(rest[rest.index("--") + 1 :])


def check_flags(line: str) -> None:
    """Check verb, method and flags of a command that is told in part.

    Raises:
        InputError: one of them is not there.
    """
    verb = line.split()[0]
    if verb in GENERAL or not verb.islower():  # VERB, X
        return
    methods = methods_of(verb)
    if verb not in COMMANDS and not methods:
        raise InputError(f"no verb {verb}")
    word = (line.split()[1:] or ["..."])[0]
    known = {word: methods[word]} if word in methods else methods or {verb: COMMANDS[verb]}
    if methods and (ROOT / "examples" / word).is_dir():
        return  # a method that is added by an example
    if methods and re.fullmatch(r"[a-z_]+", word) and word not in methods:
        raise InputError(f"{verb} has no {word}")
    flags = set(GENERAL)
    for command in known.values():
        for field, info in command.config.model_fields.items():
            flags.add("--" + (info.alias or field).replace("_", "-"))
            flags.add("--no-" + field.replace("_", "-"))
    given = {
        flag.partition("=")[0]
        for flag in re.findall(r"(?<!\S)--[a-z][\w-]*", line.split(" -- ")[0])
    }
    if strange := given - flags:
        raise InputError(f"no flag {', '.join(sorted(strange))}")


def test_the_checks_of_commands_refuse_what_is_wrong() -> None:
    check(words_of("label slac --images s3://b/p --classes n.txt --mllm A/B --clip X/y --out r"))
    check(words_of("completion bash > file"))
    check(words_of("submit --address http://h:1 -- label --classifier c --images p --out r"))
    for line in (
        "lable slac --images p",
        "label slac --images p --out r --class n.txt",
        "submit --address http://h:1 -- label --classifier c --images p --outt r",
    ):
        with pytest.raises(InputError):
            check(words_of(line))
    for line in ("audits RUN", "label slak ...", "label slac ... --top-q 3", "status RUN --jsom"):
        with pytest.raises(InputError):
            check_flags(line)


def test_commands_are_found_in_the_pages() -> None:
    found = {name_of(page): len(list(commands_of(page))) for page in PAGES}
    assert found["README.md"] >= 4
    assert found["docs/tutorial.md"] >= 15
    assert found["docs/running.md"] >= 5


def test_python_on_pages_compiles_and_has_its_places() -> None:
    """What runs it, in order: tests/onoma/test_python.py and tests/serve/test_readme_client.py."""
    for page in PAGES:
        for block in blocks_of(page):
            compile(block, name_of(page), "exec")
    (short,) = blocks_of(ROOT / "README.md")
    assert "onoma.label(" in short
    (client,) = blocks_of(DOCS / "serving.md")
    assert "Client(" in client


BENCHMARK = re.compile(r"python -m (benchmarks[\w.]*)")
COMMAND = re.compile(
    r"`[^`]*(python -m|onoma|pytest|\.\.\. --)[^`]*`|the same|arithmetic|the files of"
)


def test_figures_name_a_command() -> None:
    bullets = re.split(r"^\* ", (DOCS / "measured.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(bullets) > 8
    assert [each for each in bullets if not COMMAND.search(each)] == []
    tables = 0
    for page in DOCS.rglob("*.md"):
        for heads, *rows in tables_of(page):
            if heads[-1] == "command":
                tables += 1
                assert [row for row in rows if not COMMAND.search(row[-1])] == [], name_of(page)
    assert tables >= 3


def test_every_feature_has_a_command() -> None:
    rows = [row for _, *rows in tables_of(DOCS / "features.md") for row in rows]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 43)]
    assert all("onoma" in row[-1] or "benchmarks" in row[-1] for row in rows)


def test_benchmarks_that_are_named_are_there() -> None:
    for page in PAGES:
        for module in BENCHMARK.findall(page.read_text("utf-8")):
            path = ROOT / module.rstrip(".").replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (
                page,
                module,
            )


def test_tests_that_are_named_are_there() -> None:
    named = 0
    for page in PAGES:
        path = ""
        for file, test in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", page.read_text("utf-8")):
            path = file or path
            named += 1
            assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{page}: {path}::{test}"
    assert named > 30


def test_a_page_of_a_method_has_its_parts() -> None:
    for method in METHODS:
        text = (DOCS / "methods" / f"{method.name}.md").read_text("utf-8")
        assert "## Figures" in text, method.name
        assert BENCHMARK.search(text) or "onoma demo" in text, method.name
        assert "reference/flags.md#" in text, method.name
        assert "`--as-published`" in text, method.name
        if method.reconstructs:
            assert "**A reconstruction**" in text, method.name
            assert method.reconstructs in text, method.name


@cache
def said() -> str:
    """Every text in the code that runs, what is filled in left out."""
    texts = []
    for folder in ("ray_jobs", "actors", "methods", "serve"):
        for path in (ROOT / folder).rglob("*.py"):
            plain = (node.value for node in nodes_of(path, ast.Constant))
            texts += [text for text in plain if isinstance(text, str)]
            for node in nodes_of(path, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
                texts.append("".join(map(str, parts)))
    return "\n".join(texts)


def test_what_is_said_is_said_by_the_code() -> None:
    wrong, seen = [], 0
    for heads, *rows in tables_of(DOCS / "troubleshooting.md"):
        if heads[0] != "said":
            continue
        for row in rows:
            (sentence,) = re.findall(r"`([^`]+)`", row[0])
            seen += 1
            for part in sentence.split("..."):
                if part.strip(" ;()") and part.strip() not in said():
                    wrong.append(f"{sentence}: {part!r}")
    assert seen > 20
    assert not wrong, "\n".join(wrong)


def test_codes_in_troubleshooting_are_codes() -> None:
    from methods.errors import ROW_CODES

    (rows,) = [
        rows for heads, *rows in tables_of(DOCS / "troubleshooting.md") if heads[0] == "code"
    ]
    named = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row[0])}
    assert named
    assert named <= set(ROW_CODES)


def test_the_notice_of_prior_art_is_there() -> None:
    text = (DOCS / "licences.md").read_text("utf-8")
    assert "US20250363166A1" in text
    assert "docs/licences.md#prior-art" in (ROOT / "README.md").read_text("utf-8")
