"""A forecast as tables: a pilot's stages, what a job will take, what it is expected to reach."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from ray_jobs.config.names import flag_of


def show_expected(console: Console, result: dict[str, Any]) -> None:
    """Accuracy against cost, where a pilot without labels expects something of it."""
    expected = result.get("expected")
    if not expected:
        return
    table = Table(title="expected of a pilot without labels", title_justify="left")
    for column in ("asked about", "MLLM calls", "confident up to", "accuracy"):
        table.add_column(column, justify="right")
    for each in expected["curve"]:
        mark = " (picked)" if each["share"] == expected["picked"]["share"] else ""
        row = f"{each['share']:.0%}{mark}", f"{each['calls']:,}"
        table.add_row(*row, f"{each['below']:.3f}", f"{each['accuracy']:.3f}")
    console.print(table)
    said = (
        f"of {expected['images']:,} images {expected['answered']:,} were answered, "
        f"{expected['agreed']:,} as CLIP says; the MLLM is taken to be right in "
        f"{expected['right']:.1%} ({expected['low']:.1%} to {expected['high']:.1%}) where it can "
        f"be, CLIP's temperature is {expected['temperature']:.2f}; {expected['assumes']}"
    )
    console.print(f"Note: {said}", soft_wrap=True, markup=False)


def stages_table(forecast: dict[str, Any]) -> Table:
    """The stages of a pilot: how fast each is, and how busy it was."""
    title = f"pilot: {forecast['pilot_images']:,} of {forecast['images']:,} images"
    table = Table(title=title, title_justify="left")
    table.add_column("pass")
    table.add_column("stage")
    for column in ("images/s of a process", "processes", "busy"):
        table.add_column(column, justify="right")
    for each in forecast["passes"]:
        for stage in each["stages"]:
            mark = " (bottleneck)" if stage["stage"] == each["bottleneck"] else ""
            rates = f"{stage['per_process']:,.1f}", f"{stage['processes']:,}"
            table.add_row(each["name"], stage["stage"] + mark, *rates, f"{stage['busy']:.0%}")
    return table


def forecast_table(forecast: dict[str, Any]) -> Table:
    """What a job is forecast to take."""
    table = Table(title="forecast", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for each in forecast["passes"]:
        table.add_row(
            f"hours of the pass {each['name']}",
            f"{each['seconds'] / 3600:,.2f} ({each['images_per_second']:,.1f} images/s)",
        )
    table.add_row("hours", f"{forecast['seconds'] / 3600:,.2f}")
    table.add_row("images/s, start-up included", f"{forecast['images_per_second']:,.1f}")
    table.add_row("bottleneck", str(forecast["bottleneck"]))
    table.add_row("GPU-hours", f"{forecast['gpu_hours']:,.2f}")
    table.add_row("CPU-hours", f"{forecast['cpu_hours']:,.2f}")
    table.add_row("MLLM calls", f"{forecast['mllm_calls']:,}")
    tokens = f"{forecast['prompt_tokens']:,} / {forecast['output_tokens']:,}"
    table.add_row("tokens in / out", tokens)
    for each in forecast.get("image_tokens", ()):
        size = f", images of {each['width']} x {each['height']}" if "width" in each else ""
        count = f"{each['median']:,} ({each['most']:,} at most{size})"
        table.add_row(f"tokens in for a picture, {each['query']}", count)
    table.add_row("images with an error", f"{forecast['errors']:.2%}")
    for setting, value in (forecast.get("as_published") or {}).items():
        table.add_row(f"as published: {flag_of(setting)}", str(value))
    if forecast["cost"] is not None:
        table.add_row("cost, with the prices given", f"{forecast['cost']:,.2f}")
    return table
