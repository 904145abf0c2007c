"""Labels from what a multimodal LLM said: the stages of SLAC and TLAC after a model's.

`clean_descriptions` keeps what was said of images, `Shortlist` finds the classes closest to each
description and `ClassChoicePrompt` asks which class it means; `join_choices` looks up what the
model chose; `TextMatchLabels` finds the class of the last thing said, with CLIP's text encoder
where the text names none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.clip.runtime import ClipRuntime
from actors.images.errors import CODES as IMAGE_CODES
from actors.labels.table import ANSWER_LABELS_SCHEMA, CUT, TOP_LABELS
from actors.mllm.request import (
    CHOICE_FIELD,
    DecodedImage,
    Request,
    ResponseFormat,
    Sampling,
)
from actors.mllm.response_cache import KeyIndex, key_of
from actors.mllm.responses import RESPONSE_TYPE, cut_of, response_text
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.class_matching import AnswerPath, ClassMatcher, class_list, display_name
from methods.class_matrix import EncodeTexts, class_matrix, fill
from methods.json_answers import json_field
from methods.prompt import Prompt
from methods.settings import Matching
from methods.slac_tlac import TEMPLATE, clean_answer, shortlist, text_scores

RECOGNISE, CHOOSE = "recognise", "choose"
"""Names of the asks of the two stages, and of their columns."""


@stage("clean", ("description",))
def clean_descriptions(batch: pa.Table, ask: str, upstream_compat: bool = False) -> pa.Table:
    """Keep of answered rows their cleaned ``description``; rows that cannot be used are dropped.

    Args:
        batch: with a column ``ask`` of `actors.mllm.responses.RESPONSE_TYPE`.
        ask: name of the ask.
        upstream_compat: clean as the published code does.
    """
    texts = descriptions_of(batch, ask, upstream_compat)
    return pa.table({"description": pa.array([t for t in texts if t is not None], pa.string())})


def descriptions_of(batch: pa.Table, ask: str, upstream_compat: bool) -> list[str | None]:
    """The cleaned description of each row, None where there is none to use."""
    return [_description(said, upstream_compat) for said in batch.column(ask).to_pylist()]


def _description(said: dict[str, Any] | None, upstream_compat: bool) -> str | None:
    try:
        text = response_text(said, cut_counts=True)
    except AnswerError:
        return None
    return clean_answer(text, stage=1, upstream_compat=upstream_compat)


def name_matrix(names: Sequence[str], encode_texts: EncodeTexts) -> NDArray[np.float32]:
    """The class matrix of ``a photo of a NAME``: float32 (C, D), unit rows."""
    return class_matrix([display_name(name) for name in names], (TEMPLATE,), encode_texts)


class ClassChoicePrompt:
    """Asks which class of a list a description means."""

    def __init__(
        self,
        prompt: Prompt,
        names: Sequence[str],
        choices: ResponseFormat,
        shortlist: tuple[int, str] | None = None,
        form: Literal["lines", "python"] = "lines",
    ) -> None:
        """Keep the prompt, with ``{classes}`` and ``{answer}``, and the class names.

        Args:
            prompt: its text.
            names: of all classes.
            choices: how the model is held to them.
            shortlist: how many names a row's list of its own has, and the fingerprint of the CLIP
                model that chose them; None where all are shown.
            form: of the class list (`methods.class_matching.class_list`).
        """
        self._prompt, self._names = prompt, tuple(names)
        self._choices: ResponseFormat = choices
        self._shortlist = shortlist
        self._form = form
        self._list = class_list(names, form)

    def identity(self) -> dict[str, Any]:
        """The prompt, the class list and how it is shown."""
        return {
            "prompt": self._prompt.text,
            "classes": list(self._names),
            "choices": self._choices,
            "shortlist": self._shortlist and list(self._shortlist),
            **({"form": self._form} if self._form != "lines" else {}),
        }

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the question about ``row["description"]``; a row may bring a list of its own."""
        picked = row.get("shortlist")
        names = self._names if picked is None else tuple(self._names[index] for index in picked)
        listed = self._list if picked is None else class_list(names, self._form)
        text = self._prompt.fill(classes=listed, answer=row["description"])
        # two classes of one name are one answer
        choices = tuple(dict.fromkeys(names))
        return Request(text, (), how, choices, response_format=self._choices)


