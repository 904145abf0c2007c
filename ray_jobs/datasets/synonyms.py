"""Other words for the classes of COCO, VOC and NUS-WIDE, and what COCO's are called.

TaI-DPT and its followers show CLIP ``motor bike`` and ``aeroplane`` where COCO has ``motorcycle``
and ``airplane``. Which words a sentence is searched for decides its labels, so the words stand in
the class file, where they can be read and changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

COCO_SPOKEN: Final[Mapping[str, str]] = MappingProxyType(
    {"motorcycle": "motor bike", "airplane": "aeroplane"}
)


def _read(text: str) -> Mapping[str, tuple[str, ...]]:
    """Lines of ``name: word, word``."""
    pairs = (line.partition(":") for line in text.strip().splitlines())
    return MappingProxyType(
        {
            name.strip(): tuple(word.strip() for word in words.split(",") if word.strip())
            for name, _, words in pairs
        }
    )


COCO: Final = _read("""
person: people, human, man, woman, boy, girl, child
bicycle: bike, cycle, push bike
car: automobile, taxi, cab
motorcycle: motorcycle, motor cycle, motorbike
airplane: airplane, air plane, plane, jet, aircraft
bus: coach, double decker
train: railway, locomotive
truck: lorry
boat: dinghy, raft
traffic light: traffic signal, stop light
fire hydrant: hydrant
stop sign:
parking meter:
bench:
bird:
cat: kitten, kitty
dog: puppy, doggy
horse: pony, colt
sheep: lamb
cow: cattle, bull
elephant:
bear:
zebra:
giraffe:
backpack: back pack, rucksack, knapsack
umbrella: parasol
handbag: hand bag, purse
tie: necktie
suitcase: luggage
frisbee: flying disc
skis: ski
snowboard: snow board
sports ball: ball, football, soccer ball, basketball, baseball ball, tennis ball
kite:
baseball bat:
baseball glove: baseball mitt, catcher's mitt
skateboard: skate board
surfboard: surf board
tennis racket: racket, tennis racquet
bottle:
wine glass: wineglass
cup: mug
fork:
knife:
spoon:
bowl:
banana:
apple:
sandwich:
orange:
broccoli:
carrot:
hot dog: hotdog
pizza:
donut: doughnut
cake:
chair: armchair
couch: sofa
potted plant: house plant, pot plant
bed:
dining table: dinner table, table
toilet:
tv: television, tv monitor, monitor
laptop: notebook computer
mouse: computer mouse
remote: remote control
keyboard: computer keyboard
cell phone: mobile phone, cellphone, smartphone, phone
microwave: microwave oven
oven: stove
toaster:
sink: washbasin
refrigerator: fridge
book:
clock:
vase:
scissors:
teddy bear: teddy
hair drier: hair dryer, blow dryer
toothbrush: tooth brush
""")

VOC: Final = _read("""
aeroplane: airplane, air plane, plane, jet, aircraft
bicycle: bike, cycle, push bike
bird:
boat: dinghy, raft
bottle:
bus: coach, double decker
car: automobile, taxi, cab
cat: kitten, kitty
chair: armchair
cow: cattle, bull
diningtable: dining table, dinner table, table
dog: puppy, doggy
horse: pony, colt
motorbike: motor bike, motorcycle, motor cycle
person: people, human, man, woman, boy, girl, child
pottedplant: potted plant, house plant, pot plant
sheep: lamb
sofa: couch
train: railway, locomotive
tvmonitor: tv monitor, tv, television, monitor
""")

NUS: Final = _read("""
airport: airfield, runway
beach: seashore, coast
birds: bird
boats: boat, raft, dinghy
buildings: building
cars: car, automobile
cat: kitten, kitty
cityscape: city, skyline, skyscraper
clouds: cloud
computer: laptop, desktop computer
dancing: dance, dancer
dog: puppy, doggy
earthquake: collapsed building, ruined building
elk: deer
flags: flag
flowers: flower
frost: hoarfrost
glacier: ice
harbor: harbour, port
horses: horse
leaf: leaves
military: army, soldier, troop
mountain: hill
nighttime: night, night time
ocean: sea
person: people, human, man, woman, boy, girl, child
plane: airplane, aeroplane, jet, aircraft
plants: plant
railroad: railway, rail track
road: path
rocks: rock
running: run, runner
soccer: football
sports: sport
surf: surfing, surfer
swimmers: swimmer, swimming, swim
tattoo: tattooing
toy:
wedding: bride, groom
whales: whale
""")
