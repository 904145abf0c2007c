"""The question of a cascade about an image, and the labels that come of both models.

Rows that are asked about are manifest rows with ``shown``: places of the classes that the image may
be of, in the order in which the model sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import ray

from actors.labels.table import CASCADE_LABELS_SCHEMA, CUT, IMAGE_COLUMNS, TOP_LABELS
from actors.mllm.answers_by_image import read_images
from actors.mllm.request import DecodedImage, Request, ResponseFormat, Sampling
from actors.mllm.response_cache import KEY_BYTES, KeyIndex, key_of
from actors.mllm.responses import cut_of, response_text
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.cascade.uncertainty import probabilities
from methods.choices import ChoiceReader, marked
from methods.class_names import ClassNames
from methods.prompt import Prompt

DESCRIBE, CHOOSE = "describe", "choose"
"""Names of the asks, and of their columns."""
ABOUT: Final = "about"
"""Column with what a choice is about: the image's content, the classes shown, a description."""
SHOWN: Final = "shown"

_SHOWN_BYTES: Final = 4


class ShownChoicePrompt:
    """Asks which of the classes shown an image is of, with a description of it or without."""

    def __init__(
        self, prompt: Prompt, category: str, names: Sequence[str], form: ResponseFormat
    ) -> None:
        """Keep the prompt, with ``{classes}`` and perhaps ``{category}`` and ``{description}``.

        Args:
            prompt: its text.
            category: what all images show.
            names: of all classes.
            form: how the model is held to the classes shown.
        """
        self._prompt, self._category, self._names = prompt, category, tuple(names)
        self._form: ResponseFormat = form

    def identity(self) -> dict[str, Any]:
        """The prompt and all names; a row's key stands for those shown and for a description."""
        return {
            "prompt": self._prompt.text,
            "category": self._category,
            "classes": list(self._names),
            "form": self._form,
        }

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the question about the row's image."""
        assert image is not None
        names = shown_names(row[SHOWN], self._names)
        said = row[ABOUT][KEY_BYTES + _SHOWN_BYTES * len(row[SHOWN]) :].decode()
        text = self._prompt.fill(classes=marked(names), category=self._category, description=said)
        return Request(text, (image,), how, names, response_format=self._form)


def shown_names(shown: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes shown, each once: two classes of one name are one answer."""
    return tuple(dict.fromkeys(names[at] for at in shown))


@stage("join", (ABOUT,))
def join_shown(batch: pa.Table) -> pa.Table:
    """Add what a choice is about to fetched or described rows; no description is an error."""
    errors = RowErrors.of(batch)
    about: list[bytes | None] = [None] * batch.num_rows
    described = DESCRIBE in batch.column_names
    shown = batch.column(SHOWN).to_pylist()
    for row in np.flatnonzero(errors.fine).tolist():
        places = np.array(shown[row], "<i4").tobytes()
        try:
            said = _description(batch.column(DESCRIBE)[row].as_py()) if described else ""
        except AnswerError as error:
            errors.fail(row, error)
        else:
            content = batch.column("bytes")[row].as_buffer()
            about[row] = key_of(content) + places + said.encode()
    if "key" in batch.column_names:
        batch = batch.drop_columns(["key"])
    return errors.onto(batch).append_column(ABOUT, pa.array(about, pa.binary()))


def _description(said: dict[str, Any] | None) -> str:
    return response_text(said, cut_counts=True)


def read_choice(
    row: Mapping[str, Any], names: Sequence[str], others: Sequence[Sequence[str]]
) -> int:
    """The class that an answered row chooses, as its place among all classes.

    Raises:
        AnswerError: there is no answer, or it names none of the classes shown, or several.
    """
    if row.get("error") is not None:
        raise AnswerError(row["error"], row["error_detail"] or "")
    text = response_text(row[CHOOSE], cut_counts=True)
    shown = list({names[at]: at for at in reversed(row[SHOWN])}.values())[::-1]
    reader = ChoiceReader([names[at] for at in shown], [others[at] for at in shown])
    chosen = reader.read(text)
    if chosen is not None:
        return shown[chosen]
    if cut_of(row, {CHOOSE: "answer"}):
        raise AnswerError("cut_answer", f"cut before it named a class: {text}")
    raise AnswerError("no_class", f"names no class shown, or several: {text}")


@stage("label", CASCADE_LABELS_SCHEMA)
def label_cascade(
    batch: pa.Table,
    answers: ray.ObjectRef[list[KeyIndex]] | list[KeyIndex],
    classes: ClassNames,
    method: str,
    columns: Sequence[str],
    at: int,
) -> pa.Table:
    """Rows of the labels table from scored rows.

    Args:
        batch: rows of `actors.labels.cascade_scores.SCORES_SCHEMA`.
        answers: indices of the answered rows by image, or where they are in the object store.
        classes: all of them, in the order of the classifier.
        method: for the column of that name.
        columns: of an answered row that are read.
        at: place of the temperature in `methods.cascade.uncertainty.TEMPERATURES`.

    Returns:
        `CASCADE_LABELS_SCHEMA`. The model decides where its answer can be used, CLIP elsewhere;
        ``score`` is CLIP's of the label.
    """
    indices = ray.get(answers) if isinstance(answers, ray.ObjectRef) else answers
    found = read_images(indices, batch.column("image_id").to_pylist(), columns)
    errors, rows = RowErrors.of(batch), []
    for row, fine, answer in zip(batch.to_pylist(), errors.fine, found, strict=True):
        kept = {name: row[name] for name in IMAGE_COLUMNS} | {"method": method}
        kept |= {"top_labels": [], "top_scores": []}
        rows.append(kept | (_label(row, answer, classes, at) if fine else {}))
    return errors.onto(pa.Table.from_pylist(rows, schema=CASCADE_LABELS_SCHEMA))


def _label(
    row: dict[str, Any], answer: dict[str, Any] | None, classes: ClassNames, at: int
) -> dict[str, Any]:
    """What a row without an error gets."""
    top, scores = row["top"], row["top_scores"]
    logits, sums = np.array([row["top_logits"]]), np.array([row["log_sums"]])
    label: dict[str, Any] = {
        "distance": row["distance"],
        "confidence": float(probabilities(logits, sums, at)[0, 0]),
        "clip_label": classes.ids[top[0]],
        "clip_score": scores[0],
    }
    decided, order = "clip", list(range(len(top)))
    if answer is not None:
        label |= _said(answer, classes)
        try:
            chosen = read_choice(answer, classes.names, classes.others)
        except AnswerError as error:
            label["mllm_problem"] = error.code
        else:
            decided = "mllm"
            label["mllm_label"] = classes.ids[chosen]
            order.remove(first := top.index(chosen))
            order.insert(0, first)
    ranked = [classes.ids[top[place]] for place in order[:TOP_LABELS]]
    return label | {
        "label": ranked[0],
        "score": scores[order[0]],
        "top_labels": ranked,
        "top_scores": [scores[place] for place in order[:TOP_LABELS]],
        "decided_by": decided,
    }


def _said(answer: dict[str, Any], classes: ClassNames) -> dict[str, Any]:
    """What the model was shown and said."""
    described, chose = answer.get(DESCRIBE), answer[CHOOSE]
    return {
        "choices": [classes.ids[at] for at in answer[SHOWN]],
        "description": described and described["answer"],
        "answer": chose and chose["answer"],
        CUT: cut_of(answer, {DESCRIBE: "description", CHOOSE: "answer"}),
    }
