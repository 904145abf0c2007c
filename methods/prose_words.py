"""Words and patterns of English sentences that say what a thing is; none of them knows a class."""

from __future__ import annotations

import re
from typing import Final

SENTENCE: Final = re.compile(
    r"(?<![A-Z]\.)(?<!\b[a-z]\.)(?<!\bvar\.)(?<!\bspp\.)(?<!\bsp\.)(?<!\bsubsp\.)(?<!\bcv\.)"
    r"(?<!\bSt\.)(?<!\bMt\.)(?<=[.!?])[*_\"']*\s+(?=\W*[A-Z0-9])|\n+"
)
"""Between sentences: a stop before a capital or a number, but none of an abbreviation; a line."""
CUE: Final = re.compile(
    r"""\b(?:
        (?:is|are|was|were|be|being|['\u2019]s|['\u2019]re|seems?|appears?|looks?|remains?)
            (?:\s+(?:to\s+be|like|as\s+if\s+it\s+(?:is|were)
                |to\s+(?:depict|show|feature|represent|resemble|match)))?
      | resembl(?:es?|ing) | represents? | depicts? | depicting | shows? | showing | features?
      | displays? | captures? | suggests? | suggesting | indicates? | indicating | match(?:es|ing)?
      | (?:suggestive|indicative|characteristic|typical|reminiscent|representative) \s+ of
      | (?:characteristics|features|traits|appearance) \s+ (?:\w+\s+)? of
      | (?:consistent|compatible|in\s+line) \s+ with | align(?:s|ed|ing)? \s+ with
      | (?:identif(?:y|ies|ied)|recogni[sz]ed?|classif(?:y|ied)|described|labell?ed|known
            |referred\s+to|interpreted) \s+ (?:(?:it|this|them|the\s+\w+)\s+)? as
      | (?:called|named|termed|dubbed) | go(?:es)?\s+by (?:\s+the\s+name)? (?:\s+of)?
      | (?:i|i['\u2019]d|i['\u2019]ll|i\s+would|would) \s+
            (?:say|guess|go\s+with|bet\s+on|lean\s+towards?|call\s+(?:it|this))
            (?:\s+(?:it['\u2019]s|it\s+is))?
      | (?:see|seeing|looking\s+at|spot|spotted) (?=\s+(?:an?|the|two|three|several|some)\s)
      | point(?:s|ing)? \s+ (?:to|towards?)
      | (?:answer|breed|species|variety|cultivar|model|make|name|type|identification|class|label)
            \s* [*_]* \s* :
    )(?=\W)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What stands between the thing shown and its name."""
LEAD: Final = re.compile(
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
          | (?:[a-z-]+\s+)?(?:plate|bowl|dish|slice|piece|cup|glass|serving|platter|stack|view|photo
                |close-up)s?\s+of
          | (?:in|from|within|of|to)\s+the\s+(?:genus|species)
          | (?:(?:specific|particular|certain|cultivated|ornamental|popular)\s+)?
            (?:type|kind|sort|species|breed|variety|varieties|cultivar|form|example|specimen|pair
                |group|member|hybrid|photo|photograph|image|picture|individual|bunch|cluster|view
                |model)s?\s+(?:of|called|named|like|known\s+as)
          | a | an | the | one | two | three | several | some | both | another | its | these
        )(?=\W)
    )+""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may stand before a name: hedges, articles, "a type of"."""
MARKED: Final = re.compile(
    r"""^(?:(?P<mark>[*_]{1,3})(?P<in>[^*_\n]+?(?:\([*_]*[^*_\n()]+[*_]*\))?)\s*(?P=mark)
        |["\u201c](?P<quoted>[^"\u201d\n]{2,60})["\u201d])""",
    re.VERBOSE,
)
LATIN_BEHIND: Final = re.compile(
    r"^[*_\s\"']*\(\s*[*_]*[A-Z][a-z]+(?:\s+(?:[x\u00d7]\s*)?[a-z.-]+)+"
)
DEEPER: Final = re.compile(
    r"^[*_\s]*(?:\([^)]*\))?\s*,?\s*(?:more\s+)?(?:specifically|particularly|namely|precisely)"
    r"\b,?\s*"
)
PERHAPS: Final = re.compile(
    r"^[*_\s]*(?:\([^)]*\))?\s*,\s*(?:most\s+)?(?:likely|probably|possibly|perhaps)\b,?\s*"
)
"""What leads from a name to one that says more, surely or not."""
CALLED: Final = re.compile(
    r"^[a-z][\w-]*(?:\s[a-z][\w-]*){0,2}?\s+(?:(?:commonly|also|often)\s+)?"
    r"(?:known\s+as|called|named|referred\s+to\s+as)\s+(?:an?\s+|the\s+)?(?=[\"'*_\u201c]*[A-Z])"
)
"""A kind before its name: "orchid known as", of "a species of orchid known as Moth Orchid"."""
CORRECTED: Final = re.compile(r"\b(?:more\s+likely|actually|rather|instead)\b", re.I)
BINOMIAL: Final = re.compile(
    r"^[A-Z][a-z]+ (?:[x\u00d7] ?)?[a-z][a-z-]{2,}(?: (?:var|subsp|ssp)\.? [a-z-]+)?$"
)
"""A Latin name of a species."""
SHORTENED: Final = re.compile(r"^([A-Z])\. ?(?=[a-z]{3,})")
"""A genus by its first letter."""
ABBREVIATIONS: Final = frozenset("var subsp ssp spp cv st mt dr mr mrs jr sr ft no vs".split())
PROPER_ALIAS: Final = re.compile(
    r"^[*_\s]*,?\s*(?:which\s+is\s+)?(?:more\s+)?(?:commonly|also|often|better)\s+"
    r"(?:known\s+as|called|referred\s+to\s+as)\s+(?:an?\s+|the\s+)?[*_\"\u201c]*"
    r"(?P<name>(?:[A-Z][\w'\u2019]*-[\w'\u2019-]+|[A-Z][\w'\u2019-]*(?=\s(?:of|in|[A-Z])))"
    r"(?:\s(?:of|the|in|a|[A-Z][\w'\u2019-]*))*+)[*_\"\u201d]*"
    r"(?:\s[a-z]+)?(?=[.,;(]|$)(?!,?\s+(?:or|and)\b)(?!,\s+[A-Z])"
)
"""A name of several words in capitals behind a Latin one, where it is the only one."""
BROAD: Final = re.compile(
    r"\b(?:genus|family|order|subfamily|tribe|group|members?\s+of|class)\b", re.I
)
FAMILY: Final = re.compile(r"(?:idae|inae|aceae)$", re.I)
OF_OTHERS: Final = re.compile(
    r"\b(?:unlike|compared (?:to|with)|rather than|instead of|similar to|confused with|such as"
    r"|including|e\.g\.|related to|mistaken for)\W*(?:an?|the)?\s*$",
    re.I,
)
OF_PARTS: Final = re.compile(
    r"\b(?:they|both|its|their|head|body|coat|plumage|breast|wings?|tail|bill|beak|petals?|eyes?"
    r"|ears?|leaves|stems?|colou?rs?|patterns?)\b[^,;]*$",
    re.I,
)
OF_SHOWN: Final = re.compile(
    r"\b(?:image|picture|photo|photograph|pictured|shown|depicted|this|these|it|question"
    r"|identification|answer)\b",
    re.I,
)
CALLS: Final = re.compile(r"called|named|termed|dubbed", re.I)
SHOWN_IS: Final = re.compile(r"^\W*(?:this|these|the|it)\b[^,;:]{0,60}\b(?:is|are)\s*$", re.I)
"""A sentence that goes on to say what the thing shown is called."""
OPENING: Final = re.compile(
    r"\W*(?:the|this|these|those|it|its|in|on|an?|based|given|judging|looking|from|to|let's|step"
    r"|first|here|there|i|we|no|none|neither|nothing|without|more|further|unfortunately|sadly|however)\b",
    re.I,
)
SPEAKS: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|appears?|seems?|looks?|shows?|depicts?|features?|displays?"
    r"|resembles?|belongs?|contains?|does|do|did|can|could|may|might|would|cannot|can't|allows?"
    r"|lets|helps?|tells?|lacks?|needs?|requires?|suggests?|indicates?)\b",
    re.I,
)
TALKS: Final = re.compile(
    r"\b(?:I|I'm|I'd|you|your|my|me|cannot|can't|unable|unfortunately|image|photo|picture)\b"
)
"""Words of sentences about the picture or the talk, which no name of a thing has."""
STEP: Final = re.compile(r"\W*step\s*\d+\W", re.I)
ANSWER_LINE: Final = re.compile(
    r"^\W*(?:(?:my|the)\s+)?(?:final\s+)?(?:answer|conclusion|identification|verdict)\W*:\W*"
    r"(?P<answer>\S.*)$",
    re.I | re.M,
)
OPINES: Final = re.compile(r"(?:i['\u2019 ]|would)", re.I)
"""What whoever answers would say."""
SIGHT: Final = re.compile(r"see|looking|spot", re.I)
"""What whoever answers does to the thing shown."""
COPULA: Final = re.compile(r"(?:is|are|was|were|be|appears?|seems?|looks?)\b|['\u2019]", re.I)
BY_THE_WAY: Final = re.compile(r"known|referred|called|named|termed|dubbed", re.I)
LOOSE: Final = re.compile(
    r"shows?|showing|features?|displays?|suggests?|indicates?|characteristic|typical|captur|depicting",
    re.I,
)
PLURAL: Final = re.compile(r"(?:are|were|appear|resemble|represent|look)\b", re.I)
COUNTED: Final = re.compile(
    r"\s*(?:two|three|several|some|both|multiple|pair|group|bunch|cluster)\b", re.I
)
REASON: Final = re.compile(
    r"""(?:(?<!\b[A-Z])(?<!\b(?:[SMD]t|Dr|Mr|cv|sp))(?<!\bvar)[.!]\s+(?=[A-Z]))
      | \s+[\u2013\u2014-]+\s+ | \s*[:;]\s+ | \n+
      | ,?\s+(?:because|since|based\s+on|judging|given|due\s+to|as\s+(?:it|its|the|this
            |indicated|shown|evidenced|seen|suggested))\b
      | ,\s+(?=(?:which|with|recogni[sz]able|identifiable|characteri[sz]ed|known|an?)\s)""",
    re.VERBOSE,
)
"""What stands between a name that begins a text and why it is that."""
GREETING: Final = re.compile(
    r"\W*(?:sure|certainly|of\s+course|absolutely|yes|no|ok|okay|thanks?|thank\s+you|hello"
    r"|(?:great|nice|good|lovely)(?=\s*[!,.]|\s+(?:question|picture|photo|shot|one))"
    r"|hi|well|let|here|hmm+|wow|unfortunately|honestly|frankly|overall|clearly|apparently|actually"
    r"|sorry|as|if|when|while|without|looks|seems|maybe|perhaps|possibly|probably|likely)\b",
    re.I,
)
"""What is said before anything is."""
NOT: Final = re.compile(r"(?:\bnot|n['\u2019]t|\bcannot)\s*$")
STATES: Final = frozenset(
    """male female juvenile adult young immature mature puppy baby small large medium medium-sized
    tiny big beautiful lovely cute wild domestic domesticated vibrant single purebred typical
    classic blooming striking breeding non-breeding possible probable likely potential fluffy
    newborn particular specific different distinct certain stunning close-up""".split()
)
STOPS: Final = frozenset(
    """which that who whose with due based because characterized characterised recognizable
    recognized identifiable identified known commonly often also sometimes in on at from by as given
    judging considering since if though although but while where when is are was were has have had
    having may might could can would will perched standing sitting lying flying swimming walking
    resting running playing looking wearing surrounded featuring featured showing shown displayed
    depicted native belonging found primarily mostly possibly likely probably perhaps specifically
    particularly especially rather than or and for its it this not however seen being captured
    photographed typically usually scientifically within among growing breed breeds species genus
    family itself during before after under over near next against such taken associated present
    provided attached consistent similar used able visible part related include includes topped
    served garnished made filled covered sprinkled drizzled paired accompanied parked operated
    driven cooked described classified recognised too so blurry blurred impossible insufficient
    unable""".split()
)
COLOURS: Final = frozenset(
    """black brown red blue green yellow gray grey orange white pink purple silver gold golden dark
    light bright colorful colourful vintage classic modern old new""".split()
)
GENERIC: Final = frozenset(
    """species breed genus family order member type kind sort variety image picture photo photograph
    animal creature plant individual specimen example one something someone several feature features
    characteristic characteristics trait traits detail details color colour shape size pattern same
    following case pair mix mixed hybrid crossbreed cross cultivar object thing scene background
    view closeup subject white black brown red blue green yellow gray grey orange dark light bright
    distinctive exact common no unclear difficult challenging impossible hard unable here there
    likelihood identification important worth to unknown unidentified
    unclear uncertain unspecified""".split()
)
