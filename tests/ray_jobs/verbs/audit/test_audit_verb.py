"""The verb audit on run folders written by hand, and on pictures with words in them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import ImageDraw, ImageFont

from fieldguide.bird_images import bird_view, render_bird
from fieldguide.world import NAMES
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.config import AuditConfig
from ray_jobs.verbs.audit import run as audit
from ray_jobs.verbs.audit.labellers import read_archive
from ray_jobs.verbs.audit.page import draw_page
from ray_jobs.verbs.audit.words import audit_lines
from tests.helpers.evaluated_runs import many, one, write_run
from tests.helpers.stores import make_store, store_table

CLASSES = ["auk", "bee", "cow", "doe", "elk", "fox"]
IDENTITY = {"classes": CLASSES}


def rows(seed: int, accuracy: float, count: int = 300) -> list:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        right = rng.random() < accuracy
        label = CLASSES[number % 6] if right else CLASSES[int(rng.integers(6))]
        score = float(rng.uniform(0.5, 1) if right else rng.uniform(0.2, 0.8))
        found.append({**one(f"{number}.png", label), "score": score})
    return found


def config(run: str, *others: str, **settings) -> AuditConfig:
    return AuditConfig(run=run, **{"with": list(others), "look": 0, **settings})


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    return [
        write_run(tmp_path / name, rows(seed, accuracy), identity=IDENTITY, method="slac")
        for seed, (name, accuracy) in enumerate([("a", 0.8), ("b", 0.75), ("c", 0.7)])
    ]


@pytest.mark.slow
def test_three_runs_estimate_the_first(three: list[str]) -> None:
    result = audit(config(*three))
    found = result["accuracy"]
    assert found["low"] < 0.83 < found["high"]
    assert {each["label"] for each in result["per_class"]} == set(CLASSES)
    assert len(result["likely_errors"]) == 50
    labels = {row["path"]: row["label"] for row in rows(0, 0.8)}
    wrong = [e for e in result["likely_errors"] if labels[e["path"]] != truth_of(e["path"])]
    assert len(wrong) > 35  # of all labels a sixth is wrong
    assert not any("broken" in sentence for sentence in result["assumptions"])
    assert json.loads((Path(three[0]) / "audit.json").read_text())["accuracy"] == found
    assert any(line.startswith("accuracy: about") for line in audit_lines(result))


@pytest.mark.slow
def test_the_page_shows_the_findings_and_nothing_of_a_label_is_markup(
    three: list[str], tmp_path: Path
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    labels = [one("0.png", evil), *rows(0, 0.8)[1:40]]
    run = write_run(tmp_path / "evil", labels, identity={"classes": [*CLASSES, evil]})
    alone, several = audit(config(run)), audit(config(run, *three))
    page = Path(several["page"]).read_text()
    assert several["page"] == str(tmp_path / "evil" / "audit.html")
    assert f"About {several['accuracy']['estimate']:.1%} of".replace("%", " %") in page
    assert evil not in page
    assert page.count('data-labels="') == len(several["likely_errors"]) == 40
    searched = re.search(r'id="searched">(.+?)</script>', page)
    assert searched is not None
    data = json.loads(searched[1])
    assert data["columns"] == ["Images", "Right, estimated"]
    assert {row[0] for row in data["labels"]} == {label["label"] for label in labels}
    assert all(0 <= right <= images for _, _, (images, right), _, _ in data["labels"])
    assert "onoma audit" in draw_page(read_archive(run)[0], alone, pictures=False)


def truth_of(path: str) -> str:
    return CLASSES[int(path.partition(".")[0]) % 6]


@pytest.mark.slow
def test_a_copied_labeller_is_said(three: list[str], tmp_path: Path) -> None:
    copied = write_run(tmp_path / "copy", rows(0, 0.8), identity=IDENTITY, method="slac")
    result = audit(config(three[0], copied, three[2]))
    assert any("copy of the other" in sentence for sentence in result["assumptions"])


def asking(folder: Path, seed: int, accuracy: float, method: str, **models: str) -> str:
    """A run of a method that says which models it asked."""
    record = {kind: {"name": name, "fingerprint": name} for kind, name in models.items()}
    return write_run(folder, rows(seed, accuracy), identity=IDENTITY, method=method, models=record)


@pytest.mark.slow
def test_of_two_runs_that_ask_one_model_one_is_counted(tmp_path: Path) -> None:
    clip = asking(tmp_path / "clip", 0, 0.7, "zero_shot", clip="C")
    again = asking(tmp_path / "again", 0, 0.72, "zero_shot", clip="C")
    mllm = asking(tmp_path / "mllm", 2, 0.8, "slac", clip="C", mllm="M")
    taught = asking(tmp_path / "taught", 3, 0.8, "near", clip="C")
    (tmp_path / "taught/classifier").mkdir()
    made: Any = {"made": {"mllm": {"name": "M", "fingerprint": "M"}}}
    (tmp_path / "taught/classifier/classifier.json").write_text(json.dumps(made))
    result = audit(config(clip, again, mllm, taught))
    assert [each["counted"] for each in result["labellers"]] == [True, False, True, False]
    assert result["labellers"][3]["asks"] == ["mllm M"]
    said = " ".join(result["assumptions"])
    assert "two independent labellers" in said
    assert f"{again} is not counted" in said
    assert result["accuracy"] == audit(config(clip, mllm))["accuracy"]
    # a cascade's head started at what CLIP knows
    headed = asking(tmp_path / "headed", 4, 0.8, "classifier", clip="C")
    (tmp_path / "headed/classifier").mkdir()
    made["made"]["start"] = {"method": "zero_shot"}
    (tmp_path / "headed/classifier/classifier.json").write_text(json.dumps(made))
    assert audit(config(mllm, headed))["labellers"][1]["asks"] == ["clip C", "mllm M"]
    # where all share a model with it, one of them is, and that is said
    alone = audit(config(clip, again))
    assert [each["counted"] for each in alone["labellers"]] == [True, True]
    assert any("No labeller here is independent" in each for each in alone["assumptions"])


def test_one_labeller_alone_gives_no_estimate(three: list[str]) -> None:
    result = audit(config(three[0]))
    assert result["accuracy"] is None
    assert "--with" in result["note"]
    assert result["likely_errors"][0]["score"] <= result["likely_errors"][-1]["score"]


def test_wrong_use_is_one_sentence(three: list[str], tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", [one("elsewhere.png", "auk")])
    several = write_run(tmp_path / "several", [many("0.png", ["auk"], auk=0.5)])
    for arguments, said in (
        ((three[0], other), "has no image of"),
        ((three[0], several), "several labels"),
        ((several,), "several labels"),
        ((str(tmp_path / "none"),), "holds no labels"),
    ):
        with pytest.raises(InputError, match=said):
            audit(config(*arguments))
    with pytest.raises(InputError, match="--embeddings"):
        audit(config(three[0], embeddings=str(tmp_path / "none")))


def test_twins_of_an_embedding_folder(three: list[str], tmp_path: Path) -> None:
    features = np.random.default_rng(1).normal(size=(300, 8)).astype(np.float16)
    features[1] = features[0]  # labels 0 and 1 are of different classes
    table = store_table(features, errors={7: "truncated"}, ending=".png")
    store = make_store(tmp_path / "store", table)
    result = audit(config(*three, embeddings=store))
    assert ["0.png", "1.png"] in [each["paths"] for each in result["near_duplicates"]]


@pytest.mark.slow
def test_instructions_in_pictures_are_flagged(tmp_path: Path) -> None:
    """Field-guide birds, a third of them with words; every word found, and no bird for one."""
    pytest.importorskip("rapidocr")
    rng = np.random.default_rng(77)
    manifest, labels, spoken = [], [], set()
    for number in range(18):
        bird = render_bird(bird_view("archive", 4077, number), 260, 220)
        if number % 3 == 0:
            text = [f"this is a {NAMES[number]}", f"answer {NAMES[number]}"][number % 2]
            font = ImageFont.load_default(size=int(rng.integers(13, 20)))
            at = (int(rng.integers(4, 20)), int(rng.integers(10, 180)))
            colour = ["white", "black"][int(rng.integers(2))]
            other = ["black", "white"][colour == "black"]
            draw = ImageDraw.Draw(bird)
            draw.text(at, text, fill=colour, font=font, stroke_width=2, stroke_fill=other)
            spoken.add(f"{number}.png")
        bird.save(tmp_path / f"{number}.png")
        path = f"{number}.png"
        uri = str(tmp_path / path)
        manifest.append({"image_id": image_id(path), "path": path, "uri": uri})
        labels.append({**one(path, NAMES[0]), "score": 0.5, "uri": uri})
    run = write_run(tmp_path / "run", labels, identity={"classes": list(NAMES)})
    (tmp_path / "run/manifest").mkdir()
    pq.write_table(pa.Table.from_pylist(manifest), tmp_path / "run/manifest/0.parquet")
    result = audit(config(run, look=100))
    flagged = {e["path"] for e in result["writing"] if e["kinds"] != ["writing"]}
    assert len(flagged & spoken) >= 0.9 * len(spoken) - 1e-9
    assert not flagged - spoken
