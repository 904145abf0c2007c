#!/usr/bin/env python3
"""Write docs/reference from the code: flags, columns, error codes, files, figures and metrics.

    uv run python .ci/reference.py            writes the pages
    uv run python .ci/reference.py --check    says which are not what the code makes, exit code 1

Read are config classes, `COMMANDS`, `methods/errors.py`, the schemas of tables, and the calls that
make metrics; words that the code does not have are in `reference_words.py` beside this file.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from reference_metrics import all_metrics, figures_in  # noqa: E402
from reference_words import COLUMNS, FIGURES, FILES, RECORD, SHARED, TABLES  # noqa: E402

from actors.labels import table as label_tables  # noqa: E402
from methods import errors  # noqa: E402
from ray_jobs.commands import COMMANDS, Command, PlanCommand  # noqa: E402
from ray_jobs.config.base import VerbConfig  # noqa: E402
from ray_jobs.config.groups import NEEDED, groups_of  # noqa: E402
from ray_jobs.config.help import described, metavar  # noqa: E402
from ray_jobs.config.names import flag_of  # noqa: E402
from ray_jobs.runs.manifest import MANIFEST_SCHEMA  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- made by .ci/reference.py; change the code, and run it again -->"
SHARED_BY = 3
"""A setting that so many verbs take in the same words stands once, under its class."""


class Setting(NamedTuple):
    """A row of a table of flags."""

    flag: str
    value: str
    text: str
    needed: bool


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def rows(lines: Iterable[Sequence[str]], heads: Sequence[str]) -> str:
    """A Markdown table."""
    out = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out)


def page(title: str, *parts: str) -> str:
    """A page under its title."""
    return "\n\n".join([f"# {title}", MADE, *(part for part in parts if part)]) + "\n"


def anchor(heading: str) -> str:
    """What a link to a heading ends in, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def home_of(kind: type[VerbConfig], name: str) -> type[VerbConfig]:
    """The class that declares a setting first."""
    return next(
        each for each in reversed(kind.__mro__) if name in vars(each).get("__annotations__", {})
    )


def settings_of(command: Command) -> dict[str, Setting]:
    """The settings of a command as they are typed, in the order of its help."""
    kind = command.config
    groups = groups_of(kind, (command.positional,) if command.positional else ())
    found = {}
    for group, names in groups.items():
        for name in names:
            info = kind.model_fields[name]
            typed = flag_of(f"no_{name}" if info.default is True else info.alias or name)
            flag = "" if name == command.positional else typed
            text = described(name, info)
            word = metavar(name, info, not flag)
            found[name] = Setting(flag, word, text, group == NEEDED)
    return found


def heading_of(kind: type) -> str:
    """What the settings of a class are about."""
    return SHARED.get(kind.__name__) or (kind.__doc__ or kind.__name__).splitlines()[0].rstrip(".")


def flags_page() -> str:
    """Every verb with its settings; those that several share stand once."""
    commands = [each for each in COMMANDS.values() if not isinstance(each, PlanCommand)]
    taken = {each.name: settings_of(each) for each in commands}
    times: Counter[tuple[type, str, Setting]] = Counter()
    for each in commands:
        for name, setting in taken[each.name].items():
            times[home_of(each.config, name), name, setting] += 1
    shared: dict[type, dict[str, Setting]] = defaultdict(dict)
    for (home, name, setting), count in times.items():
        if count >= SHARED_BY and name not in shared[home]:
            shared[home][name] = setting
    shared = {home: found for home, found in shared.items() if found}
    headings = {home: heading_of(home) for home in shared}
    parts = [
        "In the order of `onoma VERB --help-all`. Keys of a `--config` file are the same words "
        f"with `_`. What {SHARED_BY} verbs or more take in the same words stands once, at the end.",
        "\n".join(
            f"* [`onoma {shown(each)}`](#{anchor('onoma ' + shown(each))})" for each in commands
        )
        + "\n* [`onoma plan METHOD`](#onoma-plan-method)\n\nShared: "
        + ", ".join(f"[{headings[home]}](#{anchor(headings[home])})" for home in shared)
        + ".",
    ]
    for each in commands:
        own: list[Setting] = []
        homes: list[type] = []
        for name, setting in taken[each.name].items():
            home = home_of(each.config, name)
            if shared.get(home, {}).get(name) == setting and not setting.needed:
                homes += [home] if home not in homes else []
            else:
                own.append(setting)
        also = ", ".join(f"[{headings[home]}](#{anchor(headings[home])})" for home in homes)
        parts += [f"## onoma {shown(each)}", each.summary[0].upper() + each.summary[1:] + "."]
        parts += [table_of(own)] if own else []
        parts += [f"Also: {also}."]
    plans = [each for each in COMMANDS.values() if isinstance(each, PlanCommand)]
    parts += ["## onoma plan METHOD", "Settings of `onoma label METHOD`, and:", plan_table(plans)]
    for home, found in shared.items():
        parts += [f"## {headings[home]}", table_of(found.values())]
    return page("Verbs and flags", *parts)


def shown(command: Command) -> str:
    """How a command is typed, without ``onoma``."""
    return "label --classifier DIR" if command.name == "label classifier" else command.name


def plan_table(plans: Sequence[PlanCommand]) -> str:
    """What plans take beside the settings of their jobs, the same for all."""
    own: dict[str, Setting] = {}
    for each in plans:
        job = COMMANDS[each.name.replace("plan", "label", 1)].config.model_fields
        own |= {name: s for name, s in settings_of(each).items() if name not in job}
    return table_of(own.values())


