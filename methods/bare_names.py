"""Names that an answer gives without a sentence: with a label, in doubt, or before reasons.

"Bird: robin", "possibly a robin", "Robin (male)", "Robin. Its breast is red". The rules are ours.
"""

from __future__ import annotations

import re
from typing import Final

from methods.name_spelling import name_key, tidy_name
from methods.prose_words import CUE, GENERIC, GREETING, OPENING, REASON, SPEAKS, STATES

_LONGEST: Final = 6
"""Words of a name that reasons follow."""
_LABELS: Final = frozenset(
    "identified identification detected predicted prediction recognised recognized classification "
    "classified result output guess best my most likely final answer name common scientific latin "
    "species breed kind type label class object subject item category the a as is in image".split()
)
"""Words of a label before a colon, beside those of the category."""
_DOUBT: Final = (
    r"(?:(?:most|very|quite|more)\s+)?"
    r"(?:likely|probabl[ey]|possibl[ey]|perhaps|maybe|potentially|presumably|apparently|seemingly)"
)
_SURELY: Final = r"(?:clearly|definitely|certainly|obviously|surely|undoubtedly)"
_DOUBTED: Final = re.compile(
    rf"^(?:{_DOUBT}\b[\s,:]*(?=\w)|{_SURELY}\s+(?=(?:an?|the)\s))?"
    r"(?:(?:(?:an|a|some)\s+)?(?:kind|type|sort|species|breed|variety|photo|photograph|picture|image"
    r"|close-up)\s+of\s+)?(?=\w)",
    re.IGNORECASE,
)
_AGE: Final = r"(?:(?:adult|juvenile|immature|young|male|female)\s*)+"
_DOUBTED_BEHIND: Final = re.compile(
    rf"(?<=\w)\s*(?:,\s*(?:{_DOUBT}|I\s+(?:think|believe|guess)|{_AGE})"
    rf"|\((?:{_DOUBT}|uncertain|unsure|not\s+sure|tentative|unconfirmed|{_AGE})\))$",
    re.IGNORECASE,
)


def without_doubt(name: str) -> str:
    """A name without the doubt it is given with: "possibly a finch" names what "finch" names."""
    while (told := tidy_name(_DOUBTED_BEHIND.sub("", _DOUBTED.sub("", name)))) != name:
        name = told
    return name


def without_label(line: str, category: str) -> str:
    """What stands behind "Bird:" or "Identified species:"; the line where it begins otherwise."""
    label, colon, value = line.partition(":")
    words = set(re.findall(r"\w+", label.casefold()))
    known = words <= {*name_key(category).split(), *_LABELS}
    return value if colon and words and known and any(map(str.isalpha, value)) else line


def name_before_reasons(text: str, category: str) -> str | None:
    """The name that a text begins with before it says why: "Silver birch. Its bark is white".

    Args:
        text: an answer, without thoughts.
        category: what all images show.

    Returns:
        The name as it is written; None where the text begins otherwise, or gives no reasons.
    """
    text = text.strip()
    reason = REASON.search(text)
    if reason is None:
        return None
    first, rest = text[: reason.start()], text[reason.end() :]
    first = re.sub(r"\s*\([^)]*\)$", "", first.strip(" \t*_\"'`#"))
    words, because = first.casefold().split(), rest.split()
    lower = rest[:1].islower() or reason.group().strip() in (":", ";")
    explains = SPEAKS.search(rest) or len(because) > 3 or lower
    if not words or len(words) > _LONGEST or not explains or len(because) < 2:
        return None
    subject = set(category.casefold().split())
    if set(words) <= GENERIC | STATES | subject | {f"{word}s" for word in subject}:
        return None
    begins = GREETING.match(first) or OPENING.match(first) or SPEAKS.search(first)
    return None if begins or CUE.search(f"{first} ") else first
