"""Writing a table as Markdown, CSV or LaTeX, with figures in per cent."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Final

from ray_jobs.verbs.table.layout import METHOD, METRIC, Cell, FigureCell, ResultsTable

_NOTHING: Final = "–"  # noqa: RUF001 - an en dash is what a table has where there is nothing
_DETAILS: Final = ("low", "high", "deviation", "runs", "difference", "p")
_TEX: Final = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    _NOTHING: "--",
}
_TEX_SPECIAL: Final = re.compile("|".join(map(re.escape, _TEX)))


def written(table: ResultsTable, form: str) -> str:
    """Write a table.

    Args:
        table: what to write.
        form: ``markdown``, ``csv`` or ``latex``.
    """
    return _FORMS[form](table)


def markdown(table: ResultsTable) -> str:
    """A table of GitHub's Markdown."""
    lines = [
        [_markdown(column) for column in table.columns],
        ["---" if _is_title(column) else "---:" for column in table.columns],
        *([_markdown(_shown(row.get(c))) for c in table.columns] for row in table.rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def latex(table: ResultsTable) -> str:
    """A tabular with the rules of the package booktabs."""
    form = "".join("l" if _is_title(c) else "r" for c in table.columns)
    body = [" & ".join(_tex(_shown(row.get(c))) for c in table.columns) for row in table.rows]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{form}}}",
        "\\toprule",
        " & ".join(map(_tex, table.columns)) + r" \\",
        "\\midrule",
        *(f"{line} \\\\" for line in body),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "".join(f"{line}\n" for line in lines)


def as_csv(table: ResultsTable) -> str:
    """Comma-separated values; what is known beside a figure stands in columns of its own."""
    heads = [name for column in table.columns for name in _csv_heads(table, column)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for row in table.rows:
        cells = {c: _csv_cells(c, row.get(c)) for c in table.columns}
        known = {name: value for named in cells.values() for name, value in named.items()}
        writer.writerow([known.get(name, "") for name in heads])
    return out.getvalue()


_FORMS: Final[dict[str, Callable[[ResultsTable], str]]] = {
    "markdown": markdown,
    "latex": latex,
    "csv": as_csv,
}


def _is_title(column: str) -> bool:
    return column in (METHOD, METRIC)


def _shown(cell: Cell) -> str:
    """A cell as a person reads it."""
    if cell is None:
        return _NOTHING
    if isinstance(cell, FigureCell):
        return _figure(cell)
    return cell if isinstance(cell, str) else f"{cell:,}"


def _figure(cell: FigureCell) -> str:
    text = f"{cell.value:.2%}".rstrip("%")
    if cell.deviation is not None:
        text += f" ± {100 * cell.deviation:.2f}"
    if cell.low is not None and cell.high is not None:
        text += f" [{100 * cell.low:.1f}, {100 * cell.high:.1f}]"
    if cell.difference is not None and cell.p is not None:
        text += f", {100 * cell.difference:+.2f} (p {_p(cell.p)})"
    return text


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _markdown(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


def _tex(text: str) -> str:
    return _TEX_SPECIAL.sub(lambda found: _TEX[found[0]], " ".join(text.split()))


def _csv_heads(table: ResultsTable, column: str) -> Sequence[str]:
    """A column, and those of the details that any figure in it has."""
    cells = [row.get(column) for row in table.rows]
    figures = [cell for cell in cells if isinstance(cell, FigureCell)]
    there = [d for d in _DETAILS if any(getattr(cell, d) is not None for cell in figures)]
    return [column, *(f"{column} {detail}" for detail in there)]


def _csv_cells(column: str, cell: Cell) -> dict[str, str]:
    if not isinstance(cell, FigureCell):
        return {column: "" if cell is None else str(cell)}
    found = {column: f"{100 * cell.value:.4f}", f"{column} runs": str(cell.runs)}
    for detail in ("low", "high", "deviation", "difference"):
        if (value := getattr(cell, detail)) is not None:
            found[f"{column} {detail}"] = f"{100 * value:.4f}"
    if cell.p is not None:
        found[f"{column} p"] = f"{cell.p:.6g}"
    return found
