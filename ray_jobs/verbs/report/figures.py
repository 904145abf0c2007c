"""The numbers of the page as texts: facts of the header, tiles, metrics and distribution bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ray_jobs.pages.numbers import Figure, duration, percent, whole
from ray_jobs.pipelines.base import Counter, LabelMethod
from ray_jobs.pipelines.registry import discovers_names
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.report.choosing import BINS, Histogram
from ray_jobs.verbs.report.counting import Counts

_HIGH, _LOW = 0.9, 0.5

_METRICS: Final = (
    ("accuracy", "Accuracy", "images with the true label"),
    ("macro_f1", "Macro F1", "mean over classes"),
    ("cacc", "cACC", "best matching of names to classes"),
    ("sacc", "sACC", "similarity of names to the truth"),
    ("nmi", "NMI", "shared information"),
    ("ari", "ARI", "agreement beyond chance"),
    ("map", "mAP", "mean average precision"),
    ("cf1", "CF1", "F1, mean over classes"),
    ("of1", "OF1", "F1, all labels pooled"),
)
_FINISHED: Final = "finished"  # of run.json's state
_SPELLED: Final = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class LabelBar:
    """One row of the distribution; lengths in percent of the longest."""

    label: str
    images: int
    share: float
    length: float
    true_images: int | None
    true_length: float | None


def unfinished(run: RunReader) -> str:
    """Return a remark where the record says that the run is not finished; empty otherwise."""
    return "" if run.record.get("state", _FINISHED) == _FINISHED else "not finished"


def facts(run: RunReader, counts: Counts) -> list[Figure]:
    """Return what the header says about the run."""
    config = run.record.get("config")
    found = [Figure("Method", str(run.record.get("method", "unknown")))]
    if archive := _setting(config, "images"):
        found.append(Figure("Archive", archive))
    if run.classes:
        found.append(Figure("Classes", f"{len(run.classes):,} given"))
    else:
        found.append(Figure("Labels", f"{len(counts.labels):,} different"))
    titles = {"classifier": "Classifier", "clip": "CLIP", "mllm": "MLLM"}
    found += [Figure(name, text) for key, name in titles.items() if (text := _setting(config, key))]
    if run.when:
        found.append(Figure("When", run.when.strftime("%-d %B %Y, %H:%M UTC")))
    return found


def tiles(run: RunReader, counts: Counts) -> list[Figure]:
    """Return the summary: counts from the labels table, the rest from run.json."""
    record, images = run.record, max(counts.images, 1)
    failed = sum(counts.errors.values())
    found = [
        Figure("Images", whole(counts.images)),
        Figure("Labelled", whole(counts.labelled), percent(counts.labelled / images)),
        Figure("Errors", whole(failed), percent(failed / images)),
    ]
    if counts.without_label:
        share = percent(counts.without_label / images)
        found.append(Figure("Without a label", whole(counts.without_label), share))
    if speed := record.get("images_per_second"):
        found.append(Figure("Images per second", f"{speed:,.1f}" if speed < 100 else whole(speed)))
    if seconds := record.get("seconds"):
        found.append(Figure("Time", duration(seconds)))
    if record.get("mllm_calls") or record.get("answers_reused"):
        reused = record.get("answers_reused") or 0
        hint = f"{whole(reused)} answers reused" if reused else ""
        found.append(Figure("MLLM calls", whole(record.get("mllm_calls") or 0), hint))
    read, written = record.get("prompt_tokens") or 0, record.get("output_tokens") or 0
    if read or written:
        hint = f"{whole(read)} read, {whole(written)} written"
        found.append(Figure("Tokens", whole(read + written), hint))
    return found


def counted(run: RunReader, counters: Sequence[Counter]) -> list[tuple[str, list[Figure]]]:
    """Return what the counters of a run's method found in its labels, each with its heading."""
    found = []
    for counter in counters:
        record = run.record.get(counter.key)
        if isinstance(record, dict):
            figures = _in_words if counter.meanings else _as_they_are
            found.append((counter.heading, figures(counter, record)))
    return [(heading, figures) for heading, figures in found if figures]