def table_of(settings: Iterable[Setting]) -> str:
    """A table of flags."""
    lines = []
    for each in settings:
        typed = f"{each.flag} {each.value}".strip()
        text = f"**needed.** {each.text}" if each.needed else each.text
        lines.append((f"`{typed}`".replace("|", "\\|"), cell(text)))
    return rows(lines, ("flag", ""))


def errors_page() -> str:
    """The codes of the column ``error``, by what they are about."""
    kinds = (
        ("Of an image", errors.IMAGE_CODES, "Found by fetching and decoding."),
        ("Of a request", errors.REQUEST_CODES, "Why no answer came. A new run asks again."),
        ("Of an answer", errors.ANSWER_CODES, "What can be wrong with the text of an answer."),
        ("Of a feature", errors.FEATURE_CODES, "What CLIP can make of an image."),
        ("Of a decision", errors.DECISION_CODES, "Why an image that could be labelled was not."),
    )  # fmt: skip
    parts = [
        "A row that has no label has one of these in `error`, and a sentence in `error_detail`. "
        "`run.json` counts them. `--retry-errors CODES` makes such rows again "
        "([how](../running.md#rows-with-an-error)).",
    ]
    for heading, codes, about in kinds:
        lines = [(f"`{code}`", cell(meaning)) for code, meaning in codes.items()]
        parts += [f"## {heading}", about, rows(lines, ("code", "means"))]
    missing = set(errors.ROW_CODES) - {code for _, codes, _ in kinds for code in codes}
    if missing:
        raise KeyError(f"codes in no kind: {missing}")
    return page("Error codes", *parts)


def columns_page() -> str:
    """The columns of the labels tables and of the manifest."""
    used: set[str] = set()

    def columns(schema: pa.Schema, without: Iterable[str] = ()) -> str:
        fields = [each for each in schema if each.name not in set(without)]
        used.update(each.name for each in fields)
        lines = [
            (f"`{f.name}`", f"{f.type}".replace("item: ", ""), COLUMNS[f.name]) for f in fields
        ]
        return rows([tuple(map(cell, line)) for line in lines], ("column", "type", ""))

    parts = [
        "Tables are Parquet. Types are Arrow's. One row for every image, always. `--keep-columns` "
        "puts columns of your own behind these ([tables](../archives.md#tables)).",
    ]
    for heading, name, base, methods in TABLES:
        schema = getattr(label_tables, name)
        of = ", ".join(f"`{each}`" for each in methods)
        parts.append(f"## {heading}")
        if base:
            parent = next(each[0] for each in TABLES if each[1] == base)
            of = f"{of}: as" if of else "As"
            parts.append(f"{of} [{parent.lower()}](#{anchor(parent)}), and:")
            parts.append(columns(schema, getattr(label_tables, base).names))
        else:
            parts += [f"{of}." if of else "", columns(schema)]
    parts += [
        "## The manifest",
        "Of `onoma manifest`, and in `RUN/manifest`.",
        columns(MANIFEST_SCHEMA),
    ]
    if unused := COLUMNS.keys() - used:
        raise KeyError(f"words for columns that are not there: {unused}")
    return page("Columns", *parts)


def files_page() -> str:
    """What is in the folders that jobs make."""
    parts = [
        "A folder that belongs to another run is refused. What is on disk is meant to be read."
    ]
    for heading, files in FILES:
        lines = [(f"`{name}`", text) for name, text in files]
        parts += [f"## {heading}", rows(lines, ("file", ""))]
    lines = [(f"`{key}`", text) for key, text in RECORD]
    parts += [
        "## run.json",
        "Of a labelling run. A method adds counts of its own.",
        rows(lines, ("key", "")),
    ]
    return page("Files", *parts)


def metrics_page() -> str:
    """Figures of `onoma evaluate`, and metrics for Prometheus."""
    single, several = figures_in("single_label"), figures_in("multi_label")
    if (single | several) != FIGURES.keys():
        raise KeyError(f"figures and words differ: {(single | several) ^ FIGURES.keys()}")
    parts = [
        "## Of onoma evaluate",
        "Fractions of 1 unless it says otherwise. Kept in `RUN/evaluation`.",
    ]
    for heading, keys in (("One label an image", single), ("Several labels an image", several)):
        lines = [(f"`{key}`", FIGURES[key]) for key in FIGURES if key in keys]
        parts += [f"### {heading}", rows(lines, ("key", ""))]
    parts += [
        "## For Prometheus",
        "Through Ray, which puts `ray_` before their names. A histogram has `_bucket`, `_sum` and "
        "`_count`.",
    ]
    for heading, where in (("Of jobs", "actors"), ("Of the endpoint", "serve")):
        made = [
            (f"`{m.name}`", m.kind, ", ".join(f"`{t}`" for t in m.tags), cell(m.text))
            for m in all_metrics()
            if m.where == where
        ]
        parts += [f"### {heading}", rows(made, ("metric", "kind", "tags", ""))]
    return page("Metrics", *parts)


PAGES = {
    "flags.md": flags_page,
    "columns.md": columns_page,
    "error_codes.md": errors_page,
    "files.md": files_page,
    "metrics.md": metrics_page,
}


def main() -> int:
    """Write the pages, or say which are old."""
    old = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            old.append(name)
            if "--check" not in sys.argv[1:]:
                path.write_text(text, "utf-8")
    if "--check" in sys.argv[1:] and old:
        print(f"{', '.join(old)}: not what the code makes; run .ci/reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
