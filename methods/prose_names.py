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

_LEAST: Final = 1.0
_PLAIN: Final = 4.5
"""Scores: what counts as named at all, and what counts beside a refusal."""
_MOST_WORDS: Final = 7

_SENTENCE: Final = re.compile(
    r"(?<![A-Z]\.)(?<!\b[a-z]\.)(?<!\bvar\.)(?<!\bspp\.)(?<!\bsp\.)(?<!\bsubsp\.)(?<!\bcv\.)"
    r"(?<!\bSt\.)(?<!\bMt\.)(?<=[.!?])[*_\"']*\s+(?=\W*[A-Z0-9])|\n+"
)
"""Between sentences: a stop before a capital or a number, but none of an abbreviation; a line."""
_CUE: Final = re.compile(
    r"""\b(?:
        (?:is|are|was|were|be|being|['\u2019]s|['\u2019]re|seems?|appears?|looks?|remains?)
            (?:\s+(?:to\s+be|like|as\s+if\s+it\s+(?:is|were)
                |to\s+(?:depict|show|feature|represent|resemble|match)))?
      | resembl(?:es?|ing) | represents? | depicts? | depicting | shows? | showing | features?
      | displays? | captures? | suggests? | suggesting | indicates? | indicating | match(?:es|ing)?
      | (?:suggestive|indicative|characteristic|typical|reminiscent|representative) \s+ of
      | (?:consistent|compatible|in\s+line) \s+ with | align(?:s|ed|ing)? \s+ with
      | (?:identif(?:y|ies|ied)|recogni[sz]ed?|classif(?:y|ied)|described|labell?ed|known
            |referred\s+to|interpreted) \s+ (?:(?:it|this|them|the\s+\w+)\s+)? as
      | (?:called|named|termed|dubbed)
      | point(?:s|ing)? \s+ (?:to|towards?)
      | (?:answer|breed|species|variety|cultivar|model|make|name|type|identification|class|label)
            \s* [*_]* \s* :
    )(?=\W)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What stands between the thing shown and its name."""
_LEAD: Final = re.compile(
    r"""^(?:
        [\s,:"'\u201c\u2018]+
      | (?: (?:(?:most|very|quite|more|highly|almost)\s+)?
            (?:likely|probably|probable|possibly|certainly|closely|specifically|precisely)
          | perhaps | maybe | indeed | clearly | definitely | actually | in\s+fact | strongly
          | potentially | either | also | commonly | generally | often | particularly | best
          | (?:it|this|that|these)\s+(?:is|are|was|(?:could|may|might|must)\s+be)
          | that | of | to\s+be | known\s+as | identified\s+as | called | named | like | as | from
          | includ(?:e|es|ing) | belong(?:s|ing)?\s+to | resembling
          | (?:characteristics?|features?|traits?|typical|those|reminiscent|representative)
                \s+(?:typical\s+)?of
          | (?:type|kind|sort|species|breed|variety|varieties|cultivar|form|example|specimen|pair
                |group|member|hybrid|photo|photograph|image|picture|individual|bunch|cluster|view
                |model)s?\s+(?:of|called|named|known\s+as)
          | a | an | the | one | two | three | several | some | both | another | its | these
        )(?=\W)
    )+""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may stand before a name: hedges, articles, "a type of"."""
_MARKED: Final = re.compile(
    r"""^(?:(?P<mark>[*_]{1,3})(?P<in>[^*_\n]+?(?:\([*_]*[^*_\n()]+[*_]*\))?)\s*(?P=mark)
        |["\u201c](?P<quoted>[^"\u201d\n]{2,60})["\u201d])""",
    re.VERBOSE,
)
_LATIN_BEHIND: Final = re.compile(
    r"^[*_\s\"']*\(\s*[*_]*[A-Z][a-z]+(?:\s+(?:[x\u00d7]\s*)?[a-z.-]+)+"
)
_DEEPER: Final = re.compile(
    r"^[*_\s]*(?:\([^)]*\))?\s*,?\s*(?:more\s+)?(?:specifically|particularly|namely|precisely)"
    r"\b,?\s*"
)
_BROAD: Final = re.compile(
    r"\b(?:genus|family|order|subfamily|tribe|group|members?\s+of|class)\b", re.I
)
_FAMILY: Final = re.compile(r"(?:idae|inae|aceae)$", re.I)
_OF_OTHERS: Final = re.compile(
    r"\b(?:unlike|compared (?:to|with)|rather than|instead of|similar to|confused with|such as"
    r"|including|e\.g\.|related to|mistaken for)\W*(?:an?|the)?\s*$",
    re.I,
)
_OF_PARTS: Final = re.compile(
    r"\b(?:they|both|its|their|head|body|coat|plumage|breast|wings?|tail|bill|beak|petals?|eyes?"
    r"|ears?|leaves|stems?|colou?rs?|patterns?)\b[^,;]*$",
    re.I,
)
_OF_SHOWN: Final = re.compile(
    r"\b(?:image|picture|photo|photograph|pictured|shown|depicted|this|these|it|question"
    r"|identification|answer)\b",
    re.I,
)
_COPULA: Final = re.compile(r"(?:is|are|was|were|be|appears?|seems?|looks?)\b|['\u2019]", re.I)
_BY_THE_WAY: Final = re.compile(r"known|referred|called|named|termed|dubbed", re.I)
_LOOSE: Final = re.compile(
    r"shows?|showing|features?|displays?|suggests?|indicates?|characteristic|typical|captur|depicting",
    re.I,
)
_PLURAL: Final = re.compile(r"(?:are|were|appear|resemble|represent|look)\b", re.I)
_COUNTED: Final = re.compile(
    r"\s*(?:two|three|several|some|both|multiple|pair|group|bunch|cluster)\b", re.I
)
_NOT: Final = re.compile(r"(?:\bnot|n['\u2019]t|\bcannot)\s*$")
_STATES: Final = frozenset(
    """male female juvenile adult young immature mature puppy baby small large medium medium-sized
    tiny big beautiful lovely cute wild domestic domesticated vibrant single purebred typical
    classic blooming striking breeding non-breeding possible probable likely potential fluffy
    newborn particular specific different distinct certain stunning close-up""".split()
)
_STOPS: Final = frozenset(
    """which that who whose with due based because characterized characterised recognizable
    recognized identifiable identified known commonly often also sometimes in on at from by as given
    judging considering since if though although but while where when is are was were has have had
    having may might could can would will perched standing sitting lying flying swimming walking
    resting running playing looking wearing surrounded featuring featured showing shown displayed
    depicted native belonging found primarily mostly possibly likely probably perhaps specifically
    particularly especially rather than or and for its it this not however seen being captured
    photographed typically usually scientifically within among growing breed breeds species genus
    family itself during before after under over near next against such taken associated present
    provided attached consistent similar used able visible part related""".split()
)
_GENERIC: Final = frozenset(
    """species breed genus family order member type kind sort variety image picture photo photograph
    animal creature plant individual specimen example one something someone several feature features
    characteristic characteristics trait traits detail details color colour shape size pattern same
    following case pair mix mixed hybrid crossbreed cross cultivar object thing scene background
    view closeup subject white black brown red blue green yellow gray grey orange dark light bright
    distinctive exact common no unclear difficult challenging impossible hard unable here there
    likelihood identification important worth to unknown unidentified
    unclear uncertain unspecified""".split()
)


@dataclass(frozen=True)
class _Named:
    text: str
    score: float
    sentence: int


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
    found = [each for each in _candidates(text, subject) if each.score >= least]
    if not found:
        return None
    best = max(found, key=lambda each: (each.score, -each.sentence))
    for each in found:  # "a Schnauzer ... a Miniature Schnauzer", "Muscari ... Muscari armeniacum"
        if each.score >= _PLAIN - 1.5 and _is_kind_of(each.text, best.text):
            best = each
    return best.text


def is_prose(line: str) -> bool:
    """Whether a line says that something is something, and is no name alone."""
    return bool(_CUE.search(line))


def whole_part(text: str) -> str:
    """What stands before the last stop of a text that was cut: the word behind may lack its end."""
    stops = [found.end() for found in re.finditer(r"[.,;:!?(\n]", text)]
    return text[: stops[-1]] if stops else ""


def _is_kind_of(name: str, wider: str) -> bool:
    """Whether a name is another one with a word of its own: before it, or a species' behind it."""
    first, _, rest = name.partition(" ")
    wide = wider.casefold()
    species = first.casefold() == wide and rest and " " not in rest
    return first[:1].isupper() and bool(species or rest.casefold() == wide)


def _candidates(text: str, subject: set[str]) -> Iterator[_Named]:
    for number, sentence in enumerate(filter(None, _SENTENCE.split(text))):
        for cue in _CUE.finditer(sentence):
            before, behind = sentence[: cue.start()], sentence[cue.end() :]
            if named := _named(before, cue.group(), behind, subject, number):
                yield named


def _named(before: str, cue: str, behind: str, subject: set[str], sentence: int) -> _Named | None:
    """What a cue says, with how plainly it says so."""
    if _NOT.search(before) or re.match(r"\s*(?:not|n['\u2019]t)\b", behind):
        return None
    if cue.endswith(":"):  # "**Species:** Fly Agaric"
        behind = re.sub(r"^[*_]+(?=\s)", "", behind)
    lead, phrase, broad = _without_lead(behind, subject)
    marked = _MARKED.match(phrase)
    if marked:
        name, tail = marked["in"] or marked["quoted"], phrase[marked.end() :]
    else:
        name, tail = _leading_words(phrase)
    latin = bool(_LATIN_BEHIND.match(tail) or re.search(r"\([*_]*[A-Z][a-z]+ [a-z]", name))
    if deeper := _DEEPER.match(tail):
        more = _named(f"{before} ", "is", f" {tail[deeper.end() :]}", subject, sentence)
        if more and more.score >= _LEAST + 2:
            return _Named(more.text, more.score + 2, sentence)
    name = _cleaned(name, subject)
    if _PLURAL.match(cue) or _COUNTED.match(lead):
        name = _singular(name)
    words = name.split()
    low = [word.casefold() for word in words]
    nothing = not words or len(words) > _MOST_WORDS or words[0] in _STOPS
    if nothing or set(low) <= _GENERIC | _STATES | subject:
        return None
    capital = any(word[0].isupper() for word in words)
    if not (capital or marked or latin) and len(words) > 3:
        return None
    score = 3.0 * bool(marked) + (2.0 if capital else 0.0) + 3.0 * latin
    if not (capital or marked or latin):
        score -= 2.0
    if (
        broad
        or _BROAD.search(name)
        or _FAMILY.search(name)
        or re.match(r"\W*(?:family|genus)\b", tail)
    ):
        score -= 4.0
    score += _told_of(before, cue, lead, subject)
    return _Named(name, score - 0.1 * min(sentence, 12), sentence)


def _told_of(before: str, cue: str, lead: str, subject: set[str]) -> float:
    """How plainly a sentence speaks of the thing shown, by what stands before its name."""
    score = 0.0
    shown = bool(_OF_SHOWN.search(before)) or bool(
        subject & set(re.findall(r"\w+", before.casefold()))
    )
    score += 1.5 * shown
    if _COPULA.match(cue) and re.match(r"\s*(?:[a-z]+ly\s+)*(?:an?|the)\s", f"{lead} "):
        score += 2.0
    if _OF_OTHERS.search(before):
        score -= 5.0
    if _BY_THE_WAY.match(cue):
        score -= 6.0
    if _LOOSE.match(cue):
        score -= 0.5
    if re.search(r"\b(?:could|might|may|would)\s*$", before):
        score -= 1.0
    if _OF_PARTS.search(before) and not re.search(r"\b(?:image|picture|photo)\b", before, re.I):
        score -= 1.5
    return score


def _without_lead(behind: str, subject: set[str]) -> tuple[str, str, bool]:
    """Hedges and articles, the phrase behind them, and whether it is of a whole genus or family."""
    found = _LEAD.match(behind)
    lead = found.group() if found else ""
    phrase, broad = behind[len(lead) :], bool(_BROAD.search(lead))
    while word := re.match(r"([A-Za-z][\w-]*)\s+(?=[*_A-Za-z\"\u201c])", phrase):
        own = word.group(1).casefold()
        if own not in _STATES | subject | {"genus", "family", "breed", "species"}:
            break
        broad = broad or own in ("genus", "family")
        phrase = phrase[word.end() :]
        if again := re.match(r"(?:(?:of|called|named|known as|is|an?|the)\s+)+", phrase):
            phrase = phrase[again.end() :]
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
        if low in _STOPS and core[0].islower():
            break
        stop = word.endswith(".") and len(core.rstrip(".")) > 2
        taken.append(core.rstrip(".,;:!?") if stop else core.rstrip(",;:!?"))
        end = found.end()
        if stop or re.search(r"[,;:!?)\u2014]", word) or word.endswith("*") or len(taken) > 8:
            break
    while taken and taken[-1].casefold() in ("of", "a", "the"):
        taken.pop()
    return " ".join(taken), phrase[end:]


def _cleaned(name: str, subject: set[str]) -> str:
    """A name without marks, article, Latin name, and words such as "puppy" or "dogs" at its end."""
    name = re.sub(r"\s*\([^)]*\)?\s*$", "", name).strip(" \t*_\"'`.,:;-\u201c\u201d\u2018\u2019")
    words = re.sub(r"^(?:an?|the)\s+", "", name, flags=re.I).split()
    ends = (
        _STATES | {word for word in subject if word.endswith("s")} | {"breed", "species", "puppies"}
    )
    while len(words) > 1 and words[-1] in ends:
        words.pop()
    return " ".join(words)


def _singular(name: str) -> str:
    """A name in the singular, by how English writes plurals of names."""
    if re.search(r"(?:ss|us|is|os|as|xs)$", name):
        return name
    if re.search(r"[^aeiou]ies$", name) and len(name) > 5:
        return f"{name[:-3]}y"
    if re.search(r"(?:[sxz]|ch|sh)es$", name):
        return name[:-2]
    return name[:-1] if name.endswith("s") else name
