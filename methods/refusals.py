"""Whether a text declines to answer, or only begins so: English phrases, whatever was asked."""

from __future__ import annotations

import re
from typing import Final

_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'"})
_DECLINES: Final = re.compile(
    r"""^\W*(
        (i'm|i\ am|we're|we\ are)\ (very\ |really\ |so\ )?(sorry|afraid)\b
        | sorry (?: [,.!;:\u2014-] | \W*$
            | \ (?:but|i|i'm|we|that|about|for|no|to|the|this|it|your)\b )
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
_PICTURE: Final = r"(?:image|picture|photo|photograph)"
_FAINT: Final = r"(?:not\ possible|impossible|unclear|hard|difficult|not\ clear)"
_TELL: Final = (
    r"(?:determin|identif|tell|say|see|answer|recogni|process|view|name|classif|assist|help|load|read"
    r"|open|provide|describe|make|know|discern|distinguish|judge|be\ (?:sure|certain))\w*"
)
_SAYS_NOT: Final = re.compile(
    rf"""^\W*(?:error\s*:\s*)?(?:(?:hmm+|well|oh|ok|okay)\W+)?(?:
        (?:i|we)\ (?:sincerely\ |do\ )?(?:apologi[sz]e|regret|fear)\b | (?:my\ )?apologies\b
        | (?:i|we)\ (?:really\ |honestly\ |simply\ )?(?:do\ not|don't|did\ not|didn't)\s+
            (?:have|see|know|recogni[sz]e|find)\b
        | (?:i|we)\ have\ no\ (?:idea|clue|information|way|access)\b
        | (?:i|we)(?:\ would\ |'d\ |\ )(?:need|require)\s+
            (?:more|further|additional|an?\ (?:clear|better|higher|larger|close|{_PICTURE})
                |the\ {_PICTURE}|to\ (?:see|know))
        | (?:i'm|i\ am|we\ are)\ not\ (?:[\w%]+\ ){{0,2}}(?:sure|certain)\b
        | (?:i'm|i\ am)\ (?:just|only)\ an?\b
        | (?:cannot|can't|could\ not|couldn't|unable\ to|not\ able\ to|(?:im|not\ )possible\ to
            |failed\ to)\ (?:be\ )?{_TELL}
        | it(?:\ is|\ was|\ seems|\ appears|'s)\ (?:\w+\ )?{_FAINT}
            (?:\W*$|\W+(?:to\ {_TELL}|what|which|who|whether|from|if|for\ me)\b)
        | (?:it\ (?:seems|appears|looks\ like)\ (?:that\ )?)?
            (?:there\ (?:is|was)\ |there's\ |i\ see\ )?no\ {_PICTURE}s?
            (?:\W*$ | \ (?:is|was|were|has|have|to|here|provided|attached|given|available|found
                |uploaded|shared)\b)
        | there\ (?:(?:is|are)\ not|isn't|aren't|is|are)\ (?:enough|sufficient|insufficient)\b
        | no\ \w+\ (?:is|are)\ (?:visible|shown|present|recogni[sz]able|identifiable)
            (?:\W*$ | \ (?:here | (?:in|on)\ (?:the|this)\ {_PICTURE})\W*$)
        | no\ (?:match|result|answer|species|object|label|idea)s?(?:\ found)?\W*$
        | (?:the|this|your)\ (?:\w+\ )?(?:{_PICTURE}|file|link)(?:'s)?
            (?:\ (?:quality|resolution))?\s+
            (?:(?:you|that)\ .{{0,30}})?
            (?: (?:is|was|seems|appears)(?:\ to\ be)?\s+
                (?:not|too|missing|empty|blank|corrupt(?:ed)?|broken|unavailable|(?:very\ )?blurry)
              | (?:could\ not|can\ not|cannot|can't|couldn't|isn't|wasn't)
              | (?:does\ not|doesn't|did\ not|didn't)\ (?:contain|include|provide|have|load|come))\b
        | please\ (?:provide|upload|share|attach|send|give|try)\b
        | (?:can|could|would|will)\ you\b.*\?\W*$ | what\ would\ you\ like\b | how\ (?:can|may)\ i\b
        | (?:this|the|your)\ (?:content|request|prompt|query|{_PICTURE})\s+
            (?:violates|may\ violate|was\ flagged|has\ been\ (?:flagged|blocked)
                |is\ against|goes\ against)\b
        | (?:insufficient|not\ enough)\ (?:\w+\ ){{0,2}}
            (?:information|details?|data|context|resolution|evidence)
        | without\ (?:an?|the|more|further|additional|any)\ (?:\w+\ )?
            (?:{_PICTURE}|information|details?|context)\b
        | (?:not\ applicable|undefined|null|nil|not\ available|undetermined
            |indeterminate|unidentifiable)\W*$
        | (?!an?\ ).{{0,60}}\b(?:could|can)(?:\ not|not|n't)\ be\s+
            (?:loaded|processed|displayed|opened|identified|determined|recogni[sz]ed|found|read
                |accessed|answered|told)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""More ways to say that nothing can be said: of the picture's faults, of what is missing."""
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
_THING: Final = re.compile(
    r"^\W*(?:(?:probably|maybe|perhaps|likely|just|only)\s)?(?:an?|one|two|three|several)\s"
    r"(?!.*\b(?:image|picture|photo|photograph|resolution|view|angle|information|context|quality"
    r"|expert|specialist|look|question)\b)\w+(?:[\s-]\w+){0,6}\W*$",
    re.IGNORECASE,
)
"""A thing by itself, no sentence: "a black cat"."""
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
    plain = text.strip().translate(_APOSTROPHES)
    if not (_DECLINES.search(plain) or _SAYS_NOT.search(plain)):
        return False
    clauses = _TURN.split(plain)
    things = any(_THING.match(each) and not _NOTHING_SAID.search(each) for each in clauses[1:])
    return not things and not any(map(_says_something, clauses))


def _says_something(clause: str) -> bool:
    if opinion := _OPINION.search(clause):  # "I cannot be sure, I think it is a beagle"
        before, clause = clause[: opinion.start()], clause[opinion.end() :]
        if opens_declining(before):
            return False
        return len(_WORD.findall(clause)) > 1 and not _NOTHING_SAID.search(clause)
    return bool(_SAYS.search(clause)) and not _NOTHING_SAID.search(clause)
