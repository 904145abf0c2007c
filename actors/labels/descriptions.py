"""Descriptions on their way to a choice: cleaning, shorter class lists, the second question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder, Precision
from actors.clip.model import ClipModel
from actors.mllm.request import DecodedImage, Request, ResponseFormat, Sampling
from actors.mllm.responses import response_text
from actors.stage import counted
from methods.answers import AnswerError
from methods.class_matching import class_list, display_name
from methods.class_matrix import EncodeTexts, class_matrix, fill
from methods.prompt import Prompt
from methods.slac_tlac import TEMPLATE, clean_answer, shortlist


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
        text = response_text(said)
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
    ) -> None:
        """Keep the prompt, with ``{classes}`` and ``{answer}``, and the class names.

        Args:
            prompt: its text.
            names: of all classes.
            choices: how the model is held to them.
            shortlist: how many names a row's list of its own has, and the fingerprint of the CLIP
                model that chose them; None where all are shown.
        """
        self._prompt, self._names = prompt, tuple(names)
        self._choices: ResponseFormat = choices
        self._shortlist = shortlist
        self._list = class_list(names)

    def identity(self) -> dict[str, Any]:
        """The prompt, the class list and how it is shown."""
        return {
            "prompt": self._prompt.text,
            "classes": list(self._names),
            "choices": self._choices,
            "shortlist": self._shortlist and list(self._shortlist),
        }

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the question about ``row["description"]``; a row may bring a list of its own."""
        picked = row.get("shortlist")
        names = self._names if picked is None else tuple(self._names[index] for index in picked)
        listed = self._list if picked is None else class_list(names)
        text = self._prompt.fill(classes=listed, answer=row["description"])
        return Request(text, (), how, names, response_format=self._choices)


class Shortlist:
    """Adds ``shortlist`` to descriptions: positions of the names closest in CLIP's text space.

    For class lists of more than about a thousand names, which no prompt should carry whole.
    """

    def __init__(
        self,
        model: ClipModel,
        names: Sequence[str],
        size: int,
        precision: Precision = "auto",
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        """Load CLIP and encode the names once for this replica."""
        self._encoder = ClipEncoder(model, precision=precision, threads=threads, device=device)
        self._matrix = name_matrix(names, self._encoder.encode_texts)
        self._size = size

    @counted("shortlist")
    def __call__(self, batch: pa.Table) -> pa.Table:
        """Add the column, list of int32 in the order of the class list."""
        texts = [fill(TEMPLATE, text) for text in batch.column("description").to_pylist()]
        picked = shortlist(self._encoder.encode_texts(texts), self._matrix, self._size)
        column = pa.array(list(picked), pa.list_(pa.int32()))
        return batch.append_column("shortlist", column)
