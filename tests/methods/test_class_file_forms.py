"""Class files that hold something else than names: read as what they are, or refused."""

from __future__ import annotations

import pytest

from methods.class_names import ClassNames, parse_classes
from methods.errors import InputError

OTHER_FORMS = {
    "python dict": "{0: 'tench, Tinca tinca',\n 1: 'goldfish, Carassius auratus'}\n",
    "python dict, one line": "{0: 'tench', 1: 'goldfish'}",
    "python assignment": "names = [\n    'tench',\n    'goldfish',\n]\n",
    "json object": '{\n  "0": ["n01", "tench"],\n  "1": ["n02", "goldfish"]\n}\n',
    "json numbers": "[1, 2]",
    "json list of objects": '[{"id": 1, "name": "tench"}]',
    "json lines": '{"id": 1, "name": "tench"}\n{"id": 2, "name": "goldfish"}\n',
    "json with tabs": '{\n\t"tench": 0,\n\t"goldfish": 1\n}\n',
    "half a list": '[\n  "tench",\n  "goldfish"\n',
    "yaml items": "- tench\n- goldfish\n",
    "yaml objects": "- name: tench\n- name: goldfish\n",
    "yaml under a key": "names:\n  0: tench\n  1: goldfish\n",
    "yaml flow": "[tench, goldfish]\n",
    "yaml document": "---\ntench\n",
    "yaml numbers": "0: tench\n1: goldfish\n2: carp\n",
    "yaml keys": "n01440764: tench\nn01443537: goldfish\n",
    "class to index": "tench: 0\ngoldfish: 1\n",
    "ini": "tench = 0\ngoldfish = 1\n",
    "bullets": "* tench\n* goldfish\n",
    "csv with a header": "id,name\n0,tench\n1,goldfish\n",
    "csv with an index": ",label\n0,tench\n1,goldfish\n",
    "csv with a quoted header": '"id","name"\n"0","tench, Tinca tinca"\n',
    "csv of one column": "name\ntench\ngoldfish\n",
    "csv without a header": "0,tench\n1,goldfish\n",
    "csv the other way round": "tench,0\ngoldfish,1\n",
    "csv of ids": "n01440764,tench\nn01443537,goldfish\n",
    "semicolons": "class_id;class_name\n0;tench\n1;goldfish\n",
    "tsv with a header": "id\tname\n0\ttench\n1\tgoldfish\n",
    "tsv with a header and others": "wnid\tname\twords\nn01\ttench\tTinca\n",
    "tsv of indices": "tench\t0\ngoldfish\t1\n",
    "tsv of counts": "n01\ttench\t1300\nn02\tgoldfish\t1300\n",
    "tsv in quotes": '"n01"\t"tench"\n"n02"\t"goldfish"\n',
    "numbered": "1. tench\n2. goldfish\n",
    "numbered, one": "1. tench\n",
    "numbered in brackets": "(1) tench\n(2) goldfish\n",
    "numbered without blanks": "1.tench\n2.goldfish\n",
    "numbered as CUB": "001.Black_footed_Albatross\n002.Laysan_Albatross\n",
    "numbered with a colon": "281: tabby\n282: tiger cat\n",
    "counted": "0 tench\n1 goldfish\n2 carp\n",
    "quoted": '"tench"\n"goldfish"\n',
    "quoted once, as CSV does": 'carp\n"tench, Tinca tinca"\n',
    "quoted with commas": "'tench',\n'goldfish',\n",
    "commas at the end": "tench,\ngoldfish,\n",
    "comments": "# my classes\ntench\n",
    "xml": "<?xml version='1.0'?>\n<a>tench</a>\n",
    "yaml items in quotes": "- 'tench'\n- \"goldfish\"\n",
    "yaml of a detector": "path: ../birds\nnc: 2\nnames:\n  0: tench\n  1: goldfish\n",
    "yaml flow under a key": "names: [tench, goldfish]\n",
    "yaml under a quoted key": "'class names':\n  tench: 0\n",
    "yaml with a comment": "#data set\ntench\ngoldfish\n",
    "items without blanks": "-tench\n-goldfish\n",
    "python tuple": "('tench', 'goldfish')\n",
    "python, one line": "classes = ['tench', 'goldfish']\n",
    "python module": "import os\nCLASSES = ('tench', 'goldfish')\n",
    "javascript": "export const names = [\n  'tench',\n];\n",
    "toml": 'names = ["tench", "goldfish"]\n',
    "toml section": '[classes]\n0 = "tench"\n1 = "goldfish"\n',
    "ini section": "[names]\ntench\ngoldfish\n",
    "protobuf": "item {\n  id: 1\n  name: 'tench'\n}\n",
    "html list": "<ul>\n<li>tench</li>\n<li>goldfish</li>\n</ul>\n",
    "markdown table": "| tench |\n|-------|\n| goldfish |\n",
    "restructured text": "Fishes\n======\ntench\n",
    "csv of three columns": "class_id, class_name, n\n1, tench, 4\n2, goldfish, 5\n",
    "csv of breeds": "breed,group\nbeagle,hound\n",
    "csv of one column, another": "Species\nTinca tinca\n",
    "csv with one quoted name": 'tench,"a fish, large"\ngoldfish,small\n',
    "camel case": "ClassId\tSignName\n0\tSpeed limit\n",
    "tsv of descriptions": "label\tdescription\ntench\ta fish\n",
    "tsv, half in quotes": "n01\t'tench'\nn02\t'goldfish'\n",
    "tsv of shuffled indices": "tench\t1\ngoldfish\t0\n",
    "counted, two": "0 tench\n1 goldfish\n",
    "counted, padded": "001 tench\n002 goldfish\n",
    "counted with gaps, as COCO": "1 person\n2 bicycle\n4 motorcycle\n",
    "counted, shuffled": "2 tench\n1 goldfish\n3 carp\n",
    "lettered": "a) tench\nb) goldfish\n",
    "roman": "i. tench\nii. goldfish\niii. carp\n",
    "with a hash": "#1 tench\n#2 goldfish\n",
    "with No.": "No. 1 tench\nNo. 2 goldfish\n",
    "index behind": "/a/airfield 0\n/a/alley 1\n",
    "index behind a colon": "great white shark: 0\ntiger shark: 1\n",
    "index behind a comma": "great white shark, 0\ntiger shark, 1\n",
    "synsets": "n01440764 tench, Tinca tinca\nn01443537 goldfish\n",
    "padded ids": "fish_001 tench\nfish_002 goldfish\n",
    "count first": "2\ntench\ngoldfish\n",
    "one key": "label: tench\nlabel: goldfish\n",
    "semicolons at the end": "tench;\ngoldfish;\n",
    "one line": "tench, goldfish, carp, great white shark\n",
    "one line of bars": "tench|goldfish\n",
    "printers' quotes": "\u201ctench\u201d\n\u201cgoldfish\u201d\n",
    "backticks": "`tench`\n`goldfish`\n",
    "image list": "tench/1.jpg\ntench/2.JPEG\n",
    "image list with labels": "tench/1.jpg 0\ngoldfish/2.jpg 1\n",
    "nul": "tench\x00\ngoldfish\n",
    "utf-16 read as utf-8": "t\x00e\x00n\x00c\x00h\x00\n",
}


