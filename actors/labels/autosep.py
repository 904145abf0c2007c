"""AutoSEP's second question about an image, and the labels that come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import pyarrow as pa

from actors.labels.table import CHOICE_LABELS_SCHEMA
from actors.mllm.request import DecodedImage, Request, Sampling
from actors.mllm.response_cache import KEY_BYTES
from actors.mllm.responses import response_text
from actors.stage import counted
from methods.answers import AnswerError, usable_text
from methods.autosep.choices import ChoiceReader, published_choice
from methods.autosep.prompts import PromptTexts

DESCRIBE: Final = "describe"
CLASSIFY: Final = "classify"
"""Names of the asks."""
ABOUT: Final = "about"
"""Column with what the second question is about: the image's key and its description."""

Reading = Literal["strict", "published"]


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
    if said is not None and said["error"] is None:
        return usable_text(said["answer"], None)
    return response_text(said)


def join_description(batch: pa.Table) -> pa.Table:
    """From described rows to those of the second question; a failed description is an error."""
    codes: list[Any] = batch.column("error").to_pylist()
    details: list[Any] = batch.column("error_detail").to_pylist()
    about: list[bytes | None] = []
    keys = batch.column("key").to_pylist()
    for row, said in enumerate(batch.column(DESCRIBE).to_pylist()):
        about.append(None)
        if codes[row] is not None:
            continue
        try:
            about[row] = keys[row] + described(said).encode()
        except AnswerError as error:
            codes[row], details[row] = error.code, error.detail
    batch = batch.drop_columns(["key", "error", "error_detail"])
    batch = batch.append_column("error", pa.array(codes, pa.string()))
    batch = batch.append_column("error_detail", pa.array(details, pa.string()))
    return batch.append_column(ABOUT, pa.array(about, pa.binary()))


@counted("label")
def label_by_choice(
    batch: pa.Table, names: Sequence[str], asks: Sequence[str], method: str, reading: Reading
) -> pa.Table:
    """Rows of the labels table from rows of a stage table.

    Args:
        batch: with the columns of a stage table.
        names: of the classes.
        asks: columns with answers that choose a class; the majority wins, of equal ones the class
            that comes first.
        method: for the column of that name.
        reading: of an answer.

    Returns:
        `CHOICE_LABELS_SCHEMA`. ``score`` is the share of the answers, where there are several.
    """
    read = _reader(names, reading)
    rows = [_label(row, names, asks, read) for row in batch.to_pylist()]
    return pa.Table.from_pylist(
        [{**row, "method": method} for row in rows], schema=CHOICE_LABELS_SCHEMA
    )


def _reader(names: Sequence[str], reading: Reading) -> Callable[[str], int | None]:
    if reading == "published":
        return lambda answer: published_choice(answer, len(names))
    return ChoiceReader(names).read


def _label(
    row: dict[str, Any],
    names: Sequence[str],
    asks: Sequence[str],
    read: Callable[[str], int | None],
) -> dict[str, Any]:
    description = row.get(DESCRIBE)
    answers = [said["answer"] for said in (row[ask] for ask in asks) if said and said["answer"]]
    kept = {
        **{name: row[name] for name in ("image_id", "path", "uri", "error", "error_detail")},
        "description": description and description["answer"],
        "answer": "\n".join(answers) or None,
        "top_labels": [],
        "top_scores": [],
    }
    if row["error"] is not None:
        return kept
    votes: Counter[int] = Counter()
    problem = AnswerError("no_class", "no answer")
    for ask in asks:
        try:
            text = response_text(row[ask])
        except AnswerError as error:
            problem = error
            continue
        chosen = read(text)
        if chosen is None:
            problem = AnswerError("no_class", f"names no class of the list, or several: {text}")
        else:
            votes[chosen] += 1
    if not votes:
        return kept | {"error": problem.code, "error_detail": problem.detail}
    ranked = sorted(votes, key=lambda index: (-votes[index], index))
    shares = [votes[index] / len(asks) for index in ranked]
    several = len(asks) > 1
    return kept | {
        "label": names[ranked[0]],
        "score": shares[0] if several else None,
        "top_labels": [names[index] for index in ranked],
        "top_scores": shares if several else [],
    }
