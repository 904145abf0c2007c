"""A review's figures in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_CLASSES: Final = 20


def review_lines(found: dict[str, Any]) -> Iterator[str]:
    """Say what `ray_jobs.verbs.review.figures.figures` found."""
    if "imported" in found:
        yield f"imported: {found['imported']:,} answers"
        if found["imported_before"]:
            yield f"already there: {found['imported_before']:,}"
        if others := found["imported_not_drawn"]:
            yield f"on images that were not drawn: {others:,}, kept and not in the estimate"
    errors = sum(found["errors"].values())
    left_out = f"; {errors:,} with an error are not in the sample" if errors else ""
    yield f"images with a label: {found['images']:,}{left_out}"
    for name, key in (("answers", "answers"), ("skipped", "skipped")):
        yield f"{name}: {found[key]:,}"
    if len(found["reviewers"]) > 1:
        each = (f"{who} {count:,}" for who, count in found["reviewers"].items())
        yield f"reviewers: {', '.join(each)}"
    if found["reviewed_twice"]:
        yield (
            f"judged by several: {found['reviewed_twice']:,}, of which {found['disagreements']:,} "
            "differently (such an image counts by the share of its reviewers)"
        )
    if found["accuracy"] is None:
        yield "accuracy: no answer yet"
        return
    yield f"accuracy: {_interval(found)}"
    more, points = found["more_answers"], 100 * found["half_width_wanted"]
    if more is None:
        yield f"to +-{points:g} points: there are too few images"
    else:
        yield f"more answers to +-{points:g} points: {'about ' if more else ''}{more:,}"
    for row in found["per_class"][:_CLASSES]:
        yield f"  {row['label']}: {_interval(row)}, {row['answers']} of {row['images']:,} images"
    if len(found["per_class"]) > _CLASSES:
        yield f"  ... and {len(found['per_class']) - _CLASSES} classes more (--json has all)"
    for row in found["disagreed"]:
        said = ", ".join(f"{who}: {label}" for who, label in row["said"].items())
        yield f"  disagreement on {row['path']}: {said}"


def _interval(row: dict[str, Any]) -> str:
    return f"{row['accuracy']:.1%} (95 % interval {row['low']:.1%} to {row['high']:.1%})"
