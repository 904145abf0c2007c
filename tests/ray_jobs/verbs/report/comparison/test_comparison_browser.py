"""The comparison page in a browser: its search, its security policy, and a phone's width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ray_jobs.verbs.report import write_comparison, write_report
from tests.helpers.browser import IN_BROWSER, expect, sideways
from tests.helpers.evaluated_runs import one, write_run

pytestmark = IN_BROWSER
LABELS = 3000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    Image.new("RGB", (40, 30), (30, 99, 160)).save(folder / "0.png")
    made = []
    for name, step in (("zero_shot", 0), ("slac", 1)):
        labels = [f"Bécasse {at + step if at % 50 == 0 else at}" for at in range(LABELS)]
        labels[1] = "<img src=x onerror=alert(1)>"
        rows = [
            {**one(f"{at}.png", label), "uri": str(folder / "0.png"), "score": 0.5}
            for at, label in enumerate(labels)
        ]
        made.append(write_run(folder / name, rows, method=name))
    return made


@pytest.fixture(scope="module")
def page(browser: Any, runs: list[str]) -> Iterator[Any]:
    comparison, wrong = write_comparison(runs), []
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(Path(comparison).as_uri())
    yield page
    assert not wrong, "no error, and nothing that the security policy had to stop"


def test_a_label_of_thousands_is_found_by_a_part_of_its_name(page: Any) -> None:
    page.fill("#search", "becasse 2999")
    expect(page.locator("#search-found tr")).to_have_count(1)
    expect(page.locator("#search-found th")).to_have_text("Bécasse 2999")
    expect(page.locator("#search-told")).to_contain_text("1 of 3,0")
    expect(page.locator("article:visible")).to_have_count(0)
    page.fill("#search", "")
    expect(page.locator("#search-found tr")).to_have_count(50)
    expect(page.locator("article:visible")).to_have_count(3)


def test_a_label_of_markup_stays_text(page: Any) -> None:
    page.fill("#search", "onerror")
    expect(page.locator("#search-found tr")).to_have_count(1)
    expect(page.locator("#search-found th")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator("#search-found img").count() == 0


def test_a_phone_shows_all_without_scrolling_sideways(page: Any) -> None:
    page.fill("#search", "")
    assert sideways(page) <= 0


def test_the_page_of_one_run_has_the_same_search(page: Any, runs: list[str]) -> None:
    page.goto(Path(write_report(runs[0])).as_uri())
    page.fill("#search", "BÉCASSE 17")
    expect(page.locator("#search-told")).to_contain_text("159 of 3,000 labels match")
    assert sideways(page) <= 0
