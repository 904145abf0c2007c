"""The name in an answer that is prose: "The bird in the image appears to be a **Song Sparrow**".

Models that were not asked for a form, or do not keep to it, write sentences. What such a text names
is the object of a sentence that says what the thing shown is: is, appears to be, resembles, is
consistent with. Among several, the one that is said most plainly counts: of the thing shown, as a
name (in capitals, set off by marks, with a Latin name behind it), not of its kin or its looks, and
early. No rule knows a class. The rules are ours; no paper says how a name is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from methods.prose_words import (
    ABBREVIATIONS,
    BINOMIAL,
    BROAD,
    BY_THE_WAY,
    CALLED,
    CALLS,
    COLOURS,
    COPULA,
    CORRECTED,
    COUNTED,
    CUE,
    DEEPER,
    FAMILY,
    GENERIC,
    LATIN_BEHIND,
    LEAD,
    LOOSE,
    MARKED,
    NOT,
    OF_OTHERS,
    OF_PARTS,
    OF_SHOWN,
    OPINES,
    PERHAPS,
    PLURAL,
    PROPER_ALIAS,
    SENTENCE,
    SHORTENED,
    SHOWN_IS,
    SIGHT,
    STATES,
    STOPS,
)

_LEAST: Final = 1.0
_PLAIN: Final = 4.5
"""Scores: what counts as named at all, and what counts beside a refusal."""
_ACTING: Final = re.compile(r".*[a-z]{2}(?<![sui])s [a-z]{3,}ing")
"""Several that do something: zebras grazing."""
_MOST_WORDS: Final = 7


@dataclass(frozen=True)
class _Named:
    text: str
    score: float
    sentence: int
    broad: bool = False


def name_in_prose(text: str, category: str, declined: bool = False) -> str | None:
    """What a text says that the thing shown is.

    Args:
        text: an answer, without thoughts.
        category: what all images show, such as ``bird``.
        declined: whether it begins with a refusal; then only what is said plainly counts.

    Returns:
        The name as it is written, in the singular where the text speaks of several; None where the
        text names nothing.
    """
    words = set(category.casefold().split())
    subject = words | {f"{word}s" for word in words}
    least = _PLAIN if declined else _LEAST
    every = list(_candidates(text, subject))
    found = [each for each in every if each.score >= least]
    if not found:
        return None
    best = max(found, key=lambda each: (each.score, -each.sentence))
    for each in every:  # "a Schnauzer ... a Miniature Schnauzer", "Muscari ... Muscari armeniacum"
        if _is_kind_of(each.text, best.text) and each.score >= (
            _LEAST - 2 if BINOMIAL.match(each.text) else _PLAIN - 1.5
        ):
            best = each
    return _in_full(best.text, text)


def _in_full(name: str, text: str) -> str:
    """A name whose genus is one letter, with the genus that the text says before."""
    short = SHORTENED.match(name)
    if not short:
        return name
    before = text[: text.find(name)]
    said = re.findall(rf"\b{short[1]}[a-z]{{3,}}\b", before)
    return f"{said[-1]} {name[short.end() :]}" if said else name


def _is_kind_of(name: str, wider: str) -> bool:
    """Whether a name is another one with a word of its own: before it, or a species' behind it."""
    first, _, rest = name.partition(" ")
    wide = wider.casefold()
    species = first.casefold() == wide and rest and " " not in rest
    return first[:1].isupper() and bool(species or rest.casefold() == wide)


def _candidates(text: str, subject: set[str]) -> Iterator[_Named]:
    sentences = list(filter(None, SENTENCE.split(text)))
    for number, sentence in enumerate(sentences):
        for cue in CUE.finditer(sentence):
            before, behind = sentence[: cue.start()], sentence[cue.end() :]
            alone = len(sentences) == 1
            if named := _named(before, cue.group(), behind, subject, number, alone):
                yield named


