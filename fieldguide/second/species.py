"""The species: 60 made-up birds in 12 genera, each with three names and a frequency of its own.

The tables were drawn once, by chance, before any model saw the world, and are facts from then on:
of many random assignments of name usage, the one whose rates over pictures are closest to those of
docs/second_edition.md. `birds` says what follows from them.
"""

from typing import Final, Literal, NamedTuple, cast

Usage = Literal["list", "folk", "latin"]


class Plumage(NamedTuple):
    """One value for each attribute, in the order of `birds.ATTRIBUTES`."""

    body: str
    build: str
    wings: str
    tail: str
    belly: str
    crest: str
    beak: str
    ring: str
    legs: str
    throat: str


class SpeciesRow(NamedTuple):
    """One line of the table below, taken apart."""

    name: str
    folk: str
    latin: str
    home: str
    rank: int
    usage: Usage
    folk_read: bool
    changes: dict[str, str]


# The genus, its Latin-like name, and its plan: a value for each attribute of Plumage.
_GENERA: Final = """
wetock Quibera: green tall spotted fan rust round hooked red yellow none
woroft Micona: red stout barred square black pointed short none red black
flivas Flilelia: red slim barred fan black round long white red black
quorol Dobata: brown slim plain square rust none long none yellow white
grequul Ravura: grey tall striped forked rust round short red black white
brobren Plazina: blue tall barred fan white none long none red none
plifur Flastelia: grey stout spotted square cream pointed short white black none
skiskant Poquuta: brown stout spotted fan pink none long none yellow black
poback Rofira: blue slim striped fan white round long white red white
gremut Dowuna: orange tall barred square pink none hooked white yellow black
quobrul Groplelia: purple slim barred forked pink round long white yellow none
quoden Maquata: yellow stout barred square cream none short red yellow none
"""
# List name, folk name, Latin-like epithet, home, rank of its frequency, the name by which the
# multimodal model calls it (+ where CLIP has read the folk name), and where it leaves the plan.
_SPECIES: Final = """
pebrift wetock; rohimork; newor; marsh; 30; latin-; crest pointed, legs black
migrim wetock; maminask; husa; desert; 29; latin+; crest none, throat white
nubrun wetock; podoholm; sitror; forest; 31; folk-; legs black
gragrot wetock; pokolm; gupis; meadow; 2; latin-; ring white
sulal wetock; bovend; roquius; street; 10; folk-; beak long, ring none
kebron wetock; plimagel; wagrus; shore; 49; folk-; crest pointed
drutresk wetock; tatatul; truskis; snow; 57; folk+; beak long, ring white
mastum wetock; kupovis; pidor; mountain; 22; folk-; throat white
brestent woroft; plikant; sipor; marsh; 14; folk+; beak long
rulork woroft; wazukon; nuloa; snow; 5; folk-; throat none
lizack woroft; fibrift; gritris; forest; 19; folk-; ring red, legs yellow
roskont woroft; filun; hubor; mountain; 33; folk-; ring white, legs yellow
codrusk woroft; breruft; wavea; desert; 16; folk-; tail fan, crest round, beak hooked
pegrer woroft; greplund; veskeus; shore; 9; list-; crest none, throat none
wupilm woroft; dozovolm; vugis; street; 44; latin-; belly pink, beak long, throat white
buflat flivas; pegift; flulus; marsh; 13; list+; beak short
plopant flivas; drafigum; fuhis; snow; 58; list+; ring none
kafis flivas; puvalask; flofis; desert; 32; list-; wings plain, beak hooked
nebror flivas; fihewalm; fequis; shore; 25; latin+; tail square, legs black
duwor flivas; fabruhont; begror; forest; 43; list-; wings spotted, crest pointed, throat none
gutreft flivas; gofahaft; reflor; harbour; 48; list+; wings spotted, ring red
brelem quorol; nurilun; maflius; harbour; 20; folk+; tail fan, crest pointed, legs red
keplem quorol; broquurk; quatrus; meadow; 8; folk+; beak short, ring white
viskil quorol; hagifask; ledia; desert; 40; list+; beak hooked
pefles quorol; padrur; queflis; garden; 35; list-; ring red, legs black
zagrer quorol; dahis; druflor; mountain; 18; folk+; tail forked, throat black
tizerk quorol; witrut; skelor; shore; 55; list-; crest round
pluzin grequul; guplilm; tronus; desert; 15; folk-; beak long
grisim grequul; trikol; cemus; snow; 47; list+; crest none, legs red
lavil grequul; reriwel; cofua; forest; 1; list+; crest none, ring none
kidond grequul; quoplim; skifor; harbour; 3; folk+; ring none, throat none
plafar grequul; setut; wotis; mountain; 54; folk+; wings spotted, crest none, legs red
pivond brobren; socil; grekor; forest; 51; latin+; belly cream, beak short
zonind brobren; quumilm; mecus; mountain; 56; list-; belly pink, legs yellow, throat black
lotrol brobren; hakos; sava; harbour; 38; list+; crest round
rewosk brobren; lurem; fluplor; garden; 42; list-; beak short
drogrirk brobren; stazent; plogror; street; 11; folk-; wings spotted, crest pointed, beak hooked
mequick plifur; bifluplon; niris; harbour; 34; list+; ring none, throat white
zucesk plifur; pavirom; citror; forest; 21; folk-; crest none
figar plifur; konuplus; tregria; snow; 46; folk-; legs yellow
lafom plifur; dreseft; caquua; mountain; 45; folk-; tail fan, ring red, throat black
kapirk plifur; hulagar; detor; shore; 23; latin+; throat white
zaflick skiskant; kikadirk; kizor; shore; 53; folk+; ring white, throat none
safal skiskant; mistund; sunius; forest; 50; list-; tail forked, beak hooked, legs black
ruraft skiskant; pliwick; brizor; marsh; 60; list+; crest round, ring white
stetrosk skiskant; sowobral; logris; mountain; 28; list-; belly cream, throat none
lodask poback; kumicind; griquor; harbour; 17; list+; belly pink, ring red
povus poback; futruvolm; lahus; marsh; 6; list+; wings barred, throat none
hapleft poback; koplelilm; fuploa; shore; 59; list+; tail square, ring none
fecusk poback; zegulut; giplus; snow; 24; latin-; legs yellow, throat none
fipler gremut; bitidim; plestis; marsh; 27; list+; tail forked, ring red
bihin gremut; lepapom; raskor; mountain; 52; list+; wings plain, beak long
semem gremut; suflehen; ribeus; street; 39; list-; beak long, ring none
vamit gremut; stoflar; dipius; garden; 4; list-; ring red, throat white
sobend quobrul; pubrumoft; bodria; mountain; 41; folk+; ring red
liflam quobrul; plaquul; miheus; street; 37; latin-; belly cream, beak hooked, legs red
briflan quobrul; skebrosk; brodor; marsh; 36; folk+; tail fan, throat white
punim quoden; drapubant; driflius; street; 12; list-; throat white
ravoft quoden; stironot; risor; shore; 7; folk+; beak long
grusuft quoden; segripuft; fladror; forest; 26; list+; beak hooked, legs red
"""


def _plan(line: str) -> tuple[str, str, Plumage]:
    names, values = line.split(": ")
    genus, latin = names.split()
    return genus, latin, Plumage(*values.split())


_PLANS: Final = [_plan(line) for line in _GENERA.strip().splitlines()]
_LATIN: Final = {genus: latin for genus, latin, _ in _PLANS}


def _row(line: str) -> SpeciesRow:
    name, folk, latin, home, rank, usage, changes = line.split("; ")
    pairs = [change.split(" ") for change in changes.split(", ")]
    return SpeciesRow(
        name,
        folk,
        f"{_LATIN[name.split()[1]]} {latin}",
        home,
        int(rank),
        cast(Usage, usage[:-1]),
        usage.endswith("+"),
        {attribute: value for attribute, value in pairs},
    )


GENERA: Final[dict[str, Plumage]] = {genus: plan for genus, _, plan in _PLANS}
ROWS: Final[tuple[SpeciesRow, ...]] = tuple(_row(line) for line in _SPECIES.strip().splitlines())
