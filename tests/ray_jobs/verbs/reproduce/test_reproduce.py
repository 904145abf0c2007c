"""`onoma reproduce`: commands, forecasts and tables of papers, over data sets in their layouts."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli import DONE, WRONG_USAGE, _find, execute
from ray_jobs.commands import COMMANDS
from ray_jobs.config.base import parse
from ray_jobs.config.published import PUBLISHED
from ray_jobs.verbs.reproduce.papers import PAPERS
from ray_jobs.verbs.reproduce.rows import MEAN
from tests.helpers import dataset_folders as layouts

COOP = [
    ("caltech-101", "split_zhou_Caltech101.json", "101_ObjectCategories/",
     [("Faces/image_0001.jpg", 0, "face"), ("ibis/image_0001.jpg", 1, "ibis")]),
    ("oxford_pets", "split_zhou_OxfordPets.json", "images/",
     [("Abyssinian_1.jpg", 0, "abyssinian"), ("leonberger_2.jpg", 1, "leonberger")]),
    ("stanford_cars", "split_zhou_StanfordCars.json", "",
     [("cars_test/00001.jpg", 0, "2000 AM General Hummer SUV"),
      ("cars_test/00002.jpg", 1, "2012 FIAT 500 Abarth")]),
    ("oxford_flowers", "split_zhou_OxfordFlowers.json", "jpg/",
     [("image_00001.jpg", 0, "pink primrose"), ("image_00002.jpg", 1, "wild pansy")]),
    ("food-101", "split_zhou_Food101.json", "images/",
     [("apple_pie/1.jpg", 0, "apple_pie"), ("guacamole/2.jpg", 1, "guacamole")]),
    ("sun397", "split_zhou_SUN397.json", "SUN397/",
     [("a/abbey/sun_a.jpg", 0, "abbey"),
      ("i/ice_skating_rink/outdoor/sun_b.jpg", 1, "outdoor ice_skating_rink")]),
    ("dtd", "split_zhou_DescribableTextures.json", "images/",
     [("banded/banded_0002.jpg", 0, "banded"), ("matted/matted_0001.jpg", 1, "matted")]),
    ("eurosat", "split_zhou_EuroSAT.json", "2750/",
     [("AnnualCrop/AnnualCrop_1.jpg", 0, "Annual Crop Land"),
      ("Pasture/Pasture_1.jpg", 1, "Pasture Land")]),
    ("ucf101", "split_zhou_UCF101.json", "UCF-101-midframes/",
     [("Apply_Eye_Makeup/v_1.jpg", 0, "Apply_Eye_Makeup"), ("Lunges/v_2.jpg", 1, "Lunges")]),
]  # fmt: skip
"""Nine of the eleven, by the folders that CoOp gives them; ImageNet and Aircraft have no split."""


@pytest.fixture(scope="module")
def eleven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eleven data sets of TLAC's table, an image or two each, side by side as CoOp has them."""
    root = tmp_path_factory.mktemp("data")
    layouts.imagenet(root / "imagenet")
    layouts.aircraft(root / "fgvc_aircraft")
    for folder, file, below, items in COOP:
        layouts.coop(root / folder, file, below, items)
    return root


def reproduced(*words: str) -> dict[str, Any]:
    """What ``--json`` prints."""
    out = io.StringIO()
    assert execute(["reproduce", *words, "--json"], out) == DONE
    return dict(json.loads(out.getvalue()))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert execute(["reproduce", *words], io.StringIO()) == WRONG_USAGE
    return capsys.readouterr().err


