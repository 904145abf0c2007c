"""What a person sees on standard output when a verb is done."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from ray_jobs.pipelines.registry import label_method_of_run, load, reconstruction_note
from ray_jobs.verbs.plan.comparison import compare
from ray_jobs.verbs.plan.tables import forecast_table, show_expected, stages_table

_METRICS = (
    *("accuracy", "top5", "macro_f1", "macro_f1_true_classes", "cacc", "sacc", "nmi", "ari"),
    *("map", "cf1", "of1"),
)
_FORECAST = (
    ("images", "images"),
    ("mllm_calls", "MLLM calls at most"),
    ("seconds", "seconds"),
    ("gpu_hours", "GPU-hours"),
    ("prompt_tokens", "tokens in"),
    ("output_tokens", "tokens out"),
    ("cost", "the price"),
)
_COSTS = (
    ("MLLM calls, fit included", "mllm_calls", ","),
    ("answers reused, fit included", "answers_reused", ","),
    ("share of the MLLM's questions", "calls_share", ".4f"),
    ("tokens in, fit included", "prompt_tokens", ","),
    ("tokens out, fit included", "output_tokens", ","),
    ("seconds of labelling", "seconds", ",.1f"),
    ("images/s of labelling", "images_per_second", ",.1f"),
)

_OWN_LINES = {"search": "found", "dataset": "dataset", "serve": "served"}
_LINES = {
    "audit": "ray_jobs.verbs.audit.words:audit_lines",
    "review": "ray_jobs.verbs.review.telling:review_lines",
    "calibrate": "ray_jobs.verbs.calibrate:calibrate_lines",
    **{verb: f"ray_jobs.summary:{name}_lines" for verb, name in _OWN_LINES.items()},
}


def show(name: str, result: dict[str, Any], out: TextIO, folder: str | None = None) -> None:
    """Print the result of a verb.

    Args:
        name: of the command.
        result: what it returned.
        out: gets the text.
        folder: that ``--out`` named, if the verb has it.
    """
    console = Console(file=out, width=None if out.isatty() else 100, highlight=False)
    if name.startswith("label"):
        console.print(run_table(result))
        show_expected(console, result)
        for line in error_lines(result):
            console.print(line, soft_wrap=True, markup=False)
        if note := reconstruction_note(result["method"]):
            console.print(f"Note: {note}", soft_wrap=True, markup=False)
        for line in next_lines(name, result, folder or result["config"]["out"]):
            console.print(line, soft_wrap=True, markup=False)
    elif name == "status":
        console.print(result["says"], soft_wrap=True, markup=False)
    elif name == "completion":
        out.write(result["script"])
    elif name.startswith("plan"):
        console.print(stages_table(result))
        console.print(forecast_table(result))
        show_expected(console, result)
        if told := result.get("note"):
            console.print(f"Note: {told}", soft_wrap=True, markup=False)
    elif name == "evaluate":
        console.print(metrics_table(result))
        for note in _notes(result):
            console.print(f"Note: {note}", soft_wrap=True, markup=False)
    elif name in _LINES:
        for line in load(_LINES[name])(result):
            console.print(line, soft_wrap=True, markup=False)
    elif name == "table":
        out.write(f"table: {result['out']}\n" if result["out"] else result["table"])
    elif name == "reproduce":
        for line in reproduced_lines(result):
            out.write(f"{line}\n")
        out.write(result["table"])
    elif name == "repair":
        console.print(f"{result['run']}: {result['message']}", soft_wrap=True, markup=False)
    elif name == "doctor":
        console.print(_checks_table(result))
    elif name == "demo":
        console.print(demo_table(result))
        if note := reconstruction_note(*result["methods"]):
            console.print(f"Note: {note}", soft_wrap=True, markup=False)
        console.print(f"Report: {result['report']}", soft_wrap=True, markup=False)
        if result["comparison"]:
            console.print(f"Comparison: {result['comparison']}", soft_wrap=True, markup=False)
    else:
        for key, value in result.items():
            if value not in ("", None):
                console.print(f"{key}: {value}", soft_wrap=True, markup=False)
        if folder and name.startswith("fit "):
            for line in next_lines(name, result, folder):
                console.print(line, soft_wrap=True, markup=False)


def run_table(record: dict[str, Any]) -> Table:
    """The final table of a labelling job."""
    table = Table(title=f"{record['method']}: {record.get('state', '')}", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("images", f"{record['images']:,}")
    table.add_row("labelled", f"{record['labelled']:,}")
    for code, count in record["errors"].items():
        table.add_row(f"error {code}", f"{count:,}")
    if record.get("resumed_images"):
        table.add_row("labelled by an earlier attempt", f"{record['resumed_images']:,}")
    table.add_row("images/s, start-up included", f"{record['images_per_second']:,.1f}")
    table.add_row("seconds", f"{record['seconds']:,.1f}")
    for name in ("mllm_calls", "answers_reused", "engine_starts"):
        if record[name]:
            table.add_row(name.replace("_", " ").replace("mllm", "MLLM"), f"{record[name]:,}")
    for row, count in counted_rows(record):
        if count:
            table.add_row(row, f"{count:,}")
    method = label_method_of_run(record)
    for each in method.tells(record) if method else ():
        table.add_row(f"{each.title[0].lower()}{each.title[1:]}, {each.hint}", f"{each.share:.0%}")
    if record["prompt_tokens"] or record["output_tokens"]:
        tokens = f"{record['prompt_tokens']:,} / {record['output_tokens']:,}"
        table.add_row("tokens in / out", tokens)
    for what, expected, happened in compare(record):
        table.add_row(f"forecast of {what}", f"{expected:,.1f} (was {happened:,.1f})")
    return table


def next_lines(name: str, result: dict[str, Any], folder: str) -> Iterator[str]:
    """Where a job has left its result, and the command to type next."""
    given = shlex.quote(folder)
    if name.startswith("fit "):
        flag = "--classifier" if "classifier" in result else "autosep --prompt"
        yield f"Next: onoma label {flag} {given} --images SRC --out RUN"
        return
    yield f"Folder: {folder} (labels/*.parquet, run.json)"
    if result.get("errors"):
        yield f"Next: onoma report {given}; the same command with --retry-errors all asks again"
    else:
        yield f"Next: onoma report {given}"


def error_lines(record: dict[str, Any]) -> Iterator[str]:
    """One example of each error of a run."""
    for code, example in record.get("error_examples", {}).items():
        yield f"Such as {code}: {example['path']}: {' '.join(example['detail'].split())}"


def counted_rows(record: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """What the counters of a run's method found in its labels."""
    method = label_method_of_run(record)
    for counter in method.counters if method else ():
        found = record.get(counter.key, {})
        parts = {"": found} if set(counter.columns) == {""} else found
        for name, counts in parts.items():
            for value, count in counts.items():
                yield counter.row.format(name=name, value=value), count


