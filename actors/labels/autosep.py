"""AutoSEP's second question about an image, and the labels that come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from actors.labels.table import CHOICE_LABELS_SCHEMA, CUT
from actors.mllm.request import DecodedImage, Request, Sampling
from actors.mllm.response_cache import KEY_BYTES
from actors.mllm.responses import cut_of, response_text
from actors.stage import RowErrors, stage
from methods.answers import AnswerError
from methods.autosep.prompts import PromptTexts
from methods.choices import ChoiceReader, published_choice

DESCRIBE: Final = "describe"
CLASSIFY: Final = "classify"
"""Names of the asks."""
ABOUT: Final = "about"
"""Column with what the second question is about: the image's key and its description."""

ChoiceReading = Literal["strict", "published"]
_LACKING: Final[dict[ChoiceReading, str]] = {
    "strict": "names no class of the list, or several",
    "published": "gives no class's letter, and --reading published knows letters only",
}


class DescribedChoicePrompt:
    """Which class an image shows, with its description at hand."""

    def __init__(self, texts: PromptTexts) -> None:
        """Keep the prompt with its class list."""
        self._texts = texts

    def identity(self) -> dict[str, Any]:
        """The prompt, the category and the class list; a row's key stands for its description."""
        return {
            "prompt": self._texts.prompts[CLASSIFY].text,
            "category": self._texts.category,
            "classes": list(self._texts.classes),
        }

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the question with the row's description and image."""
        assert image is not None
        return Request(self._texts.classify(row[ABOUT][KEY_BYTES:].decode()), (image,), how)


def described(said: dict[str, Any] | None) -> str:
    """The description in an answer; one that the token limit cut counts.

    Raises:
        AnswerError: there is none.
    """
    return response_text(said, cut_counts=True)


@stage("join", (ABOUT,))
def join_description(batch: pa.Table) -> pa.Table:
    """From described rows to those of the second question; a failed description is an error."""
    errors = RowErrors.of(batch)
    about: list[bytes | None] = [None] * batch.num_rows
    keys, said = batch.column("key").to_pylist(), batch.column(DESCRIBE).to_pylist()
    for row in np.flatnonzero(errors.fine).tolist():
        try:
            about[row] = keys[row] + described(said[row]).encode()
        except AnswerError as error:
            errors.fail(row, error)
    batch = errors.onto(batch.drop_columns(["key"]))
    return batch.append_column(ABOUT, pa.array(about, pa.binary()))


@stage("label", CHOICE_LABELS_SCHEMA)
def label_by_choice(
    batch: pa.Table,
    names: Sequence[str],
    asks: Sequence[str],
    method: str,
    reading: ChoiceReading,
    ids: Sequence[str] | None = None,
    others: Sequence[Sequence[str]] = (),
) -> pa.Table:
    """Rows of the labels table from rows of a stage table.

    Args:
        batch: with the columns of a stage table.
        names: of the classes.
        asks: columns with answers that choose a class; the majority wins, of equal ones the class
            that comes first.
        method: for the column of that name.
        reading: of an answer.
        ids: what labels are; by default the names.
        others: other names of the classes, which an answer may use.

    Returns:
        `CHOICE_LABELS_SCHEMA`. ``score`` is the share of the answers, where there are several.
    """
    read = choice_reader(names, others, reading)
    errors, rows = RowErrors.of(batch), []
    for number, (row, fine) in enumerate(zip(batch.to_pylist(), errors.fine, strict=True)):
        kept = {**_kept(row, asks), "method": method}
        if fine:
            try:
                kept |= _label(row, names if ids is None else ids, asks, read, _LACKING[reading])
            except AnswerError as error:
                errors.fail(number, error)
        rows.append(kept)
    return errors.onto(pa.Table.from_pylist(rows, schema=CHOICE_LABELS_SCHEMA))


def choice_reader(
    names: Sequence[str], others: Sequence[Sequence[str]], reading: ChoiceReading
) -> Callable[[str], int | None]:
    """Which of the classes an answer chooses, by one of the readings; None for none or several."""
    if reading == "published":
        return lambda answer: published_choice(answer, len(names))
    return ChoiceReader(names, others).read


def _kept(row: dict[str, Any], asks: Sequence[str]) -> dict[str, Any]:
    """What a row of the labels table has with a label and without one."""
    description = row.get(DESCRIBE)
    answers = [said["answer"] for said in (row[ask] for ask in asks) if said and said["answer"]]
    return {
        **{name: row[name] for name in ("image_id", "path", "uri")},
        "description": description and description["answer"],
        "answer": "\n".join(answers) or None,
        CUT: _cut(row, asks),
        "top_labels": [],
        "top_scores": [],
    }


def _cut(row: dict[str, Any], asks: Sequence[str]) -> str | None:
    """Which of the answers of a row were cut; several that choose are one name."""
    chosen = any(cut_of(row, {ask: "answer"}) for ask in asks)
    named = [cut_of(row, {DESCRIBE: "description"}), "answer" if chosen else None]
    return " and ".join(filter(None, named)) or None


def _label(
    row: dict[str, Any],
    ids: Sequence[str],
    asks: Sequence[str],
    read: Callable[[str], int | None],
    lacking: str,
) -> dict[str, Any]:
    """The class that most answers choose; ``lacking`` says what an answer has not that has none.

    Raises:
        AnswerError: none chooses one; what was wrong with the last.
    """
    votes: Counter[int] = Counter()
    problem = AnswerError("no_class", "no answer")
    for ask in asks:
        try:
            text = response_text(row[ask], cut_counts=True)
        except AnswerError as error:
            problem = error
            continue
        chosen = read(text)
        if chosen is None and cut_of(row, {ask: "answer"}):
            problem = AnswerError("cut_answer", f"cut before it named a class: {text}")
        elif chosen is None:
            problem = AnswerError("no_class", f"{lacking}: {text}")
        else:
            votes[chosen] += 1
    if not votes:
        raise problem
    ranked = sorted(votes, key=lambda index: (-votes[index], index))
    shares = [votes[index] / len(asks) for index in ranked]
    several = len(asks) > 1
    return {
        "label": ids[ranked[0]],
        "score": shares[0] if several else None,
        "top_labels": [ids[index] for index in ranked],
        "top_scores": shares if several else [],
    }