def _named(
    before: str, cue: str, behind: str, subject: set[str], sentence: int, alone: bool = False
) -> _Named | None:
    """What a cue says, with how plainly it says so; ``alone`` in a text of one sentence."""
    if NOT.search(before) or re.match(r"\s*(?:not|n['\u2019]t)\b", behind):
        return None
    if cue.endswith(":"):  # "**Species:** Fly Agaric"
        behind = re.sub(r"^[*_]+(?=\s)", "", behind)
    lead, phrase, broad = _without_lead(behind, subject)
    marked = MARKED.match(phrase)
    if marked:
        name, tail = marked["in"] or marked["quoted"], phrase[marked.end() :]
    else:
        name, tail = _leading_words(phrase)
    latin = bool(LATIN_BEHIND.match(tail) or re.search(r"\([*_]*[A-Z][a-z]+ [a-z]", name))
    # a cultivar, which is less than a species
    quoted = bool(re.search(r"['\u2018]$", lead) or re.match(r"['\u2018]", phrase))
    if deeper := DEEPER.match(tail) or PERHAPS.match(tail):
        more = _named(f"{before} ", "is ", f" {tail[deeper.end() :]}", subject, sentence)
        if more and _says_more(more, _cleaned(name, subject), bool(DEEPER.match(tail))):
            return _Named(more.text, more.score + 2, sentence, more.broad)
    name = _cleaned(name, subject)
    alias = PROPER_ALIAS.match(tail)
    if alias and BINOMIAL.match(name) and _plainly(before, cue, lead):
        name = _cleaned(alias["name"], subject)
    if PLURAL.match(cue) or COUNTED.match(lead):
        name = _singular(name)
    words = name.split()
    low = [word.casefold() for word in words]
    nothing = not words or len(words) > _MOST_WORDS or words[0] in STOPS
    if nothing or set(low) <= GENERIC | STATES | subject:
        return None
    capital = any(word[0].isupper() for word in words)
    if not (capital or marked or latin) and len(words) > 3 and not alone:
        return None
    score = 3.0 * bool(marked) + (2.0 if capital else 0.0) + 3.0 * latin - 4.0 * quoted
    if not (capital or marked or latin):
        apart = bool(re.match(r"\s*,\s*(?:an?|the)\s", tail))  # "baklava, a sweet pastry"
        last = (
            sentence == 0
            and bool(re.match(r"[*_\s]*[.!]?\s*$", tail))
            and _plainly(before, cue, "")
        )
        told = alone or OPINES.match(cue) or (last and not re.search(r"(?:ed|ing|ful|able)$", name))
        score += 1.0 if apart else 0.5 if told else -2.0
    if (
        broad
        or BROAD.search(name)
        or FAMILY.search(name)
        or re.match(r"\W*(?:family|genus)\b", tail)
    ):
        score -= 3.0 if FAMILY.search(name) is None else 5.0
    if BINOMIAL.match(name) and re.search(r"\bspecies\b", lead):
        score += 1.5
    score += _told_of(before, cue, lead, subject)
    return _Named(name, score - 0.1 * min(sentence, 12), sentence, broad)


def _plainly(before: str, cue: str, lead: str) -> bool:
    """Whether a sentence says that the thing shown is something, without a hedge."""
    hedged = re.search(r"likely|probabl|possibl|perhaps", lead, re.I)
    return (
        cue in ("is", "are")
        and not hedged
        and bool(re.search(r"\b(?:image|picture|photo)", before))
    )


def _says_more(more: _Named, name: str, surely: bool) -> bool:
    """Whether what follows a name is a narrower one: said so, or by its form."""
    if surely:
        return more.score >= _LEAST + 2 and (not more.broad or bool(FAMILY.search(name)))
    narrower = more.text.casefold().endswith(f" {name.casefold()}")
    return bool(BINOMIAL.match(more.text) or narrower) and not BINOMIAL.match(name)


def _told_of(before: str, cue: str, lead: str, subject: set[str]) -> float:
    """How plainly a sentence speaks of the thing shown, by what stands before its name."""
    score = 0.0
    shown = bool(OF_SHOWN.search(before) or SIGHT.match(cue) or OPINES.match(cue)) or bool(
        subject & set(re.findall(r"\w+", before.casefold()))
    )
    score += 1.5 * shown
    if COPULA.match(cue) and re.match(r"\s*(?:[a-z]+ly\s+)*(?:an?|the)\s", f"{lead} "):
        score += 2.0
    if OF_OTHERS.search(before):
        score -= 5.0
    if CORRECTED.search(lead) or CORRECTED.search(cue) or CORRECTED.search(before[-40:]):
        score += 3.0
    if BY_THE_WAY.match(cue):
        said = CALLS.match(cue) and SHOWN_IS.match(before)
        score += 4.0 if said else -6.0
    if LOOSE.match(cue):
        score -= 0.5
    if re.search(r"\b(?:could|might|may|would)\s*$", before):
        score -= 1.0
    before = re.split(r"\bthat\b", before)[-1]  # "its coat suggests that this dog is"
    if OF_PARTS.search(before) and not re.search(r"\b(?:image|picture|photo)\b", before, re.I):
        score -= 1.5
    return score


