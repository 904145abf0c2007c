"""`onoma table` over hand-made runs: figures, means, seeds, tests, costs, and wrong use."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.verbs.evaluate import evaluate_run
from tests.helpers.evaluated_runs import many, one, write_run

COST = {
    "mllm_calls": 40,
    "answers_reused": 0,
    "prompt_tokens": 2_000_000,
    "output_tokens": 500_000,
    "seconds": 10.0,
    "images_per_second": 2.0,
}


def evaluated(
    folder: Path, archive: str, right: int, images: int = 10, method: str = "tlac", **config: Any
) -> str:
    """A run over an archive of owls of which so many are named rightly, evaluated."""
    rows = [one(f"{archive}-{i}.png", "owl" if i < right else "wren") for i in range(images)]
    out = folder / f"{method}-{len(list(folder.iterdir()))}"
    settings = {"images": f"/data/{archive}/images.txt", "seed": 0, **config}
    run = write_run(out, rows, config=settings, method=method, **COST)
    truth = folder / f"{archive.replace('/', '-')}.csv"
    truth.write_text("path,label\n" + "".join(f"{archive}-{i}.png,owl\n" for i in range(images)))
    evaluate_run(run, str(truth))
    return run


def table(*words: str) -> dict[str, Any]:
    """What ``--json`` prints."""
    out = io.StringIO()
    assert execute(["table", *words, "--json", "--metrics", "accuracy"], out) == DONE
    return dict(json.loads(out.getvalue()))


def text(*words: str) -> str:
    out = io.StringIO()
    assert execute(["table", *words, "--metrics", "accuracy", "--resamples", "0"], out) == DONE
    return out.getvalue()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert execute(["table", *words], io.StringIO()) == WRONG_USAGE
    return capsys.readouterr().err


def test_rows_are_methods_and_columns_archives(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, "pets", 8),
        evaluated(tmp_path, "cars", 6),
        evaluated(tmp_path, "pets", 5, method="zero_shot"),
    ]
    found = table(*runs)
    assert found["columns"][:5] == ["method", "metric", "pets", "cars", "mean"]
    tlac, zero_shot = found["rows"]
    assert (tlac["method"], zero_shot["method"]) == ("tlac", "zero_shot")
    assert tlac["pets"]["value"] == 0.8
    assert 0.4 <= tlac["pets"]["low"] < 0.8 < tlac["pets"]["high"] <= 1
    assert tlac["mean"]["value"] == pytest.approx(0.7)
    assert zero_shot["cars"] is None
    assert zero_shot["mean"] is None, "a mean over fewer archives is no figure of this column"
    assert tlac["MLLM calls"] == 80


def test_seeds_are_one_cell_with_a_deviation(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, archive, right, seed=seed)
        for archive, of in (("pets", (7, 8, 9)), ("cars", (4, 4, 7)))
        for seed, right in enumerate(of)
    ]
    (row,) = table(*runs)["rows"]
    assert row["pets"] == {"value": pytest.approx(0.8), "deviation": pytest.approx(0.1), "runs": 3}
    assert row["mean"]["value"] == pytest.approx(0.65)
    # of the means of each seed: 0.55, 0.6, 0.8
    assert row["mean"]["deviation"] == pytest.approx(0.1322876, abs=1e-6)
    assert row["MLLM calls"] == 80, "the cells of both archives, of the seeds of each the mean"


def test_base_and_novel_classes_have_a_harmonic_mean(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, f"{archive}/{part}", right)
        for archive, part, right in (
            *(("pets", "base", 8), ("pets", "novel", 6)),
            *(("cars", "base", 4), ("cars", "new", 2)),
        )
    ]
    found = table(*runs)
    assert found["columns"][2:11] == [
        *("pets base", "pets novel", "pets H", "cars base", "cars novel", "cars H"),
        *("mean base", "mean novel", "mean H"),
    ]
    (row,) = found["rows"]
    assert row["pets H"]["value"] == pytest.approx(2 * 0.8 * 0.6 / 1.4)
    assert row["mean H"]["value"] == pytest.approx(2 * 0.6 * 0.4 / 1.0)


def test_settings_that_differ_on_one_archive_make_rows(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, "pets", 8, choices="none", recognise_prompt="/p/pets.txt"),
        evaluated(tmp_path, "pets", 7, choices="guided", recognise_prompt="/p/pets.txt"),
        evaluated(tmp_path, "cars", 6, choices="none", recognise_prompt="/p/cars.txt"),
        evaluated(tmp_path, "pets", 7, choices="none", clip_batch=8, recognise_prompt="pets.txt"),
    ]
    assert [row["method"] for row in table(*runs)["rows"]] == [
        "tlac, choices none",
        "tlac, choices guided",
    ]


def test_models_are_named_where_there_are_several(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, "pets", 8, clip="ViT-B-16/openai"),
        evaluated(tmp_path, "cars", 7, clip="ViT-L-14/openai", method="zero_shot"),
    ]
    assert [row["method"] for row in table(*runs)["rows"]] == [
        "tlac, clip ViT-B-16/openai",
        "zero_shot, clip ViT-L-14/openai",
    ]


def test_a_paired_test_against_a_named_run(tmp_path: Path) -> None:
    better = evaluated(tmp_path, "pets", 19, images=20)
    baseline = evaluated(tmp_path, "pets", 9, images=20, method="zero_shot")
    first, second = table(better, "--against", baseline)["rows"]
    assert first["pets"]["difference"] == pytest.approx(0.5)
    assert first["pets"]["p"] == pytest.approx(2 * 0.5**10)
    assert "p" not in second["pets"], "the baseline is a row, and is not tested against itself"


def test_several_labels_have_map_an_interval_and_a_test(tmp_path: Path) -> None:
    runs = []
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "path,label\n" + "".join(f"{i},{'cat|dog' if i % 3 else 'cat'}\n" for i in range(30))
    )
    for name, wrong in (("good", 0), ("bad", 9)):
        rows = []
        for i in range(30):
            dog = 0.9 if (i % 3 > 0) != (i < wrong) else 0.1
            rows.append(many(str(i), ["cat"], cat=0.8, dog=dog))
        config = {"images": "/data/coco/images.txt", "hierarchy": name}
        run = write_run(tmp_path / name, rows, config=config, method="data_free")
        evaluate_run(run, str(truth))
        runs.append(run)
    out = io.StringIO()
    words = ["table", runs[0], "--against", runs[1], "--json", "--resamples", "200"]
    assert execute(words, out) == DONE
    good, bad = json.loads(out.getvalue())["rows"]
    assert good["metric"] == "mAP"
    assert good["method"] == "data_free, hierarchy good"
    assert good["coco"]["low"] <= good["coco"]["value"] <= good["coco"]["high"]
    assert good["coco"]["value"] - bad["coco"]["value"] == pytest.approx(good["coco"]["difference"])
    assert good["coco"]["p"] < 0.05
    assert bad["MLLM calls"] is None, "this run does not say what it took"


def test_prices(tmp_path: Path) -> None:
    run = evaluated(tmp_path, "pets", 8)
    (row,) = table(run, "--price-in", "1.5", "--price-out", "4")["rows"]
    assert row["price"] == pytest.approx(2 * 1.5 + 0.5 * 4)
    assert "price" not in table(run)["columns"]


def test_the_fit_of_a_prompt_is_part_of_what_a_run_took(tmp_path: Path) -> None:
    fit = tmp_path / "fit"
    fit.mkdir()
    counts = {"mllm_calls": 900, "prompt_tokens": 70, "output_tokens": 7}
    (fit / "run.json").write_text(json.dumps({**counts, "config": {"rounds": 3, "seed": 5}}))
    run = evaluated(tmp_path, "pets", 8, method="autosep", prompt=str(fit))
    (row,) = table(run)["rows"]
    assert row["MLLM calls"] == 940
    assert row["tokens in"] == 2_000_070


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    run, other = evaluated(tmp_path, "pets_&_cats", 8), evaluated(tmp_path, "50%_cars", 3)
    shown = text(run, other)
    assert shown.splitlines()[0].startswith("| method | metric | pets_&_cats | 50%_cars | mean |")
    assert "| 80.00 | 30.00 | 55.00 |" in shown
    tex = text(run, other, "--format", "latex")
    assert r"pets\_\&\_cats & 50\%\_cars & mean" in tex
    assert "80.00 & 30.00 & 55.00" in tex
    assert tex.count("&") - tex.count(r"\&") == 2 * 8
    (row,) = csv.DictReader(io.StringIO(text(run, other, "--format", "csv")))
    assert (row["pets_&_cats"], row["mean"], row["tokens in"]) == ("80.0000", "55.0000", "4000000")


def test_a_table_goes_to_a_file(tmp_path: Path) -> None:
    run, out = evaluated(tmp_path, "pets", 8), tmp_path / "deep" / "table.md"
    assert text(run, "--out", str(out)) == f"table: {out}\n"
    assert "| 80.00 |" in out.read_text()


def test_names_of_archives_may_be_given(tmp_path: Path) -> None:
    runs = [evaluated(tmp_path, "a/images", 8), evaluated(tmp_path, "b/images", 6)]
    assert table(*runs)["columns"][2:4] == ["a", "b"]
    named = [f"pets/base={runs[0]}", f"pets/novel={runs[1]}"]
    assert table(*named)["columns"][2:5] == ["pets base", "pets novel", "pets H"]


def test_wrong_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = evaluated(tmp_path, "pets", 8)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no labels" in refused(capsys, str(empty))
    bare = write_run(tmp_path / "bare", [one("a", "owl")])
    assert "was not evaluated; run onoma evaluate" in refused(capsys, run, bare)
    other = evaluated(tmp_path, "cars", 8, images=12)
    said = refused(capsys, run, "--against", other)
    assert "on other images" in said
    assert said.count("\n") == 1
    clash = refused(capsys, f"birds={run}", f"birds={other}")
    assert "would both stand under 'birds'" in clash
    assert "no run has mAP" in refused(capsys, run, "--metrics", "map")
    assert "--against" in refused(
        capsys, run, "--against", run, "--against", evaluated(tmp_path, "pets", 7)
    )


def test_a_run_that_was_labelled_again_is_evaluated_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = evaluated(tmp_path, "pets", 8)
    record = Path(run) / "run.json"
    record.write_text(
        json.dumps({**json.loads(record.read_text()), "finished_at": "2030-01-01T00:00:00Z"})
    )
    assert "labelled again since it was evaluated" in refused(capsys, run)
    figures = Path(run) / "evaluation" / "figures.json"
    figures.write_text("[]")
    assert "is corrupt" in refused(capsys, run)
