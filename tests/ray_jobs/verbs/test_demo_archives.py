"""What the demo draws and shows: an edition's birds and scenes, once a folder; which methods."""

import json
from pathlib import Path

import pytest

from fieldguide.editions import drawn_world
from methods.errors import InputError
from ray_jobs.config import DemoConfig
from ray_jobs.pipelines.registry import load
from ray_jobs.verbs.demo import draw_once, shown_methods


def settings(out: Path, edition: str) -> DemoConfig:
    return DemoConfig(out=str(out), count=3, seed=5, edition=edition)


@pytest.mark.parametrize("edition", ["1", "2"])
def test_archives_are_of_the_edition(tmp_path: Path, edition: str) -> None:
    draw_once(tmp_path / "demo", settings(tmp_path / "demo", edition))
    world = drawn_world(edition)
    for folder, names in (("archive", world.species), ("scenes", world.categories)):
        classes = (tmp_path / "demo" / folder / "classes.txt").read_text("utf-8").splitlines()
        assert classes == list(names)


def test_a_folder_keeps_its_edition(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    draw_once(out, settings(out, "2"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    draw_once(out, settings(out, "2"))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")} == before
    with pytest.raises(InputError, match="other settings"):
        draw_once(out, settings(out, "1"))


def test_a_folder_from_before_there_were_editions_is_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    draw_once(out, settings(out, "1"))
    (out / "demo.json").write_text(json.dumps({"count": 3, "seed": 5}), "utf-8")
    draw_once(out, settings(out, "1"))
    with pytest.raises(InputError, match="other settings"):
        draw_once(out, settings(out, "2"))


def test_methods_are_shown_in_the_registry_s_order() -> None:
    everything = [method.name for method in shown_methods(None)]
    assert [method.name for method in shown_methods(["near", "slac"])] == ["slac", "near"]
    assert {"slac", "near", "data_free"} < set(everything)
    with pytest.raises(InputError, match=r"no such method \(did you mean slac\?\); it shows zero"):
        shown_methods(["near", "slca"])


def test_settings_of_the_demo_are_settings_of_what_they_are_given_to() -> None:
    for method in shown_methods(None):
        kind = load(method.fit_settings if method.takes_fit else method.label_settings)
        given = {"images": "a", "classes": "b", "out": "c", **(method.demo or {})}
        fields = kind.model_fields
        assert set(method.demo or {}) <= set(fields), method.name
        kind(**{name: value for name, value in given.items() if name in fields})
