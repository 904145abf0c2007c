"""The labels of a cascade: the model's where it was asked, elsewhere those of a head or of CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.labels.cascade import CHOOSE, DESCRIBE, SHOWN, read_choice
from actors.labels.cascade_head import kept_head
from actors.labels.cascade_scores import unit_lists
from actors.labels.table import (
    CASCADE_LABELS_SCHEMA,
    CUT,
    IMAGE_COLUMNS,
    TAUGHT_LABELS_SCHEMA,
    TOP_LABELS,
)
from actors.mllm.answers_by_image import read_images
from actors.mllm.response_cache import KeyIndex
from actors.mllm.responses import cut_of
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.cascade.uncertainty import probabilities
from methods.class_names import ClassNames


@stage("label", CASCADE_LABELS_SCHEMA)
def label_cascade(
    batch: pa.Table,
    answers: ray.ObjectRef[list[KeyIndex]] | list[KeyIndex],
    classes: ClassNames,
    method: str,
    columns: Sequence[str],
    at: int,
    head: LearnedFiles | None = None,
) -> pa.Table:
    """Rows of the labels table from scored rows.

    Args:
        batch: rows of `actors.labels.cascade_scores.SCORES_SCHEMA`.
        answers: indices of the answered rows by image, or where they are in the object store.
        classes: all of them, in the order of the classifier.
        method: for the column of that name.
        columns: of an answered row that are read.
        at: place of the temperature in `methods.cascade.uncertainty.TEMPERATURES`.
        head: what learned from the answers; None where nothing did.

    Returns:
        `CASCADE_LABELS_SCHEMA`, with a head `TAUGHT_LABELS_SCHEMA`. The model decides where its
        answer can be used, the head elsewhere, or CLIP where there is none; ``score`` is the
        label's by the head or else by CLIP.
    """
    indices = ray.get(answers) if isinstance(answers, ray.ObjectRef) else answers
    found = read_images(indices, batch.column("image_id").to_pylist(), columns)
    errors = RowErrors.of(batch)
    replies = [None if each is None else _reply(each, classes) for each in found]
    ranks = [None] * len(replies) if head is None else _ranks(batch, errors.fine, replies, head)
    schema = CASCADE_LABELS_SCHEMA if head is None else TAUGHT_LABELS_SCHEMA
    plain = batch.select([each for each in batch.column_names if each != "feature"]).to_pylist()
    rows = []
    for row, fine, reply, ranked in zip(plain, errors.fine, replies, ranks, strict=True):
        kept = {name: row[name] for name in IMAGE_COLUMNS} | {"method": method}
        kept |= {"top_labels": [], "top_scores": []}
        rows.append(kept | (_label(row, reply, ranked, classes, at) if fine else {}))
    return errors.onto(pa.Table.from_pylist(rows, schema=schema))


class LearnedFiles(NamedTuple):
    """A head on its way to the tasks that label.

    Attributes:
        files: of its classifier, by name.
        moved: whether it is another than the classifier that it started at.
    """

    files: dict[str, bytes]
    moved: bool


class _Reply(NamedTuple):
    """What the model said of one image: its class among all, None for none, and its columns."""

    chosen: int | None
    said: dict[str, Any]


class _Ranked(NamedTuple):
    """The classes of one image, best first, by who labels it unless the model does."""

    by: str
    top: list[int]
    scores: list[float]
    of_chosen: float | None = None


def _reply(answer: dict[str, Any], classes: ClassNames) -> _Reply:
    described, chose = answer.get(DESCRIBE), answer[CHOOSE]
    said = {
        "choices": [classes.ids[at] for at in answer[SHOWN]],
        "description": described and described["answer"],
        "answer": chose and chose["answer"],
        CUT: cut_of(answer, {DESCRIBE: "description", CHOOSE: "answer"}),
    }
    try:
        chosen = read_choice(answer, classes.names, classes.others)
    except AnswerError as error:
        return _Reply(None, said | {"mllm_problem": error.code})
    return _Reply(chosen, said | {"mllm_label": classes.ids[chosen]})


def _ranks(
    batch: pa.Table,
    fine: NDArray[np.bool_],
    replies: Sequence[_Reply | None],
    head: LearnedFiles,
) -> list[_Ranked | None]:
    """How the head ranks the classes of each row without an error."""
    ranks: list[_Ranked | None] = [None] * batch.num_rows
    rows = np.flatnonzero(fine)
    if not len(rows):
        return ranks
    features = unit_lists(batch.column("feature").take(pa.array(rows)).combine_chunks())
    replied = [replies[row] for row in rows.tolist()]
    chosen = np.array([0 if each is None else (each.chosen or 0) for each in replied], np.int64)
    ranker = kept_head(tuple(sorted(head.files.items())))
    found = ranker.rank(features, chosen, TOP_LABELS)
    by = "head" if head.moved else "clip"
    for at, row in enumerate(rows.tolist()):
        top, scores = found.top[at].tolist(), found.scores[at].tolist()
        ranks[row] = _Ranked(by, top, scores, float(found.chosen[at]))
    return ranks


def _label(
    row: dict[str, Any],
    reply: _Reply | None,
    ranked: _Ranked | None,
    classes: ClassNames,
    at: int,
) -> dict[str, Any]:
    """What a row without an error gets; CLIP ranks its classes where no head does."""
    ranked = ranked or _Ranked("clip", row["top"], row["top_scores"])
    logits, sums = np.array([row["top_logits"]]), np.array([row["log_sums"]])
    label: dict[str, Any] = {
        "distance": row["distance"],
        "confidence": float(probabilities(logits, sums, at)[0, 0]),
        "clip_label": classes.ids[row["top"][0]],
        "clip_score": row["top_scores"][0],
        "head_label": classes.ids[ranked.top[0]],
        "decided_by": ranked.by,
    }
    if reply is not None:
        label |= reply.said
        if reply.chosen is not None:
            ranked = _first(reply.chosen, ranked)
            label["decided_by"] = "mllm"
    top = [classes.ids[place] for place in ranked.top[:TOP_LABELS]]
    return label | {
        "label": top[0],
        "score": ranked.scores[0],
        "top_labels": top,
        "top_scores": ranked.scores[:TOP_LABELS],
    }


def _first(chosen: int, ranked: _Ranked) -> _Ranked:
    """The ranking with the class that the model chose before all others."""
    score = ranked.of_chosen
    if score is None:  # the model chose among CLIP's best, which are all in its ranking
        score = ranked.scores[ranked.top.index(chosen)]
    others = [pair for pair in zip(ranked.top, ranked.scores, strict=True) if pair[0] != chosen]
    top, scores = zip((chosen, score), *others, strict=True)
    return ranked._replace(top=list(top), scores=list(scores))
