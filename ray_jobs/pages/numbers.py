"""Numbers as pages print them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A number with its name and a hint."""

    name: str
    value: str
    hint: str = ""


def whole(number: float) -> str:
    """Format a count with thousands separated."""
    return f"{round(number):,}"


def amount(number: float) -> str:
    """Format any amount: without decimals from a hundred on, else with two."""
    return whole(number) if number >= 100 else f"{number:,.2f}"


def percent(fraction: float) -> str:
    """Format a fraction as percent with one decimal."""
    return f"{100 * fraction:.1f} %"


def score(value: float | None, digits: int = 2) -> str:
    """Format a score; a dash without one."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def size(value: float) -> str:
    """Format a length for a style or an SVG attribute."""
    return f"{value:.2f}"


def duration(seconds: float) -> str:
    """Format seconds in the two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
