"""Whether a text declines to answer, or only begins so: English phrases, whatever was asked."""

from __future__ import annotations

import re
from typing import Final

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'"})
_DECLINES: Final = re.compile(
    r"""^\W*(
        (i'm|i\ am|we're|we\ are)\ (very\ |really\ |so\ )?(sorry|afraid)\b
        | sorry\b
        | (unfortunately|apologies|my\ apologies)\b.{0,40}\b(can(not|'t)|unable|not\ able)\b
        | (i|we)\ (can(not|'t|\ not)|could\ not|couldn't|won't|will\ not|must\ decline)\b
        | (i'm|i\ am|we\ are)\ (unable|not\ able|not\ allowed|not\ permitted)\b
        | as\ an?\ (ai|artificial|large\ language|language)\b
        | there\ is\ no\ image\b | no\ image\ (was|has\ been|is)\ (provided|attached|given)\b
        | (n/?a|none|unknown|not\ sure|i\ do\ not\ know|i\ don't\ know|no\ (idea|clue)
            |(hard|difficult|impossible)\ to\ (say|tell)|can(not|'t)\ (say|tell))\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_TURN: Final = re.compile(
    r"""[.!?;:]+\s+ | \n+ | \s-+\s | \u2014
    | ,?\s+(?:but|however|although|though|yet|still|nevertheless|nonetheless|that\ said)\b,?
    | ,\s+(?=(?:the|this|these|it|it's|my)\s
        | i(?:'d|\ would|\ do|\ can)?\ (?:think|believe|guess|say|suspect|suppose|see)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Where a text may turn from what it cannot do to what it says all the same."""
_OPINION: Final = re.compile(
    r"\b(?:i(?:'d|\ would|\ can|\ do|\ could)?\ (?:think|believe|guess|say|suspect|see|suppose"
    r"|assume|lean|notice|observe|estimate)|my\ (?:best\ )?(?:guess|impression|answer|estimate))\b",
    re.IGNORECASE,
)
_NOTHING_SAID: Final = re.compile(
    r"""^\W*(?:as|because|since|if|unless|until|when)\b
    | \b(?: i | i'm | i'd | i'll | i've | we | my | me | our | you | your | you're | please )\b
    | \b(?: ai | language\ model | assistant | polic(?:y|ies) | guidelines? | privacy | consent
        | capabilit(?:y|ies) | unable | cannot | can't | couldn't | impossible | inappropriate )\b
    | \b(?: image | photo | photograph | picture | file | link | resolution | quality )s?\b .{0,60}?
        (?: \b(?:is|are|was|were|has|have|does|do|did|seems?|appears?|looks?)(?:\s\w+){0,2}?
                (?: n't | \snot | \sno | \s(?: too | blurry | blurred | unclear | dark | low | poor
                    | missing | empty | blank | insufficient | limited | corrupt(?:ed)? | broken
                    | unavailable | incomplete ) )\b
          | \b(?: lacks? | needed | required )\b )
    | \b(?: it | this | that | which | species | breed | identity | model | variety | type | kind )
        (?: 's | \s(?:is|was|are|may\ be|might\ be|would\ be|can\ be|could\ be|remains?) )
        (?:\s\w+){0,2}? \s (?: (?:not\s)?possible | difficult | hard | challenging | unclear
            | uncertain | unknown | tricky | tough | important | recommended | necessary | against
            | beyond | outside
            | not\s(?:\w+\s)?(?:clear|visible|identifiable|certain|known|shown|given|provided
                |enough|sufficient|allowed|discernible|distinguishable) )\b
    | \b(?: more | further | additional | enough | sufficient | without )\s(?:\w+\s){0,2}?
        (?: information | details? | context | features? | images? | data | views? | clues? )\b
    | ^\W*there(?:'s|\sis|\sare)\s(?:no|not|n't|many|several|numerous|over|hundreds|thousands)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""A clause of the speaker, the listener, the picture's faults, or what cannot be known."""
_SAYS: Final = re.compile(
    r"""(?: \b(?:the|this|these|those|it|its|that|there|an?|he|she|they|both|two|one)\b .*?
            \b(?:is|are|was|were|has|have|could\ be|may\ be|might\ be|must\ be|would\ be|seems?
                |appears?|looks?|resembles?|shows?|depicts?|features?|displays?|suggests?|indicates?
                |points?|matches|represents?|belongs?|wears?|holds?|stands?|sits?)\b
        | \b(?:it's|that's|there's|he's|she's|they're)\s )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""A clause that says something of what is shown."""
_WORD: Final = re.compile(r"\w+")


def opens_declining(text: str) -> bool:
    """Say whether a text begins with what it cannot or will not do: English phrases."""
    return bool(_DECLINES.search(text.strip().translate(_APOSTROPHES)))


def is_refusal(text: str) -> bool:
    """Say whether a text declines to answer, and says nothing of what is shown all the same.

    "I'm unable to say which breed, but this looks like a Lakeland Terrier" is an answer, and so is
    a description behind an apology. What a model says of itself, of its reader, of a blurred
    picture or of what cannot be known is none.
    """
    if not opens_declining(text):
        return False
    clauses = _TURN.split(text.strip().translate(_APOSTROPHES))
    return not any(map(_says_something, clauses))


def _says_something(clause: str) -> bool:
    if opinion := _OPINION.search(clause):  # "I cannot be sure, I think it is a beagle"
        before, clause = clause[: opinion.start()], clause[opinion.end() :]
        if opens_declining(before):
            return False
        return len(_WORD.findall(clause)) > 1 and not _NOTHING_SAID.search(clause)
    return bool(_SAYS.search(clause)) and not _NOTHING_SAID.search(clause)
