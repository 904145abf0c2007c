"""A cascade whose archive grows: who is asked about of what is new, within the budget of all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors import storage
from actors.storage.tables import write_table
from methods.cascade.choosing import at_random
from methods.cascade.uncertainty import TEMPERATURES
from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.passes.label_job import tables_of
from ray_jobs.pipelines.cascade.choosing import choose_asked, decided
from ray_jobs.pipelines.cascade.inputs import CascadeInputs, resolve_inputs
from ray_jobs.pipelines.cascade.labelling import CASCADE, passes
from ray_jobs.pipelines.cascade.scored import SCORES, asked_ids
from ray_jobs.pipelines.cascade.spending import ASK
from ray_jobs.runs.folder import RECORD, RunFolder, open_run
from ray_jobs.runs.growth import RunTables, update
from ray_jobs.runs.ledger import image_ids_of
from ray_jobs.runs.manifest import write_manifest
from ray_jobs.runs.stage_tables import stage_table

TABLES = RunTables((SCORES, ASK), (), {ASK: ["choose"]}, "label")


class Growing:
    """A cascade of three classes; an image's name says how far ahead its best class is."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.images, self.out = folder / "images", folder / "run"
        self.images.mkdir()
        self.leads: dict[int, int] = {}
        classes = folder / "classes.txt"
        classes.write_text("wren\nrobin\nowl\n")
        self.config = LabelCascadeConfig(
            images=str(self.images),
            out=str(self.out),
            classes=str(classes),
            choices=2,
            **({"learn": False} | settings),
        )
        self.inputs: CascadeInputs = resolve_inputs(self.config)
        self.add(range(10))
        self.run = open_run(str(self.out), {"method": "cascade"}, {})
        listed = write_manifest(str(self.images), self.run.manifest)
        self.run.save(manifest=asdict(listed), images=listed.images)

    def add(self, leads: Any) -> None:
        for lead in leads:
            (self.images / f"{lead:02}.jpg").touch()

    def go_on(self, leads: Any) -> None:
        """What a finished run does with ``--update``, up to the choice."""
        self.add(leads)
        update(self.run, str(self.images), TABLES)

    def choose(self) -> list[int]:
        """Score what has no scores, and choose; the leads of all images asked about."""
        known = set(image_ids_of(stage_table(self.run, SCORES)).tolist())
        self.leads |= {image_id(path.name): int(path.stem) for path in self.images.iterdir()}
        self.write({i: lead for i, lead in self.leads.items() if i not in known})
        choose_asked(SimpleNamespace(run=self.run), self.config, self.inputs)
        return sorted(self.leads[image] for image in asked_ids(self.run, ASK).tolist())

    def label(self) -> None:
        """Every image that has scores gets its row."""
        done = image_ids_of(self.run.labels)
        ids = np.setdiff1d(image_ids_of(stage_table(self.run, SCORES)), done)
        path = storage.join(self.run.labels, f"{len(done)}.parquet")
        write_table(path, pa.table({"image_id": ids}))

    def write(self, leads: dict[int, int]) -> None:
        """A file of scores: softmax of the best class's lead and two zeros."""
        if not leads:
            return
        logits = np.array([[lead / 4, 0.0, 0.0] for lead in leads.values()])
        sums = np.stack([np.log(np.exp(logits / t).sum(axis=1)) for t in TEMPERATURES], axis=1)
        floats = pa.list_(pa.float32())
        columns = {
            "image_id": pa.array(list(leads), pa.int64()),
            "top": pa.array([[0, 1]] * len(leads), pa.list_(pa.int32())),
            "top_logits": pa.array(logits[:, :2].tolist(), floats),
            "log_sums": pa.array(sums.tolist(), floats),
            "error": pa.nulls(len(leads), pa.string()),
        }
        folder = stage_table(self.run, SCORES)
        write_table(storage.join(folder, f"{min(leads)}.parquet"), pa.table(columns))


def test_the_share_is_of_all_images_and_labels_that_are_there_stay(tmp_path: Path) -> None:
    growing = Growing(tmp_path, budget="30%")
    assert growing.choose() == [0, 1, 2]
    growing.label()
    assert growing.choose() == [0, 1, 2], "it is decided"
    growing.go_on(range(10, 16))  # all are less doubtful than 03.jpg, which has its label
    assert growing.choose() == [0, 1, 2, 10], "30 % of 16 are 4"
    growing.run = RunFolder(growing.run.uri, json.loads((growing.out / RECORD).read_text()))
    assert growing.choose() == [0, 1, 2, 10], "a job that died asks about the same"
    assert decided(growing.run)["images_asked"] == decided(growing.run)[ASK] == 4
    growing.label()
    growing.go_on(range(16, 17))
    assert growing.choose() == [0, 1, 2, 10, 16], "30 % of 17 are 5"


def test_calls_that_are_spent_are_spent(tmp_path: Path) -> None:
    growing = Growing(tmp_path, budget="4")
    assert growing.choose() == [0, 1, 2, 3]
    growing.label()
    growing.go_on(range(10, 30))
    assert growing.choose() == [0, 1, 2, 3]
    assert growing.run.record["images"] == 30


def test_a_run_that_had_not_labelled_yet_chooses_among_all(tmp_path: Path) -> None:
    growing = Growing(tmp_path, budget="20%")
    assert growing.choose() == [0, 1]
    growing.go_on(range(10, 20))
    assert growing.choose() == [0, 1, 2, 3]


def test_below_a_threshold_all_that_is_new_is_asked_about(tmp_path: Path) -> None:
    growing = Growing(tmp_path, threshold=0.5)
    few = growing.choose()
    assert few == list(range(len(few)))
    assert 0 < len(few) < 10
    growing.label()
    growing.add(range(10, 12))
    (growing.images / "00.jpg").rename(growing.images / "0.jpg")
    growing.go_on([])
    assert growing.choose() == [0, *few], "0.jpg is new; 00.jpg is gone, and its row stays"


def test_who_is_asked_at_random_has_nothing_to_do_with_scores(tmp_path: Path) -> None:
    growing = Growing(tmp_path, budget="40%", learn=True)
    first = growing.choose()
    assert len(first) == 4
    ids = {lead: at_random(np.array([image]), 0)[0] for image, lead in growing.leads.items()}
    assert first == sorted(sorted(ids, key=ids.__getitem__)[-4:])
    assert first != [0, 1, 2, 3]
    growing.label()
    growing.go_on(range(10, 30))
    more = growing.choose()
    assert len(more) == 12
    assert set(first) < set(more)
    assert {lead for lead in more if lead < 10} == set(first), "labels that are there stay"


def test_hours_need_a_forecast_when_a_run_goes_on(tmp_path: Path) -> None:
    growing = Growing(tmp_path, budget="2h")
    growing.run.save(cascade={ASK: 3})
    assert passes(growing.config, growing.inputs)
    on = growing.config.model_copy(update={"update": True})
    with pytest.raises(InputError, match=r"--budget 2h: .* onoma plan cascade"):
        passes(on, growing.inputs)


def test_tables_of_a_cascade_know_what_goes_on(tmp_path: Path) -> None:
    growing = Growing(tmp_path, pilot=3, budget="40%")
    tables = tables_of(CASCADE, passes(growing.config, growing.inputs))
    assert tables == RunTables(
        (SCORES, "pilot", ASK), (), {"pilot": ["choose"], ASK: ["choose"]}, "label"
    )
