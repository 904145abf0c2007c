"""The list of data sets, and the page that is made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from methods.errors import InputError
from methods.prompt_templates import parse_templates
from ray_jobs.datasets.listing import markdown_table
from ray_jobs.datasets.registry import DATASETS, find_dataset

ROOT = Path(__file__).parents[3]

TEST_IMAGES = {
    "caltech101": 2465, "oxford_pets": 3669, "stanford_cars": 8041, "oxford_flowers": 2463,
    "food101": 30300, "sun397": 19850, "dtd": 1692, "eurosat": 8100, "ucf101": 3783,
}  # fmt: skip
"""Of CoOp's splits."""


def test_words_for_a_data_set_are_its_own() -> None:
    keys = [{re.sub("[^a-z0-9]", "", word.lower()) for word in (each.name, *each.aliases)}
            for each in DATASETS.values()]  # fmt: skip
    words = [key for own in keys for key in own]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("word", "name"),
    [("Caltech-101", "caltech101"), ("OxfordPets", "oxford_pets"), ("CUB_200_2011", "cub200"),
     ("VOC2007", "voc2007"), ("imagenet-sketch", "imagenet_sketch"), ("NUS-WIDE", "nus_wide"),
     ("OxfordFlowers", "oxford_flowers"), ("FGVCAircraft", "fgvc_aircraft"),
     ("SUN397", "sun397"), ("imagenet-rendition", "imagenet_r"), ("CUB_cuckoo", "cuckoo")],
)  # fmt: skip
def test_papers_words_are_found(word: str, name: str) -> None:
    assert find_dataset(word).name == name


def test_a_word_that_is_none() -> None:
    with pytest.raises(InputError, match=r"did you mean food101\?"):
        find_dataset("food10")


def test_golden_numbers_fit_each_other() -> None:
    for each in DATASETS.values():
        assert each.splits[0]
        for counts in each.golden.values():
            assert set(counts) <= set(each.splits)
        if each.halves:
            whole = each.golden.get("coop") or each.golden["official"]
            assert sum(each.halves.values()) == whole["test"]
    for name, count in TEST_IMAGES.items():
        assert DATASETS[name].golden["coop"]["test"] == count
    assert len([each for each in DATASETS.values() if each.base_novel]) == 11


def test_templates_are_templates() -> None:
    for each in DATASETS.values():
        parse_templates(each.template, each.name)


def test_tlacs_fifteen_sets_have_thirteen_questions() -> None:
    asked = [each.recognise for each in DATASETS.values() if each.recognise]
    assert (len(asked), len(set(asked))) == (15, 13)


def test_the_page_has_the_registrys_table() -> None:
    page = (ROOT / "docs" / "datasets.md").read_text("utf-8")
    assert markdown_table() in page, "print(markdown_table()) says what should be there"
