"""Names that a multimodal LLM gave to images: from answers to a vocabulary of class names.

Two spellings of one name are one class: names are compared by a key that sets aside case, articles,
Markdown, hyphens and a Latin name in parentheses. A failed answer is None and never a filler word,
which would become a popular class and a candidate everywhere. How names are compared is our choice;
the paper does not say.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from methods.answers import AnswerError, usable_text
from methods.bare_names import name_before_reasons, without_doubt, without_label
from methods.errors import InputError
from methods.json_answers import json_field
from methods.name_spelling import FENCE, name_key, tidy_name
from methods.prose_lines import final_answer, is_prose, is_sentence, whole_part
from methods.prose_names import name_in_prose
from methods.refusals import opens_declining

NOT_A_NAME: Final = "not_a_name"
"""Error code of an answer that is text, but no name: too long, the category itself, no letters."""
MAX_WORDS: Final = 12
COLUMNS: Final = ("answer", "key", "name", "votes")
"""Columns of the table of names that a person may edit; the third is theirs to change."""

_FILLERS: Final = frozenset(
    "unknown unidentified unidentifiable unspecified uncertain unclear undetermined generic other "
    "some not sure species breed kind type sort model of a an the this is it in image photo "
    "picture likely probably possibly perhaps maybe".split()
)


def parse_name(
    answer: str | None,
    finish_reason: str | None,
    category: str,
    json_field_name: str | None = "name",
) -> str:
    """Read the name from a model's answer.

    Args:
        answer: a JSON object with the name in one field; or a text whose first line with a letter
            in it is the name (a line that ends in a colon only announces it); or prose, read by
            `methods.prose_names`, whatever form was asked for: a hedge that names something is an
            answer, and so is a text that is cut behind the name.
        finish_reason: as the engine gives it; ``length`` means that the token limit ended it.
        category: what all images show, such as ``bird``; no answer by itself.
        json_field_name: the field; None where JSON was not asked for.

    Returns:
        The name, tidied, in the model's own capitals.

    Raises:
        AnswerError: refusal, empty_answer, cut_answer; not_json for a broken object, or one without
            the field, where JSON was asked for; not_a_name for more than 12 words, the category
            itself (an unidentified species of it, too) or a text without letters.
    """
    declined = opens_declining(answer or "")
    try:
        text = usable_text(answer, finish_reason)
        if declined:  # a hedge: only what its sentences name counts
            raise AnswerError("refusal", text)
    except AnswerError:
        said = whole_part(answer or "") if finish_reason == "length" else answer
        name = _named_in_prose(said, category, declined) if declined or said != answer else None
        if name is None:
            raise
        return name
    bare = final_answer(FENCE.sub("", text).strip())
    line = _field(bare, json_field_name)
    if line is None:
        if not bare.startswith("{") and (name := _in_words(bare, category)) is not None:
            return name
        lines = (line.strip() for line in bare.splitlines())
        line = next((line for line in lines if _has_letters(line) and not line.endswith(":")), "")
    name = without_doubt(tidy_name(without_label(line, category)))
    if not _has_letters(name):
        raise AnswerError(NOT_A_NAME, f"no line with letters that could be a name: {text}")
    if is_sentence(line):
        raise AnswerError(NOT_A_NAME, f"a sentence that names nothing: {name}")
    if len(name.split()) > MAX_WORDS:
        raise AnswerError(NOT_A_NAME, f"more than {MAX_WORDS} words: {name}")
    if _says_nothing(name, category):
        raise AnswerError(NOT_A_NAME, f"no more than the category: {name}")
    usable_text(name, None)  # a refusal may have been in quotes or Markdown
    return name


def _field(bare: str, name: str | None) -> str | None:
    """What the JSON of an answer says; None where none was asked for, or sentences stand instead.

    Raises:
        AnswerError: not_json, refusal or empty_answer.
    """
    if name is None or "{" not in bare:
        return None
    try:
        return usable_text(json_field(bare, name), None)
    except AnswerError as error:
        if error.code == "not_json" and not bare.startswith("{"):
            return None
        raise


def _in_words(bare: str, category: str) -> str | None:
    """The name in a text that is no bare name: said plainly, before reasons, or at all."""
    line = next(filter(_has_letters, bare.splitlines()), "")
    prose = is_prose(line) or len(line.split()) > MAX_WORDS
    plain = _named_in_prose(bare, category, declined=True) if prose else None
    name = plain or _named_first(line, category)
    return name or (_named_in_prose(bare, category) if prose else None)


def _named_in_prose(text: str | None, category: str, declined: bool = False) -> str | None:
    """The name in sentences, tidied; None where there are none, or they name nothing."""
    name = tidy_name(name_in_prose(text or "", category.replace("_", " "), declined) or "")
    return name if _has_letters(name) and not _says_nothing(name, category) else None


def _named_first(line: str, category: str) -> str | None:
    """The name that a line begins with before it says why; None where it does not, or is none."""
    line = without_label(line, category)
    name = without_doubt(tidy_name(name_before_reasons(line, category.replace("_", " ")) or ""))
    return name if _has_letters(name) and not _says_nothing(name, category) else None


def _says_nothing(name: str, category: str) -> bool:
    words = name_key(category).split()
    return set(name_key(name).split()) <= {*words, *(f"{word}s" for word in words), *_FILLERS}


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)


@dataclass(frozen=True)
class Vocabulary:
    """The L distinct names.

    Attributes:
        keys: sorted; a name's place here is its label id.
        forms: how each is written: the most frequent way, ties by text.
        votes: how many images were given each.
    """

    keys: tuple[str, ...]
    forms: tuple[str, ...]
    votes: tuple[int, ...]


def build_vocabulary(
    names: Sequence[str | None],
    merges: Mapping[str, str] | None = None,
    votes: Sequence[int] | None = None,
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Collect the distinct names.

    Args:
        names: of N images; None, or a text without a key, where there is no name.
        votes: how many images each of ``names`` stands for; one by default.
        merges: from key to the name to use for it, a key or in full; applied once, not again to its
            own result. An empty text sets the key's images aside as nameless.

    Returns:
        The vocabulary, and label ids, int64 (N,), -1 where there is no name.
    """
    merges = merges or {}
    original = [name_key(name or "") for name in names]
    final = [name_key(merges[key]) if key in merges else key for key in original]
    written: dict[str, Counter[str]] = defaultdict(Counter)  # as a person wrote it
    direct: dict[str, Counter[str]] = defaultdict(Counter)  # as answers with this very key did
    merged: dict[str, Counter[str]] = defaultdict(Counter)
    counts = votes or [1] * len(names)
    for name, key, goal, count in zip(names, original, final, counts, strict=True):
        if not goal:
            continue
        if (text := tidy_name(merges.get(key, goal))) != goal:
            written[goal][text] += count
        (direct if key == goal else merged)[goal][tidy_name(name or "")] += count
    keys = tuple(sorted({goal for goal in final if goal}))
    forms = tuple(_most_frequent(written[k] or direct[k] or Counter([k])) for k in keys)
    totals = tuple((direct[key] + merged[key]).total() for key in keys)
    ids = {key: index for index, key in enumerate(keys)}
    labels = np.array([ids.get(goal, -1) for goal in final], np.int64)
    return Vocabulary(keys, forms, totals), labels


