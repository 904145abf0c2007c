"""The report: one self-contained page from a run folder; hostile names, lost images, big tables."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from methods.errors import InputError
from methods.image_ids import image_id
from ray_jobs.config import ReportConfig
from ray_jobs.runs.reader import RunReader
from ray_jobs.verbs.report import run as run_report
from ray_jobs.verbs.report import write_report
from ray_jobs.verbs.report.choosing import GALLERY, Choice
from ray_jobs.verbs.report.counting import LEAST_CERTAIN, count
from ray_jobs.verbs.report.thumbnails import LONGER_SIDE, draw_thumbnails

EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Collects the tags and the attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def label_row(folder: Path, path: str, label: str, *top: tuple[str, float]) -> dict[str, Any]:
    return {
        "image_id": image_id(path),
        "path": path,
        "uri": (folder / path).as_uri(),
        "label": label,
        "score": top[0][1] if top else None,
        "top_labels": [name for name, _ in top],
        "top_scores": [score for _, score in top],
        "method": "zero_shot",
        "error": None,
        "error_detail": None,
    }


def error_row(folder: Path, path: str, code: str, detail: str) -> dict[str, Any]:
    row = label_row(folder, path, "")
    return {**row, "label": None, "error": code, "error_detail": detail}


def write_run(
    folder: Path, rows: list[dict[str, Any]], manifest: bool = True, **record: Any
) -> str:
    (folder / "labels").mkdir()
    half = len(rows) // 2
    for name, part in (("a", rows[:half]), ("b", rows[half:])):
        pq.write_table(pa.Table.from_pylist(part), folder / "labels" / f"{name}.parquet")
    if manifest:
        (folder / "manifest").mkdir()
        listed = [{key: row[key] for key in ("image_id", "path", "uri")} for row in rows]
        pq.write_table(pa.Table.from_pylist(listed), folder / "manifest" / "a.parquet")
    (folder / "run.json").write_text(json.dumps({"method": "zero_shot", **record}))
    return str(folder)


def draw(folder: Path, *paths: str) -> None:
    for number, path in enumerate(paths):
        Image.new("RGB", (300, 200), (40 * number % 256, 90, 120)).save(folder / path)


@pytest.fixture
def small_run(tmp_path: Path) -> str:
    draw(tmp_path, "1.png", "2.png", "3.png")
    rows = [
        label_row(tmp_path, "1.png", "wren", ("wren", 0.9), ("owl", 0.1)),
        label_row(tmp_path, "2.png", "owl", ("owl", 0.6), ("wren", 0.4)),
        label_row(tmp_path, "3.png", EVIL, (EVIL, 0.5), ("owl", 0.5)),
        label_row(tmp_path, f"{EVIL}.png", "owl", ("owl", 0.7), ("wren", 0.2)),
        error_row(tmp_path, "5.png", "truncated", f"cut off {EVIL}"),
    ]
    return write_run(
        tmp_path,
        rows,
        seconds=3725.0,
        images_per_second=12.5,
        mllm_calls=7,
        config={"clip": EVIL, "images": str(tmp_path)},
        versions={"onoma": EVIL},
        state="running",
        finished_at="2026-03-05T22:10:00Z",
    )


def page_of(run: str, truth: str | None = None) -> str:
    target = write_report(run, truth)
    assert target == f"{run}/report.html"
    return Path(target).read_text(encoding="utf-8")


def test_hostile_texts_are_escaped_everywhere(small_run: str, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(f'path,label\n1.png,wren\n2.png,"{EVIL}"\n3.png,owl\n')
    html = page_of(small_run, str(truth))
    assert EVIL not in html
    assert html.count("<script") == 2, "the search and its data"
    assert html.count("&lt;script&gt;") > 10
    assert "\\u003cscript" in html, "the label in the data of the search"
    page = Page(html)
    assert page.tags.count("script") == 2
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_page_asks_for_nothing_from_outside(small_run: str) -> None:
    html = page_of(small_run)
    page = Page(html)
    links = [
        value for name, value in page.attributes if name in ("src", "href", "srcset", "action")
    ]
    assert links
    assert all(link.startswith(("data:image/jpeg;base64,", "#", "file:///")) for link in links)
    loaded = [value for name, value in page.attributes if name in ("src", "srcset")]
    assert all(link.startswith("data:image/jpeg;base64,") for link in loaded)
    assert not {"link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_links_lead_to_sections_that_exist(small_run: str) -> None:
    page = Page(page_of(small_run))
    ids = {value for name, value in page.attributes if name == "id"}
    targets = {v[1:] for name, v in page.attributes if name == "href" and v.startswith("#")}
    assert targets <= ids


def test_numbers_of_the_run_are_shown(small_run: str) -> None:
    text = page_of(small_run)
    assert "4 of 5 images labelled" in text
    assert "1 h 2 min" in text
    assert "MLLM calls" in text
    assert "Tokens" not in text
    assert "not finished" in text
    assert "5 March 2026, 22:10 UTC" in text


def test_lost_images_become_placeholders(small_run: str) -> None:
    html = page_of(small_run)
    assert '<span class="no-picture"' in html
    assert "<span>missing</span>" in html


def test_pictures_are_read_as_the_manifest_says(tmp_path: Path) -> None:
    draw(tmp_path, "1.png")
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "all.tar").write_bytes(b"\0" * 512 + data + b"\0" * 512)
    row = label_row(tmp_path, "all.tar", "wren", ("wren", 0.9))
    run = write_run(tmp_path, [row], manifest=False)
    (tmp_path / "manifest").mkdir()
    where = {"member": "1.png", "offset": 512, "length": len(data)}
    listed = {key: row[key] for key in ("image_id", "path", "uri")} | where
    pq.write_table(pa.Table.from_pylist([listed]), tmp_path / "manifest" / "a.parquet")
    (thumbnail,) = draw_thumbnails(RunReader(run), [row, row]).values()
    encoded = str(thumbnail.uri).removeprefix("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (LONGER_SIDE, 107)


def test_metrics_and_marks_appear_with_truth(small_run: str, tmp_path: Path) -> None:
    assert "Against the truth" not in page_of(small_run)
    truth = tmp_path / "truth.csv"
    truth.write_text("path,label\n1.png,wren\n2.png,wren\n")
    html = page_of(small_run, str(truth))
    assert "Against the truth" in html
    assert re.search(r"<dt>Accuracy</dt><dd>50\.0 %", html)
    assert 'class="mark right"' in html
    assert 'class="mark wrong"' in html
    assert "images of the run without truth, left out: 3" in html


def test_discovered_names_are_right_where_their_match_is(tmp_path: Path) -> None:
    names = ["small wren", "small wren", "night owl", "small wren"]
    rows = [label_row(tmp_path, f"{i}.png", name, (name, 0.9)) for i, name in enumerate(names)]
    run = write_run(tmp_path, rows, method="near")
    truth = tmp_path / "truth.csv"
    truth.write_text("path,label\n0.png,wren\n1.png,wren\n2.png,owl\n3.png,owl\n")
    html = page_of(run, str(truth))
    assert 'owl</span> <span class="arrow">taken for</span> <span>small wren' in html
    assert '<td class="text">night owl</td>' in html
    # 3 of 4 right in the galleries and the least certain, 2 typical and 1 mistaken beside them
    assert html.count('class="mark right"') == 3 + 3 + 2
    assert html.count('class="mark wrong"') == 1 + 1 + 1


def test_multi_label_run(tmp_path: Path) -> None:
    draw(tmp_path, "1.png", "2.png")
    rows = []
    for path, labels in (("1.png", ["cup", "dog"]), ("2.png", []), ("3.png", None)):
        row = label_row(tmp_path, path, "", ("cup", 0.8), ("dog", 0.6))
        del row["label"], row["score"]
        scores = None if labels is None else [0.8, 0.6][: len(labels)]
        error = "corrupt" if labels is None else None
        rows.append({**row, "labels": labels, "scores": scores, "error": error})
    run = write_run(tmp_path, rows)
    truth = tmp_path / "truth.csv"
    truth.write_text("path,label\n1.png,cup\n2.png,dog|cup\n")
    html = page_of(run, str(truth))
    assert "1 of 3 images labelled" in html
    assert "Without a label" in html
    assert "mAP" in html
    assert html.count('class="mark right"') == 1  # cup
    assert html.count('class="mark wrong"') == 2  # dog, and the image as a whole
    assert "Wrongly given, by what is there" in html
    assert '<tr><th title="cup">cup</th><td class="text">dog</td><td>1</td>' in html


def test_a_run_without_scores_labels_or_record_is_shown(tmp_path: Path) -> None:
    run = write_run(
        tmp_path, [error_row(tmp_path, f"{i}.png", "missing", "") for i in range(4)], False
    )
    (tmp_path / "run.json").unlink()
    html = page_of(run)
    assert "0 of 4 images labelled" in html
    assert "Galleries" not in html
    assert "Scores" not in html


def test_an_empty_archive_is_shown(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    columns = {"image_id": pa.array([], pa.int64()), "path": pa.nulls(0), "label": pa.nulls(0)}
    pq.write_table(pa.table(columns), tmp_path / "labels" / "a.parquet")
    assert "0 of 0 images labelled" in page_of(str(tmp_path))


def test_undefined_scores_are_shown_as_none(tmp_path: Path) -> None:
    row = label_row(tmp_path, "1.png", "wren", ("wren", float("nan")), ("owl", 0.5))
    html = page_of(write_run(tmp_path, [row]))
    assert "1 of 1 images labelled" in html
    assert "nan" not in re.sub(r"<style>.*</style>", "", html, flags=re.DOTALL).lower()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no labels"):
        write_report(str(tmp_path))


def many_rows(folder: Path, images: int, labels: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(images):
        best = float(rng.random())
        name = f"label {number % labels}"
        rows.append(label_row(folder, f"{number}.png", name, (name, best), ("other", best / 2)))
    return rows


def test_what_is_kept_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    run = RunReader(write_run(tmp_path, many_rows(tmp_path, 3000, 70)))
    counts = count(run)
    assert counts.images == counts.labelled == 3000
    assert len(counts.least_certain) == LEAST_CERTAIN
    margins = [row["key"] for row in counts.least_certain]
    assert margins == sorted(margins)
    choice = Choice(counts, None, [])
    choice.read(run)
    galleries = choice.galleries()
    assert len(galleries) == 60
    for gallery in galleries:
        ids = [row["image_id"] for row in gallery.most_certain + gallery.random]
        assert len(ids) == len(set(ids)) == GALLERY
        assert {row["label"] for row in gallery.random} == {gallery.label}
    html = page_of(run.uri)
    assert "10 rarer labels are not shown" in html


def test_the_choice_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = many_rows(tmp_path, 400, 3)
    pages = []
    for name, ordered in (("x", rows), ("y", rows[::-1])):
        (tmp_path / name).mkdir()
        run = write_run(tmp_path / name, ordered, manifest=False)
        pages.append(page_of(run).replace(run, "RUN"))
    assert len(set(re.sub(r"<dt>When</dt><dd>[^<]*", "", page) for page in pages)) == 1


def test_pictures_lead_to_their_files_and_labels_to_their_galleries(small_run: str) -> None:
    page = Page(page_of(small_run))
    targets = [value for name, value in page.attributes if name == "href"]
    assert f"file://{small_run}/1.png" in targets
    assert not [target for target in targets if "5.png" in target], "the file is not there"
    ids = {value for name, value in page.attributes if name == "id"}
    assert {"search", "next", "label-1"} <= ids


def test_what_audit_and_calibrate_left_is_shown(small_run: str) -> None:
    assert "Quality without truth" not in page_of(small_run)
    folder = Path(small_run)
    write_audit(folder, images=5)
    (folder / "calibration.json").write_text(
        json.dumps(
            {
                "reviewed": 40,
                "right": 0.8,
                "precision": 0.95,
                "coverage": 0.6,
                "expected_precision": 0.96,
            }
        )
    )
    html = page_of(small_run)
    assert "<dt>Accuracy, estimated</dt><dd>75.0 %" in html
    assert "60.0 % to 85.0 %, with a probability of 90 %" in html
    assert "They are right more often than not." in html
    assert "<dt>Kept by thresholds</dt><dd>60.0 %" in html
    assert "onoma audit" not in html, "it was audited"
    write_audit(folder, images=9)
    assert "the audit is of 9 images, and the run has 5" in page_of(small_run)
    for broken in ("{", "[]", '{"images": "x"}'):
        (folder / "audit.json").write_text(broken)
        assert "audit.json" in page_of(small_run)


def write_audit(folder: Path, images: int) -> None:
    share = {"estimate": 0.75, "low": 0.6, "high": 0.85}
    found = {
        "images": images,
        "accuracy": {**share, "level": 0.9},
        "assumptions": ["They are right more often than not."],
        "per_class": [{"label": EVIL, "images": 2, **share}],
        "labellers": [{"name": "this run", "agrees": 1.0}, {"name": "/runs/x", "agrees": 0.7}],
        "likely_errors": [{"path": "1.png", "label": "wren", "suggested": "owl"}],
        "near_duplicates": [],
        "far": [],
        "note": None,
    }
    (folder / "audit.json").write_text(json.dumps(found))


def test_a_quote_says_what_was_asked_and_who_said_it(tmp_path: Path) -> None:
    row = label_row(tmp_path, "1.png", "wren", ("wren", 0.9))
    said = {"answer": f"A wren. {EVIL}", "choice": None}
    asked = {"model": "files:1", "prompt": f"What is there? {EVIL}"}
    run = write_run(
        tmp_path,
        [{**row, **said}],
        method="slac",
        responses=["answer"],
        identity={"recognise": asked},
        models={"mllm": {"name": "qwen", "fingerprint": "files:1"}},
    )
    html = page_of(run)
    assert "what it shows: said by qwen, asked: What is there? &lt;script&gt;" in html
    assert html.count("A wren. &lt;script&gt;") == 2, "least certain, and the gallery"
    assert "<dt>what it shows, said by qwen</dt><dd>What is there?" in html


def test_several_runs_make_one_page_and_one_stays_as_it_is(small_run: str) -> None:
    assert ReportConfig(run=small_run).run == ReportConfig(run=[small_run]).run == [small_run]
    assert run_report(ReportConfig(run=small_run)) == {"report": f"{small_run}/report.html"}