@stage("shortlist", ("shortlist",))
class Shortlist:
    """Adds ``shortlist`` to descriptions: positions of the names closest in CLIP's text space.

    For class lists of more than about a thousand names, which no prompt should carry whole.
    """

    def __init__(self, clip: ClipRuntime, names: Sequence[str], size: int) -> None:
        """Load CLIP and encode the names once for this replica."""
        self._encoder = clip.load()
        self._matrix = name_matrix(names, self._encoder.encode_texts)
        self._size = size

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Add the column, list of int32 in the order of the class list."""
        texts = [fill(TEMPLATE, text) for text in batch.column("description").to_pylist()]
        picked = shortlist(self._encoder.encode_texts(texts), self._matrix, self._size)
        column = pa.array(list(picked), pa.list_(pa.int32()))
        return batch.append_column("shortlist", column)


@stage("join", (CHOOSE,))
def join_choices(
    batch: pa.Table, choices: ray.ObjectRef[KeyIndex], upstream_compat: bool = False
) -> pa.Table:
    """Add the column ``choose``, the answer to the second question, to described rows.

    Args:
        batch: rows of the first stage.
        choices: index of the second stage's rows, by key of the cleaned description.
        upstream_compat: as in the second stage.
    """
    texts = descriptions_of(batch, RECOGNISE, upstream_compat)
    keys = [None if text is None else key_of(text.encode()) for text in texts]
    found = ray.get(choices).read(keys, [CHOOSE]).column(CHOOSE)
    if found.null_count == len(found):  # where nothing was asked there is no type to cast from
        found = pa.nulls(len(found), RESPONSE_TYPE)
    return batch.append_column(CHOOSE, found.cast(RESPONSE_TYPE))


@stage("label", ANSWER_LABELS_SCHEMA)
class TextMatchLabels:
    """Batches of answered rows in, rows of the labels table out.

    ``score`` is the cosine between CLIP's features of the last thing said and of the class.
    """

    def __init__(
        self,
        clip: ClipRuntime,
        names: Sequence[str],
        method: str,
        response_format: ResponseFormat = "none",
        upstream_compat: bool = False,
        ids: Sequence[str] | None = None,
        others: Sequence[Sequence[str]] = (),
        matching: Matching = "names",
    ) -> None:
        """Load CLIP and encode the class names, ``a photo of a NAME``.

        Args:
            clip: whose text encoder compares.
            names: C class names.
            method: ``slac`` or ``tlac``.
            response_format: of the second response.
            upstream_compat: clean responses as the authors' code does.
            ids: what labels are, C distinct ones; by default the names.
            others: other names of the classes, which a response may use.
            matching: how the class of a response is found.
        """
        self._encode_texts = clip.load().encode_texts
        self._matrix = name_matrix(names, self._encode_texts)
        self._ids = np.array(names if ids is None else ids, dtype=object)
        self._matcher = None if matching == "clip" else ClassMatcher(names, others)
        self._names_alone = matching == "names_alone"
        self._method, self._format = method, response_format
        self._upstream_compat = upstream_compat

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Label one batch; rows stay in order."""
        rows, errors = batch.to_pylist(), RowErrors.of(batch)
        texts: dict[int, str] = {}
        for number in np.flatnonzero(errors.fine).tolist():
            try:
                texts[number] = self._read(rows[number])
            except AnswerError as error:
                errors.fail(number, error)
        distinct = sorted(set(texts.values()))
        features = self._encode_texts([fill(TEMPLATE, text) for text in distinct])
        scores = dict(zip(distinct, text_scores(features, self._matrix), strict=True))
        labelled = []
        for number, (row, code) in enumerate(zip(rows, errors.codes, strict=True)):
            text = texts.get(number)
            if text is not None:
                found = self._label(text, scores[text])
            else:
                found = {"answer_path": None if code in IMAGE_CODES else "failed"}
            labelled.append(self._kept(row) | found)
        return errors.onto(pa.Table.from_pylist(labelled, schema=ANSWER_LABELS_SCHEMA))

    def _read(self, row: dict[str, Any]) -> str:
        """Return the last text, cleaned.

        Raises:
            AnswerError: there is none to use.
        """
        text = response_text(row[RECOGNISE], cut_counts=True)
        if self._method == "slac":
            return self._told(self._clean(text, 1))
        text = response_text(row[CHOOSE], cut_counts=self._format != "json")
        if self._format == "json":
            text = json_field(text, CHOICE_FIELD)
        text = self._clean(text, 2)
        if self._matcher and cut_of(row, {CHOOSE: "choice"}) and not self._named(text):
            raise AnswerError("cut_answer", f"cut before it named a class: {text}")
        return self._told(text)

    def _told(self, text: str) -> str:
        """The text, if it names a class or need not.

        Raises:
            AnswerError: only names count, and it holds none, or several.
        """
        if self._names_alone and not self._named(text):
            raise AnswerError("no_class", f"names no class of the list, or several: {text}")
        return text

    def _clean(self, text: str, stage: Literal[1, 2]) -> str:
        return clean_answer(text, stage=stage, upstream_compat=self._upstream_compat)

    def _kept(self, row: dict[str, Any]) -> dict[str, Any]:
        """What a row of the labels table has with a label and without one."""
        return {
            **{name: row[name] for name in ("image_id", "path", "uri")},
            "answer": _words(row, RECOGNISE),
            "choice": _words(row, CHOOSE),
            CUT: cut_of(row, {RECOGNISE: "answer", CHOOSE: "choice"}),
            "method": self._method,
            "top_labels": [],
            "top_scores": [],
        }

    def _label(self, text: str, scores: NDArray[np.float32]) -> dict[str, Any]:
        best, path = self._choose(text, scores)
        order = [best, *(i for i in np.argsort(-scores, kind="stable") if i != best)][:TOP_LABELS]
        return {
            "label": self._ids[best],
            "score": float(scores[best]),
            "top_labels": self._ids[order].tolist(),
            "top_scores": scores[order].tolist(),
            "answer_path": path,
        }

    def _choose(self, text: str, scores: NDArray[np.float32]) -> tuple[int, AnswerPath]:
        """The class a text names, else the closest one in CLIP's text space."""
        return self._named(text) or (int(scores.argmax()), "clip_fallback")

    def _named(self, text: str) -> tuple[int, AnswerPath] | None:
        """The class that a text names, where names count."""
        if self._matcher is None:
            return None
        inside = self._names_alone or self._method == "tlac"
        return self._matcher.match(text, inside=inside)


def _words(row: dict[str, Any], ask: str) -> str | None:
    """What was said to an ask, usable or not."""
    said = row.get(ask)
    return said and said["answer"]
