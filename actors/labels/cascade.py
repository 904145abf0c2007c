"""The question of a cascade about an image, and how its answer is read.

Rows that are asked about are manifest rows with ``shown``: places of the classes that the image may
be of, in the order in which the model sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from actors.mllm.request import DecodedImage, Request, ResponseFormat, Sampling
from actors.mllm.response_cache import KEY_BYTES, key_of
from actors.mllm.responses import cut_of, response_text
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.choices import ChoiceReader, marked
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