def _in_words(counter: Counter, record: Mapping[str, int]) -> list[Figure]:
    total = max(sum(record.values()), 1)
    return [
        Figure(title, whole(record[value]), f"{percent(record[value] / total)}, {hint}")
        for value, (title, hint) in counter.meanings.items()
        if value in record
    ]


def _as_they_are(counter: Counter, record: Mapping[str, Mapping[str, int]]) -> list[Figure]:
    return [
        Figure(
            counter.row.format(name=name, value="").strip(" :").capitalize(),
            whole(count),
            value.replace("_", " "),
        )
        for name, counts in record.items()
        for value, count in counts.items()
    ]


def told(run: RunReader, method: LabelMethod[Any] | None) -> list[Figure]:
    """Return what the record of a run tells beside what is counted of its labels."""
    found = method.tells(run.record) if method else ()
    return [Figure(each.title, percent(each.share), each.hint) for each in found]


def parts(evaluation: Mapping[str, Any], meanings: Mapping[str, tuple[str, str]]) -> list[Figure]:
    """Return the accuracy of each part alone beside that of all fused."""
    found = evaluation.get("parts", {})
    return [
        Figure(title, percent(found[part]), hint)
        for part, (title, hint) in meanings.items()
        if part in found
    ]


def metrics(run: RunReader, evaluation: Mapping[str, Any]) -> list[Figure]:
    """Return the metrics there are; of discovered names first those that ignore spelling."""
    order = sorted(
        _METRICS, key=lambda metric: metric[0] in _SPELLED and discovers_names(run.record)
    )
    return [
        Figure(name, percent(evaluation[key]), hint)
        for key, name, hint in order
        if evaluation.get(key) is not None
    ]


def score_shares(histogram: Histogram | None) -> list[Figure]:
    """Return how many labels have high and low scores, if scores are probabilities."""
    if histogram is None or (histogram.low, histogram.high) != (0.0, 1.0):
        return []
    judged = histogram.right + histogram.wrong
    totals = judged + histogram.unjudged
    found = []
    for name, part in (
        (f"Scores from {_HIGH} up", slice(round(_HIGH * BINS), None)),
        (f"Scores below {_LOW}", slice(None, round(_LOW * BINS))),
    ):
        share = percent(float(totals[part].sum() / max(totals.sum(), 1)))
        right = histogram.right[part].sum() / max(judged[part].sum(), 1)
        hint = f"{percent(float(right))} of them right" if judged[part].sum() else "of all labels"
        found.append(Figure(name, share, hint))
    return found


def distribution(
    counts: Counts,
    labels: list[tuple[str, int]],
    evaluation: Mapping[str, Any] | None,
    names: Mapping[str, str] | None = None,
) -> list[LabelBar]:
    """Return a bar per shown label, with the true count where all images have truth."""
    true: dict[str, int] = {}
    if evaluation and evaluation["images"] == counts.images:
        true = {row["label"]: row["images"] for row in evaluation["per_class"]}
        if names is not None:
            true = {name: true.get(stands_for, 0) for name, stands_for in names.items()}
    shown = [images for _, images in labels] + [true.get(label, 0) for label, _ in labels]
    longest = max([1, *shown])
    total = max(sum(counts.labels.values()), 1)
    return [
        LabelBar(
            label=label,
            images=images,
            share=images / total,
            length=100 * images / longest,
            true_images=true.get(label, 0) if true else None,
            true_length=100 * true.get(label, 0) / longest if true else None,
        )
        for label, images in labels
    ]


def _setting(config: object, key: str) -> str:
    """Return a text setting of the configuration, or nothing."""
    value = config.get(key) if isinstance(config, dict) else None
    return value if isinstance(value, str) else ""