def _most_frequent(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))


def merge_similar(
    vocabulary: Vocabulary, features: NDArray[np.float32], threshold: float, block: int = 1024
) -> dict[str, str]:
    """Merge names whose texts are alike, each group into its name with the most votes.

    A group is whatever is connected by pairs at least this similar, so two of its names may be less
    alike. Ties between equal votes go to the key that sorts first.

    Args:
        vocabulary: of L names.
        features: text features of its forms, float32 (L, D), rows of unit length.
        threshold: smallest cosine of a pair that is merged.
        block: rows compared with all others at a time.

    Returns:
        From key to key, for `build_vocabulary`; only keys that change.
    """
    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(features), block):
        row, column = np.nonzero(features[start : start + block] @ features.T >= threshold)
        rows.append(row + start)
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    size = len(vocabulary.keys)
    pairs = coo_array((np.ones(len(row), bool), (row, column)), shape=(size, size))
    groups = connected_components(pairs, directed=False)[1]
    best: dict[int, int] = {}
    for index in sorted(range(size), key=lambda i: (-vocabulary.votes[i], vocabulary.keys[i])):
        best.setdefault(int(groups[index]), index)
    goals = [best[int(group)] for group in groups]
    return {
        vocabulary.keys[index]: vocabulary.keys[goal]
        for index, goal in enumerate(goals)
        if goal != index
    }


def write_names(names: Sequence[str | None], merges: Mapping[str, str] | None = None) -> str:
    """Write the table of names as CSV, for a person to look through and edit.

    Args:
        names: of N images, None where there is none.
        merges: as `build_vocabulary` takes them.

    Returns:
        One row for each distinct answer: the answer, its key, the name it stands for, how many
        images have this answer. Sorted by key, then votes, then text.
    """
    merges = merges or {}
    vocabulary, _ = build_vocabulary(names, merges)
    forms = dict(zip(vocabulary.keys, vocabulary.forms, strict=True))
    answers = Counter(name for name in names if name is not None and name_key(name))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for answer, votes in sorted(answers.items(), key=lambda a: (name_key(a[0]), -a[1], a[0])):
        key = name_key(answer)
        goal = name_key(merges.get(key, key))
        table.writerow((answer, key, forms.get(goal, ""), votes))
    return text.getvalue()


def read_names(text: str) -> dict[str, str]:
    """Read the table of names, as a person may have edited it.

    Returns:
        From key to name, for `build_vocabulary`; an empty name sets the key's images aside.

    Raises:
        InputError: a column or a cell is missing, or one key is given two names.
    """
    table = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if missing := {"key", "name"} - set(table.fieldnames or ()):
        raise InputError(
            f"the table of names lacks the column {' and '.join(sorted(missing))}; its first line "
            f"should be {','.join(COLUMNS)}"
        )
    merges: dict[str, str] = {}
    for row in table:
        if row["key"] is None or row["name"] is None:
            raise InputError(
                f"line {table.line_num} of the table of names is too short: it should give "
                f"{','.join(COLUMNS)}"
            )
        key, name = row["key"], row["name"].strip()
        if name_key(merges.setdefault(key, name)) != name_key(name):
            raise InputError(
                f"the table of names calls {key!r} both {merges[key]!r} and {name!r}; rows with "
                "one key need one name"
            )
    return merges