def test_a_dry_run_of_tlac_is_its_commands_and_its_table(eleven: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    words = ["--root", str(eleven), "--out", str(out), "--clip", "ViT-B-16/openai"]
    found = reproduced("tlac", *words, "--dry-run", "--mllm", "Qwen/Qwen2.5-VL-7B-Instruct")
    assert not out.exists(), "nothing is written"
    datasets = PAPERS["tlac"].datasets
    assert len(datasets) == 11
    assert found["columns"][:13] == ["method", "metric", *(f"{n} novel" for n in datasets)]
    assert found["columns"][13:15] == ["mean novel", "paper, mean of 11"]
    assert [(row["method"], row["paper, mean of 11"]) for row in found["rows"]] == [
        ("CLIP", "74.22"),
        ("CuPL", "not in it"),
        ("SLAC", "78.69"),
        ("SLAC, class names alone", "not in it"),
        ("TLAC", "83.44"),
        ("TLAC, class names alone", "not in it"),
    ]
    assert len(found["commands"]) == 11 * (1 + 6 * 2 + 1)
    cupl = [c for c in found["commands"] if "cupl" in c and "/dtd-novel/" in c]
    assert "--class-parts descriptions" in cupl[0]
    assert cupl[1].startswith("onoma label ")
    assert f"--classifier {out}/runs/dtd-novel/cupl-seed0-fit" in cupl[1]
    alone = next(c for c in found["commands"] if "--matching names_alone" in c)
    assert "--no-upstream-compat" in alone
    tlac = next(c for c in found["commands"] if "label tlac" in c and "oxford_pets" in c)
    data = f"{out}/data/oxford_pets-novel"
    for part in (
        f"--images {data}/images.txt",
        f"--classes {data}/classes.txt",
        f"--recognise-prompt {data}/prompts/recognise.txt",
        "--choices none",
        "--precision fp32",
        "--mllm Qwen/Qwen2.5-VL-7B-Instruct",
    ):
        assert part in tlac
    runs = found["forecast"]["runs"]
    images = sum(run["images"] for run in runs if run["row"] == "TLAC")
    assert images > 11
    texts = sum(run["mllm_calls"] for run in runs if run["verb"] == "fit what_do_you_see")
    assert texts % 50 == 0
    assert found["forecast"]["total"] == {"mllm_calls": 6 * images + texts}


def test_some_rows_of_a_table_are_chosen_by_title(
    eleven: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--root", str(eleven), "--dry-run", "--datasets", "dtd"]
    found = reproduced("tlac_training_free", *words, "--rows", "CuPL", "--rows", "slac")
    assert [(row["method"], row["paper, mean of 13"]) for row in found["rows"]] == [
        ("CuPL", "75.2"),
        ("SLAC", "79.4"),
    ]
    assert len(found["commands"]) == 1 + 3 + 2
    assert "did you mean" in refused(capsys, "slac", *words, "--rows", "SLAK")


@pytest.mark.slow
def test_every_command_of_a_dry_run_can_be_typed(eleven: Path, tmp_path: Path) -> None:
    found = reproduced("tlac", "--root", str(eleven), "--out", str(tmp_path), "--dry-run")
    for command in found["commands"]:
        words = shlex.split(command)[1:]
        name, rest = _find(words)
        kind = COMMANDS[name].config
        if COMMANDS[name].positional:
            rest = [f"--{COMMANDS[name].positional}", *rest]
        assert parse(kind, rest, "onoma")


def test_a_person_reads_the_dry_run(eleven: Path) -> None:
    out = io.StringIO()
    words = ["reproduce", "slac", "--root", str(eleven), "--dry-run", "--datasets", "dtd"]
    words += ["--rows", "CLIP", "--rows", "SLAC"]
    assert execute(words, out) == DONE
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("SLAC and TLAC")
    assert any(line.startswith("onoma dataset dtd --root") for line in lines)
    assert "forecast of all: 1 MLLM calls at most" in lines
    assert lines[-1].startswith("| SLAC | accuracy | \u2013 | 78.69 |")


def test_wrong_use_is_one_sentence(
    eleven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean tlac?" in refused(capsys, "tlak", "--root", str(eleven))
    said = refused(capsys, "tlac", "--root", str(tmp_path), "--dry-run")
    assert "11 of the 11 data sets of tlac cannot be read" in said
    assert said.count("\n") == 1
    root = str(eleven)
    assert "--datasets cub200" in refused(capsys, "tlac", "--root", root, "--datasets", "cub200")
    assert "no data set 'x'" in refused(capsys, "tlac", "--root", root, "--datasets", "x")
    assert "--choices" in refused(capsys, "tlac", "--root", root, "--more", "choices=odd")


@pytest.mark.parametrize("name", PAPERS)
def test_published_figures_belong_to_data_sets_of_the_table(name: str) -> None:
    paper = PAPERS[name]
    for row in paper.rows:
        assert set(row.figures) <= {*paper.datasets, MEAN}
        assert row.label in COMMANDS
        assert not row.fit or row.fit in COMMANDS
    assert set(paper.of) <= set(paper.datasets)


def test_near_learns_from_three_images_a_class(tmp_path: Path) -> None:
    layouts.dogs(tmp_path / "stanford_dogs")
    words = ["--root", str(tmp_path), "--datasets", "stanford_dogs", "--dry-run", "--seeds", "2"]
    found = reproduced("near", *words)
    lists = [c for c in found["commands"] if c.startswith("onoma dataset")]
    assert [("--split train" in c, "--per-class 3" in c) for c in lists] == [
        (False, False),
        (True, True),
    ]
    fits = [c for c in found["commands"] if c.startswith("onoma fit near")]
    assert [c.count("--seed 1") for c in fits] == [0, 1]
    assert all("--category dog --unit breed" in c for c in fits)
    told = {row["method"]: row["paper"] for row in found["rows"]}
    assert told["NeaR"] == told["MLLM on every image"] == "unknown"
    assert told["k-means of CLIP's features"] == "not in it"
    assert [row["metric"] for row in found["rows"]] == ["cACC", "sACC"] * len(told)
    clusters = next(c for c in found["commands"] if c.startswith("onoma label clusters"))
    assert f"--clusters {len(layouts.DOGS)}" in clusters
    assert "--classes" not in clusters


def test_autosep_is_counted_as_its_published_search(tmp_path: Path) -> None:
    """The published loop asks 30,993 times on 90 images, labels not counted."""
    from ray_jobs.verbs.reproduce.calls import calls_at_most
    from ray_jobs.verbs.reproduce.steps import PaperStep

    settings = {
        "images": "x", "out": "y", "sample": 90, "minibatch": 50, "paraphrases": 1,
        "max_children": 5,
    }  # fmt: skip
    assert calls_at_most(PaperStep("fit autosep", settings, images=90)) == 30_993
    spo = {**settings, "objective": "spo", "rounds": 10, "minibatch": 7}
    assert calls_at_most(PaperStep("fit autosep", spo, images=90)) == 10 * (2 + 3 * 7)


def test_data_free_learns_of_names_and_is_measured_by_map(tmp_path: Path) -> None:
    layouts.voc(tmp_path)
    words = ["--root", str(tmp_path), "--datasets", "voc2007", "--dry-run"]
    found = reproduced("data_free", *words)
    assert [row["metric"] for row in found["rows"]] == ["mAP"] * 3
    labels = [c for c in found["commands"] if c.startswith("onoma label --")]
    assert all(" --classifier " in command for command in labels)
    assert len(labels) == 3
    assert found["forecast"]["total"]["mllm_calls"] == 20 * 50


def test_autosep_s_rows_ask_in_the_published_form() -> None:
    """Nothing published is replaced by what a data set has in our words."""
    published = {row.name for row in PUBLISHED["autosep"]}
    assert {"classify_prompt", "vanilla_prompt", "compare_prompt", "reading"} <= published
    for row in PAPERS["autosep"].rows:
        assert not published & {*row.settings, *row.fit_settings}, row.title