def metrics_table(result: dict[str, Any]) -> Table:
    """The metrics that fit a run; with ``mllm_run``, that run beside it and what both cost."""
    other = result.get("mllm_run", {})
    table = Table()
    table.add_column("metric")
    table.add_column("this run" if other else "value", justify="right")
    if other:
        table.add_column("MLLM on every image", justify="right")

    def add(name: str, key: str, form: str, ours: dict[str, Any] = result) -> None:
        values = [run.get(key) for run in ([ours, other] if other else [ours])]
        if any(value is not None for value in values):
            table.add_row(name, *("" if v is None else format(v, form) for v in values))

    for key in _METRICS:
        add(key, key, ".4f")
    for part, accuracy in result.get("parts", {}).items():
        table.add_row(f"accuracy, {part}", f"{accuracy:.4f}")
    add("distinct names", "names_found", ",")
    for key in ("images", "errors"):
        add(key, key, ",")
    if other:
        for name, key, form in _COSTS:
            add(name, key, form, result["cost"])
    return table


def dataset_lines(result: dict[str, Any]) -> Iterator[str]:
    """The data sets there are, or what one became."""
    for each in result.get("datasets", ()):
        yield f"{each['name']}: {each['title']}, {each['classes']:,} classes"
        for key in ("layout", "images", "licence", "published"):
            if isinstance(value := each[key], dict):
                parts = (", ".join(f"{s} {n:,}" for s, n in own.items()) for own in value.values())
                value = "; ".join(f"{who}: {part}" for who, part in zip(value, parts, strict=True))
            yield f"    {key}: {value or 'not known'}"
    for key, value in result.items():
        if key not in ("datasets", "missing_images", "notes") and value not in ("", None):
            yield f"{key}: {value}"