def _without_lead(behind: str, subject: set[str]) -> tuple[str, str, bool]:
    """Hedges and articles, the phrase behind them, and whether it is of a whole genus or family."""
    found = LEAD.match(behind)
    lead = found.group() if found else ""
    phrase, broad = behind[len(lead) :], bool(BROAD.search(lead))
    while word := re.match(r"([A-Za-z][\w-]*)\s+(?=[*_A-Za-z\"\u201c])", phrase):
        own = word.group(1).casefold()
        if own not in STATES | subject | {"genus", "family", "breed", "species"}:
            break
        broad = broad or own in ("genus", "family")
        phrase = phrase[word.end() :]
        if again := re.match(r"(?:(?:of|called|named|known as|is|an?|the)\s+)+", phrase):
            phrase = phrase[again.end() :]
    if re.search(r"\bof\s*$", lead.rstrip()) and (kind := CALLED.match(phrase)):
        phrase = phrase[kind.end() :]
    return lead, phrase, broad


def _leading_words(phrase: str) -> tuple[str, str]:
    """The words of a phrase up to a stop or a word that no name has, and what is behind them."""
    taken: list[str] = []
    end = 0
    for found in re.finditer(r"\S+", phrase):
        word = found.group()
        core = re.sub(r"[^\w'\u2019\u00d7./-].*$", "", word.strip("*_\"'"))
        low = core.casefold().rstrip(".")
        if not core or word[0] == "(" or (low == "of" and not taken):
            break
        if core[0].islower() and (
            low in STOPS or (taken and _ACTING.fullmatch(f"{taken[-1]} {low}"))
        ):
            break
        stop = word.endswith(".") and len(core.rstrip(".")) > 2 and low not in ABBREVIATIONS
        taken.append(core.rstrip(".,;:!?") if stop else core.rstrip(",;:!?"))
        end = found.end() - (word[-1] in ",;:")
        if stop or re.search(r"[,;:!?)\u2014]", word) or word.endswith("*") or len(taken) > 8:
            break
    while taken and taken[-1].casefold() in ("of", "a", "the"):
        taken.pop()
    return " ".join(taken), phrase[end:]


def _cleaned(name: str, subject: set[str]) -> str:
    """A name without marks, article, Latin name, and words such as "puppy" or "dogs" at its end."""
    name = re.sub(r"\s*\([^)]*\)?\s*$", "", name).strip(" \t*_\"'`.,:;-\u201c\u201d\u2018\u2019")
    words = re.sub(r"^(?:an?|the)\s+", "", name, flags=re.I).split()
    while len(words) > 1 and words[0] in COLOURS and words[1][0].isupper():
        words = words[1:]  # "a red Ferrari 458"
    while len(words) > 1 and words[-1] in subject | {"series"} and _is_numbered(words[-2]):
        words.pop()  # "a Boeing 737 aircraft"
    ends = (
        STATES | {word for word in subject if word.endswith("s")} | {"breed", "species", "puppies"}
    )
    while len(words) > 1 and (words[-1] in ends or re.fullmatch(r"L\.?", words[-1])):
        words.pop()
    return " ".join(words)


def _is_numbered(word: str) -> bool:
    return word == "series" or any(character.isdigit() for character in word)


def _singular(name: str) -> str:
    """A name in the singular, by how English writes plurals of names."""
    if re.search(r"(?:ss|us|is|os|xs)$|\b[A-Z]\w*as$", name):  # zebras, and not Texas
        return name
    if re.search(r"[^aeiou]ies$", name) and len(name) > 5:
        return f"{name[:-3]}y"
    if re.search(r"(?:[sxz]|ch|sh)es$", name):
        return name[:-2]
    return name[:-1] if name.endswith("s") else name
