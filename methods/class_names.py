"""Class names from a file: one a line, alone or with an id and other names.

A line is a name, which is then its own id, or ``id<TAB>spoken name[<TAB>other names]``. Labels,
truth and metrics go by ids, which are distinct; models are shown spoken names, of which two may be
alike, as two of ImageNet's are twice; other names are what a class may be called in texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from methods.class_file_forms import check_form, listed_names
from methods.errors import InputError

_TAB = "\t"
_OTHERS = "|"
_BLANKS = "\u200b\u200e\u200f\u2060\ufeff\u00ad"
"""Characters that cannot be seen, as copied text has them at its ends."""
_SAME_LOOK = ("<wide>", "<narrow>", "<compat>", "<noBreak>")


@dataclass(frozen=True)
class ClassNames:
    """C classes, in order.

    Attributes:
        ids: C distinct ones; what labels and truth hold.
        names: C spoken names; what models are shown.
        others: of each class its other names, none or some.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]

    @classmethod
    def plain(cls, names: Sequence[str]) -> ClassNames:
        """Classes whose names are their ids."""
        return cls(tuple(names), tuple(names), ((),) * len(names))

    def __len__(self) -> int:
        """How many classes there are."""
        return len(self.ids)

    @property
    def is_plain(self) -> bool:
        """Whether names are ids and there are no others."""
        return self.ids == self.names and not any(self.others)

    def identity(self) -> dict[str, Any]:
        """What runs keep: ``classes``, the ids, and ``class_names`` where these say more.

        Of ``class_names`` each is a list: the spoken name, then other names.
        """
        said: dict[str, Any] = {"classes": list(self.ids)}
        if not self.is_plain:
            pairs = zip(self.names, self.others, strict=True)
            said["class_names"] = [[name, *others] for name, others in pairs]
        return said


def classes_of_identity(said: Any) -> ClassNames | None:
    """The classes that `ClassNames.identity` kept; None where there is nothing of it."""
    ids = said.get("classes") if isinstance(said, dict) else None
    if not isinstance(ids, list):
        return None
    ids = [str(each) for each in ids]
    words = said.get("class_names") or [[each] for each in ids]
    return ClassNames(
        tuple(ids), tuple(own[0] for own in words), tuple(tuple(own[1:]) for own in words)
    )


def parse_classes(text: str, where: str) -> ClassNames:
    """Read classes, one a line, in order; surrounding blanks are dropped, NFC is applied.

    A list of names as JSON or Python write it is read as one.

    Raises:
        InputError: no classes, an empty line between them, an id or a name that is empty, an id
            twice or two that look the same (their lines are named), or a file of another form
            (`methods.class_file_forms`).
    """
    text = unicodedata.normalize("NFC", text.lstrip("\ufeff"))
    lines = listed_names(text)
    if lines is None:
        lines = text.splitlines()
        check_form(lines, where)
    with_ids = any(_TAB in line.strip() for line in lines)
    # a tab at the beginning is then the end of an id that is missing
    lines = [line.strip(" ") if with_ids and line.strip() else _bare(line) for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{where} holds no class names; write one name a line")
    first_seen: dict[str, int] = {}
    looks: dict[str, int] = {}
    names, others = [], []
    for number, line in enumerate(lines, 1):
        if not line:
            raise InputError(f"{where} line {number} is empty; write one class name a line")
        key, name, words = _fields(line, f"{where} line {number}")
        if key in first_seen:
            raise InputError(
                f"{where} names {key!r} twice, in lines {first_seen[key]} and {number}; every "
                "class must be given once (two classes of one name: give each an id of its own, "
                "as ID<TAB>NAME)"
            )
        first_seen[key] = number
        if (other := looks.setdefault(_look(key), number)) != number:
            raise InputError(
                f"{where} names {key!a} in lines {other} and {number}: the two look the same, and "
                "differ in blanks, in width or in characters that cannot be seen; every class must "
                "be given once"
            )
        names.append(name)
        others.append(words)
    return ClassNames(tuple(first_seen), tuple(names), tuple(others))


def parse_class_names(text: str, where: str) -> list[str]:
    """Read the ids of classes; see `parse_classes`."""
    return list(parse_classes(text, where).ids)


def _bare(field: str) -> str:
    """Without what cannot be seen around it."""
    return field.strip().strip(_BLANKS).strip()


def _look(name: str) -> str:
    """What two names share that look the same: blanks, width, and no characters without a shape.

    Of Unicode's compatible characters those of another width and joined letters count, and neither
    powers nor numbers in circles.
    """
    shown = []
    for each in name:
        if unicodedata.decomposition(each).startswith(_SAME_LOOK):
            shown.append(unicodedata.normalize("NFKC", each))
        elif unicodedata.category(each) != "Cf":
            shown.append(each)
    return " ".join("".join(shown).split())


def _fields(line: str, where: str) -> tuple[str, str, tuple[str, ...]]:
    """Id, spoken name and other names of a line."""
    if _TAB not in line:
        return line, line, ()
    key, name, *rest = (_bare(field) for field in line.split(_TAB))
    if not key or not name:
        raise InputError(f"{where} lacks an id or a name; write ID<TAB>NAME<TAB>OTHER|OTHER")
    if _OTHERS in key:
        raise InputError(f"{where}: the id {key!r} holds a |, which joins labels in truth files")
    words = (word.strip() for field in rest for word in field.split(_OTHERS))
    return key, name, tuple(dict.fromkeys(word for word in words if word and word != name))