def found_lines(result: dict[str, Any]) -> Iterator[str]:
    """What a search found: a line an image, its number first."""
    yield f"{result['looked_for']}: of {result['images']:,} images"
    if "duplicates" in result:
        yield f"near-duplicates: {result['duplicates']:,}"
    for row in result["results"]:
        value = row["outlier_score"] if "outlier_score" in row else row["similarity"]
        other = f", like {row['duplicate_of_path']}" if "duplicate_of_path" in row else ""
        yield f"{value:.4f}  {row['path']}{other}"
    if page := result.get("html"):
        yield f"page: {page}"


def served_lines(result: dict[str, Any]) -> list[str]:
    """What became of an endpoint, and what a check of it found."""
    names = ", ".join(f"{name} ({version})" for name, version in result["classifiers"].items())
    lines = [f"endpoint: {result['url']}", f"classifiers: {names}"]
    for name, found in result.get("check", {}).items():
        lines.append(
            f"{name}: {found['agree']} of {found['images']} images as in the job, scores differ by "
            f"{found['largest_drift']:.6f} at most"
        )
        lines += [f"  {difference}" for difference in found["differences"]]
    return lines


def reproduced_lines(result: dict[str, Any]) -> Iterator[str]:
    """What stands above a paper's table: its commands and their cost, or where it was written."""
    yield result["title"]
    for note in result["notes"]:
        yield f"Note: {note}"
    yield from result.get("commands", ())
    if forecast := result.get("forecast"):
        for each in (*forecast["runs"], {"row": "all", "dataset": "", **forecast["total"]}):
            told = [f"{each[key]:,} {what}" for key, what in _FORECAST if each.get(key) is not None]
            name = " ".join(each[key] for key in ("row", "dataset", "verb") if each.get(key))
            yield f"forecast of {name}: {', '.join(told)}"
    if result["out"]:
        yield f"table: {result['out']}"


def _notes(result: dict[str, Any]) -> list[str]:
    """What a reader of the numbers should know, said once."""
    notes = [result.get("note"), result.get("mllm_run", {}).get("note")]
    return list(dict.fromkeys(note for note in notes if note))


def demo_table(result: dict[str, Any]) -> Table:
    """One row a method."""
    table = Table(title="The field guide, by method", title_justify="left")
    table.add_column("method", no_wrap=True)
    metrics = {"accuracy": "accuracy", "cacc": "cACC", "map": "mAP"}
    columns = ("images", "errors", "images/s", "MLLM calls", "reused")
    for column in (*metrics.values(), *columns):
        table.add_column(column, justify="right")
    for method, values in result["methods"].items():
        table.add_row(
            method,
            *(f"{values[key]:.3f}" if key in values else "" for key in metrics),
            f"{values['images']:,}",
            f"{values['errors']:,}",
            f"{values['images_per_second']:,.1f}",
            f"{values['mllm_calls']:,}",
            f"{values['answers_reused']:,}",
        )
    return table


def _checks_table(result: dict[str, Any]) -> Table:
    table = Table()
    for column in ("", "what", "found", "what to do"):
        table.add_column(column)
    for check in result["checks"]:
        mark = {"ready": "[green]ready[/]", "missing": "[red]missing[/]"}.get(
            check["state"], f"[yellow]{check['state']}[/]"
        )
        table.add_row(mark, check["what"], check["found"], check["do"])
    return table