@pytest.mark.parametrize("text", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_what_is_no_list_of_names_is_refused_in_one_sentence(text: str) -> None:
    for written in (text, text.replace("\n", "\r\n"), "\ufeff" + text, "\n" + text):
        with pytest.raises(InputError, match=r"--classes classes\.txt") as told:
            parse_classes(written, "--classes classes.txt")
        assert "\n" not in str(told.value)
        assert "write one class name a line" in str(told.value)


LISTS = ('["tench", "gold, fish"]', "['tench', \"gold, fish\",]\n", '[\n "tench",\n "gold, fish"]')


@pytest.mark.parametrize("text", LISTS)
def test_a_list_of_names_is_read_as_one(text: str) -> None:
    assert parse_classes(text, "f") == ClassNames.plain(["tench", "gold, fish"])


NAMES = {
    "synonyms": "tench, Tinca tinca\ngoldfish, Carassius auratus\ngreat white shark, man-eater\n",
    "places": "Paris, France\nRome, Italy\n",
    "cars": "2012 Acura RL Sedan\n2012 Acura TL Sedan\n1991 Volvo 240 Sedan\n",
    "digits": "0\n1\n2\n",
    "coins": "1 euro\n2 euro\n",
    "coins, three": "1 cent\n2 cent\n3 cent\n",
    "numbers inside": "3.5 inch disk\n7.62 mm round\n",
    "quotes inside": "'n sync\nDolly's sheep\n\"Weird Al\" Yankovic\n",
    "brackets": "(unknown)\ncat (pet)\n[other]\n",
    "hash tags": "#selfie\n#food\n",
    "tokens": "<unk>\ncat\n",
    "another one": "[other]\ncat\n",
    "smiles": "joy :)\nsad :(\n",
    "ratios": "4:3\n16:9\n",
    "years behind": "Acura RL Sedan 2012\nAudi 100 Sedan 1994\n",
    "levels": "level 1\nlevel 2\nlevel 3\n",
    "people": "0 people\n1 person\n2 people\n",
    "aircraft": "707-320\nA300B4\nF-16 Fighting Falcon\nBoeing 717\n",
    "parts of pages": "text\ntitle\nfigure\n",
    "species": "E. coli\nS. aureus\n",
    "films": "12 Monkeys\n7 Samurai\n",
    "folders": "a/abbey\na/airplane_cabin\n",
    "synonyms of one": "great white shark, white shark\n",
    "languages": "C\nC++\nC#\nF#\n",
    "dashes": "-\n--\nT-shirt\n",
    "one word": "cat\n",
    "colons": "Star Wars: A New Hope\nAlien\n",
    "plants": "Apple___Apple_scab\nApple___Black_rot\n",
    "diseases of one plant": "apple: scab\napple: rot\n",
    "a header's word inside": "bottle\nlabel\nnumber\n",
    "a header's word": "number\nbottle\n",
    "ids": "n01\ttench\tTinca tinca|doctor fish\nn02\tgoldfish\n",
    "ids of digits": "0\ttench\n1\tgoldfish\n",
    "ids and strange names": "a\t1. tench\nb\t2. goldfish\n",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES.keys())
def test_names_that_look_a_little_like_it_stay(text: str) -> None:
    lines = text.splitlines()
    assert parse_classes(text, "f").ids == tuple(line.split("\t")[0] for line in lines)
    assert parse_classes(text, "f").names == tuple(
        line.split("\t")[-1 if line.count("\t") < 2 else 1] for line in lines
    )
