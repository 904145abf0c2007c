"""One page of several runs: figures with intervals, agreement, pictures, and wrong use."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from methods.errors import InputError
from methods.metrics_bootstrap import exact_mcnemar
from ray_jobs.cli import DONE, WRONG_USAGE, execute
from ray_jobs.pages.label_search import MOST_LABELS, SearchedLabel, script_hash, search_data
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.report import write_comparison
from ray_jobs.verbs.report.comparison import titles_of
from ray_jobs.verbs.report.comparison.aligned import align_runs
from ray_jobs.verbs.report.comparison.differing import EACH, differing_groups
from ray_jobs.verbs.report.comparison.measured import apart, measure_runs
from ray_jobs.verbs.table.measures import Measures
from tests.helpers.evaluated_runs import many, one, write_run, write_truth

EVIL = "<script>alert('x')</script>"
CLASSES = ["wren", "owl", "tern", "crane"]
IMAGES = 200


def guesses(share: float, seed: int) -> tuple[list[str], list[str]]:
    """Truth, which depends on nothing, and the labels of one who is right so often."""
    random = np.random.default_rng(seed)
    truth = [CLASSES[at % len(CLASSES)] for at in range(IMAGES)]
    wrong = [CLASSES[(at + 1) % len(CLASSES)] for at in range(IMAGES)]
    right = random.random(IMAGES) < share
    return truth, [t if r else w for t, w, r in zip(truth, wrong, right, strict=True)]


def labelled_run(folder: Path, labels: list[str | None], **record: Any) -> str:
    rows = [
        one(f"{at}.png", label, None if label else "truncated") for at, label in enumerate(labels)
    ]
    for row in rows:
        row["uri"] = str(folder.parent / row["path"])
    return write_run(folder, rows[:70], rows[70:], **record)


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    counted = {
        "mllm_calls": 1234,
        "answers_reused": 5,
        "prompt_tokens": 70_000,
        "output_tokens": 700,
        "seconds": 75,
        "images_per_second": 2.5,
    }
    return [
        labelled_run(tmp_path / "a", guesses(0.5, 1)[1]),
        labelled_run(tmp_path / "b", guesses(0.9, 2)[1], method="slac", **counted),
        labelled_run(tmp_path / "c", [None, *guesses(0.7, 3)[1][1:]], method="tlac"),
    ]


@pytest.fixture
def truth(tmp_path: Path) -> str:
    rows = {f"{at}.png": label for at, label in enumerate(guesses(1, 0)[0])}
    return write_truth(tmp_path, **rows)


def page_of(runs: list[str], truth: str | None = None) -> str:
    target = write_comparison(runs, truth)
    assert target == f"{runs[0].rpartition('=')[2]}/comparison.html"
    return Path(target).read_text("utf-8")


def test_each_run_has_its_accuracy_interval_cost_and_errors(three: list[str], truth: str) -> None:
    html = page_of(three, truth)
    own = measure_runs([RunReader(run) for run in three], truth)
    measures = Measures()
    for evaluation in own:
        interval = measures.interval(evaluation, "accuracy")
        assert interval is not None
        assert f"{100 * evaluation.figures['accuracy']:.1f} %<small" in html
        assert f"{100 * interval.low:.1f} to {100 * interval.high:.1f}</small>" in html
    assert "<dt>Best, by accuracy</dt><dd>slac" in html
    assert "<td>1,234<small" in html
    assert "5 reused" in html
    assert "<td>70,700</td>" in html
    assert "1 min 15 s" in html
    assert "truncated 1" in html
    assert html.count('class="badge good"') == 1


def test_differences_are_paired_and_their_intervals_hold_them(three: list[str], truth: str) -> None:
    first, best, _ = measure_runs([RunReader(run) for run in three], truth)
    found = apart(Measures(), best, first)
    assert found is not None
    hits = [each.images.column("correct").to_numpy(zero_copy_only=False) for each in (best, first)]
    assert (found.difference, found.p) == exact_mcnemar(*hits)
    assert found.interval.low < found.difference < found.interval.high
    assert found.sure
    back = apart(Measures(), first, best)
    assert back is not None
    assert back.interval.low == pytest.approx(-found.interval.high)
    assert apart(Measures(), first, first) is None


def test_agreement_is_counted_image_by_image(three: list[str]) -> None:
    aligned = align_runs([RunReader(run) for run in three])
    labels = [guesses(0.5, 1)[1], guesses(0.9, 2)[1], [None, *guesses(0.7, 3)[1][1:]]]
    shares = aligned.agreement()
    for i in range(3):
        for j in range(3):
            both = [(a, b) for a, b in zip(labels[i], labels[j], strict=True) if a and b]
            assert shares[i, j] == pytest.approx(sum(a == b for a, b in both) / len(both))
    every = [row for row in zip(*labels, strict=True) if None not in row]
    assert aligned.unanimous() == (sum(len(set(row)) == 1 for row in every), IMAGES - 1)
    assert aligned.errors == [{}, {}, {"truncated": 1}]
    assert aligned.said.dtype.itemsize == 8, "eight bytes an image and run, whatever it says"


def test_case_ids_and_the_order_of_labels_make_no_difference(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    first = write_run(
        tmp_path / "x" / "a", [many("1.png", ["cup", "dog"], cup=0.9, dog=0.8)], method="a"
    )
    second = write_run(
        tmp_path / "x" / "b", [many("1.png", ["Dog", "cup"], Dog=0.9, cup=0.8)], method="b"
    )
    third = write_run(tmp_path / "x" / "c", [many("1.png", ["cup"], cup=0.9)], method="c")
    shares = align_runs([RunReader(run) for run in (first, second, third)]).agreement()
    assert shares[0, 1] == 1
    assert shares[0, 2] == 0


def test_three_images_a_run_show_where_it_is_alone(three: list[str], truth: str) -> None:
    readers = [RunReader(run) for run in three]
    evaluations = measure_runs(readers, truth)
    aligned = align_runs(readers)
    groups = differing_groups(aligned, ["a", "b", "c"], evaluations)
    assert [group.title for group in groups] == [
        *(f"{name} is right, another is wrong" for name in "abc"),
        *(f"{name} is wrong, another is right" for name in "abc"),
    ]
    hits = {
        name: dict(
            zip(*(e.images.column(c).to_pylist() for c in ("image_id", "correct")), strict=True)
        )
        for name, e in zip("abc", evaluations, strict=True)
    }
    for group in groups:
        assert len(group.image_ids) == EACH
        name, right = group.title[0], group.title[1:].startswith(" is right")
        for number in group.image_ids:
            assert hits[name][number] is right
            assert any(hits[other][number] is not right for other in "abc" if other != name)
    chosen = [number for group in groups for number in group.image_ids]
    assert len(set(chosen)) == len(chosen)
    told = next(group for group in groups if group.title.startswith("a is right"))
    alone = sum(hits["a"][n] and not (hits["b"][n] and hits["c"][n]) for n in aligned.ids.tolist())
    assert told.count == alone


def test_without_truth_a_run_is_set_against_the_others(three: list[str]) -> None:
    html = page_of(three)
    assert "Truth</dt><dd>none given" in html
    assert "95 %" not in html
    assert html.count("says another thing than the others") == 3
    assert html.count("<article") == 3 * EACH
    assert "onoma audit" in html
    two = page_of(three[:2])
    assert "zero_shot and slac differ" in two
    assert two.count("<article") == EACH


def test_pictures_are_linked_and_quotes_say_their_source(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (9, 99, 9)).save(tmp_path / "0.png")
    first = labelled_run(tmp_path / "a", ["wren"])
    row = {**one("0.png", EVIL), "uri": str(tmp_path / "0.png"), "answer": f"I see {EVIL}"}
    second = write_run(
        tmp_path / "b",
        [row],
        method="slac",
        responses=["answer"],
        identity={"recognise": {"model": "f", "prompt": "What is it?"}},
        models={"mllm": {"name": "qwen", "fingerprint": "f"}},
    )
    html = page_of([first, f"{EVIL}={second}"])
    assert EVIL not in html
    assert html.count("<script") == 2
    assert f'href="file://{tmp_path}/0.png"' in html
    assert "what it shows: said by qwen, asked: What is it?" in html
    assert "<blockquote" in html
    assert f"script-src '{script_hash()}'" in html
    assert "unsafe-inline'; script" not in html


def test_audits_stand_in_one_table(three: list[str]) -> None:
    audit = {
        "images": IMAGES,
        "accuracy": {"estimate": 0.61, "low": 0.42, "high": 0.73, "level": 0.9},
        "assumptions": ["It may be otherwise."],
        **{
            name: []
            for name in ("labellers", "per_class", "likely_errors", "near_duplicates", "far")
        },
    }
    (Path(three[1]) / "audit.json").write_text(json.dumps(audit))
    html = page_of(three)
    assert "Quality without truth" in html
    assert re.search(r"61\.0 %<small[^>]*>42\.0 to 73\.0</small>", html)
    assert "It may be otherwise." in html


def test_discovered_names_are_compared_by_what_they_mean(tmp_path: Path, truth: str) -> None:
    true, said = guesses(0.8, 4)
    plain = labelled_run(tmp_path / "a", list(said))
    near = labelled_run(tmp_path / "n", [f"a small {label}" for label in said], method="near")
    html = page_of([plain, near], truth)
    assert ">cACC<" in html
    aligned = align_runs(
        [RunReader(plain), RunReader(near)], [{}, {f"a small {name}": name for name in CLASSES}]
    )
    assert aligned.agreement()[0, 1] == 1
    assert "differ" not in html.partition('id="differences"')[2], "they say the same of all"
    assert len(set(true)) == len(CLASSES)


def test_images_of_other_runs_are_left_out_and_told(tmp_path: Path) -> None:
    first = labelled_run(tmp_path / "a", ["wren"] * 3)
    second = labelled_run(tmp_path / "b", ["wren"] * 5, method="slac")
    assert "2 images of slac are not in zero_shot" in page_of([first, second])


def test_wrong_use_is_one_sentence(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = write_run(tmp_path / "m", [many("1.png", ["cup"], cup=0.9)])
    other = write_run(tmp_path / "o", [one("elsewhere.png", "wren")])
    for runs, said in (
        ([three[0], three[0]], "given twice"),
        ([three[0], several], "gives one label an image and"),
        ([three[0], other], "has no image of"),
    ):
        with pytest.raises(InputError, match=said):
            write_comparison(runs)
    command = ["report", *three[:2], "--out", str(tmp_path / "a" / "run.json" / "x.html")]
    assert execute(command, io.StringIO()) == WRONG_USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_takes_many_runs_and_names(
    three: list[str], truth: str, tmp_path: Path
) -> None:
    out, results = tmp_path / "page.html", io.StringIO()
    names = [f"N{at}={run}" for at, run in enumerate(three)]
    command = ["report", *names, "--truth", truth, "--out", str(out), "--json"]
    assert execute(command, results) == DONE
    assert json.loads(results.getvalue())["comparison"] == str(out)
    html = out.read_text("utf-8")
    assert all(f">N{at}" in html for at in range(3))


def test_runs_of_one_method_are_told_apart(tmp_path: Path) -> None:
    runs = [labelled_run(tmp_path / name / "run", ["wren"]) for name in "xy"]
    runs += [labelled_run(tmp_path / "z", ["wren"])]
    titles = titles_of([RunReader(run) for run in runs], ["", "", ""])
    assert len(set(titles)) == 3
    assert titles[2] == "zero_shot, z"


def test_a_search_holds_thousands_of_labels_and_says_what_it_leaves_out() -> None:
    labels = [SearchedLabel(f"label {at}", "", [1]) for at in range(MOST_LABELS + 7)]
    data = search_data(["Images"], labels)
    assert len(data["labels"]) == MOST_LABELS
    assert data["left"] == 7
