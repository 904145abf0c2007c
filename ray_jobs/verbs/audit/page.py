"""The page of an audit: its estimate, what that supposes, and pictures of what to look at.

Labels, paths and words read in pictures are hostile: the template escapes them all, and the content
security policy allows no script but the search.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from ray_jobs.pages.label_names import label_filters
from ray_jobs.pages.label_search import SearchedLabel, script_hash, search_data, search_script
from ray_jobs.pages.numbers import Figure, percent, whole
from ray_jobs.pages.templates import FOLDER, templates
from ray_jobs.verbs.audit.labellers import Archive
from ray_jobs.verbs.report.next_steps import NextStep
from ray_jobs.verbs.report.shots import shortened
from ray_jobs.verbs.report.thumbnails import Thumbnail, draw_thumbnails

_SHOWN_CLASSES: Final = 200


def draw_page(archive: Archive, result: dict[str, Any], *, pictures: bool) -> str:
    """The page as HTML.

    Args:
        archive: the audited run's rows.
        result: what the verb returns.
        pictures: whether images are read; without, only their paths are shown.
    """
    thumbnails = draw_thumbnails(archive.run, _shown(result)) if pictures else {}
    named, also = label_filters(archive.run.named)
    environment = templates(Path(__file__).parent)
    environment.filters.update(named=named, also=also, shortened=shortened)
    environment.globals["shot_of"] = lambda image, path: {
        "path": path,
        "thumbnail": thumbnails.get(image, Thumbnail()),
    }
    template = environment.get_template("page.html.j2")
    return template.render(
        css=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script_hash=script_hash(),
        search_script=search_script(),
        search_title="Search all labels",
        searched=_searched(archive, result, named, also),
        audit=result,
        tiles=_tiles(result),
        per_class=result["per_class"][:_SHOWN_CLASSES],
        steps=_steps(result),
    )


def _shown(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every image of the page: id and path; the manifest knows where it is."""
    for kind in ("likely_errors", "far", "writing"):
        yield from ({**row, "uri": None} for row in result[kind])
    for pair in result["near_duplicates"]:
        for image, path in zip(pair["image_ids"], pair["paths"], strict=True):
            yield {"image_id": image, "path": path, "uri": None}


def _searched(archive: Archive, result: dict[str, Any], named: Any, also: Any) -> dict[str, Any]:
    counts = Counter(label for label in archive.labels if label)
    share = {row["label"].casefold(): row["estimate"] for row in result["per_class"]}
    judged = bool(share)

    def row(label: str, images: int) -> SearchedLabel:
        words = also(label)
        right = [round(share.get(label.casefold(), 0.0) * images)] if judged else []
        return SearchedLabel(named(label), "" if words == label else words, [images, *right])

    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    columns = ["Images", "Right, estimated"] if judged else ["Images"]
    return search_data(columns, [row(*pair) for pair in ranked])


def _tiles(result: dict[str, Any]) -> list[Figure]:
    found, writing = result["accuracy"], result["writing"]
    tiles = []
    if found is not None:
        sure = f"with a probability of {100 * found['level']:.0f} %"
        hint = f"{percent(found['low'])} to {percent(found['high'])}, {sure}"
        tiles.append(Figure("Accuracy, estimated", percent(found["estimate"]), hint))
    speaking = sum(row["kinds"] != ["writing"] for row in writing)
    pairs = len(result["near_duplicates"])
    return [
        *tiles,
        Figure("Labels", whole(result["labelled"]), f"of {whole(result['images'])} images"),
        Figure("Near-duplicates", whole(pairs), "pairs with different labels"),
        Figure("Far from every class", whole(len(result["far"])), "images"),
        Figure("With writing", whole(len(writing)), f"{whole(speaking)} may steer a model"),
    ]


def _steps(result: dict[str, Any]) -> list[NextStep]:
    run = shlex.quote(result["run"])
    steps = [
        NextStep(
            f"onoma review {run}",
            "Look at a few hundred images: an accuracy that rests on no supposition",
        ),
        NextStep(f"onoma report {run}", "All labels of the run, with pictures and this estimate"),
    ]
    if result["accuracy"] is None:
        other = NextStep(
            f"onoma audit {run} --with OTHER_RUN",
            "Estimate the accuracy from how far another model's run agrees",
        )
        return [other, *steps]
    return steps
