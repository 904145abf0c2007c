"""The review page in a real browser, by the keyboard alone, and on a phone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ray_jobs.runs.reader import RunReader
from ray_jobs.runs.reviewed import read_lines
from ray_jobs.verbs.review.sample import draw_sample
from ray_jobs.verbs.review.server import review_app
from ray_jobs.verbs.review.session import ReviewSession
from tests.helpers.browser import IN_BROWSER, expect
from tests.helpers.scored_runs import pictured_run

pytestmark = IN_BROWSER


@pytest.fixture
def session(birds: Path, tmp_path: Path) -> ReviewSession:
    run = pictured_run(tmp_path / "run", str(birds / "images"), birds / "truth.csv")
    return ReviewSession(draw_sample(RunReader(run), 0), f"{run}/reviewed.csv", "Ann")


@pytest.fixture
def address(session: ReviewSession) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(review_app(session, "token"), port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/token/"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Any]:
    """Opens the page; afterwards nothing may have come from elsewhere or failed in a script."""
    contexts, wrong = [], []

    def seen(request: Any) -> None:
        if not request.url.startswith((address, "data:")):
            wrong.append(request.url)

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            wrong.append(message.text)

    def opened(width: int, height: int) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", seen)
        page.on("console", said)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.locator("#choices li").first).to_be_visible()
        return page

    expect.set_options(timeout=60_000)
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_review_by_keyboard(open_page: Any, session: ReviewSession) -> None:
    page = open_page(1280, 800)
    keys, turns = page.keyboard, 0

    def said(text: str) -> None:
        """What was pressed is done when its turn is; keys before that are not taken."""
        nonlocal turns
        turns += 1
        expect(page.locator("body")).to_have_attribute("data-turn", str(turns))
        expect(page.locator("#message")).to_have_text(text)

    first = session.next_images(1)[0]
    expect(page.locator("#question")).to_have_text(f"Is it {first.predicted}?")
    expect(page.locator("#picture")).to_have_js_property("complete", True)
    assert page.locator("#picture").evaluate("image => image.naturalWidth") > 0

    keys.press("Enter")  # it is
    said(f"Noted: {first.predicted}")
    second = session.next_images(1)[0]
    assert second != first
    keys.press("2")  # the second choice
    said(f"Noted: {second.choices[1][0]}")
    third = session.next_images(1)[0]
    keys.press("ArrowDown")
    expect(page.locator("#confirm")).to_contain_text("Correct")
    keys.press("Enter")
    said(f"Noted: {third.choices[1][0]}")
    keys.press("s")
    said("Skipped")
    keys.press("u")
    said("The last answer is taken back")
    keys.press("0")
    said("Noted: no class fits")
    wanted = session.sample.run.classes[-1]
    keys.type(f"/{wanted}", delay=10)
    expect(page.locator("#found li").first).to_have_text(wanted)
    keys.press("Enter")
    said(f"Noted: {wanted}")
    letter = next(c[0] for c in session.sample.run.classes if c[0] not in "us")
    keys.press(letter)
    expect(page.locator("#search")).to_have_value(letter)
    keys.press("Escape")
    expect(page.locator("#search")).to_have_value("")

    lines = read_lines(session.file)
    assert [line.answer for line in lines] == ["label"] * 3 + ["skip", "undo", "none", "label"]
    assert lines[0].label == first.predicted
    assert lines[1].label == second.choices[1][0]
    assert lines[6].label == wanted
    expect(page.locator("#accuracy")).to_have_text(re.compile(r"^\d+\.\d %$"))
    expect(page.locator("#interval")).to_contain_text("95 % interval")
    expect(page.locator("#counts")).to_contain_text("with an error, not drawn")
    page.reload()
    expect(page.locator("#counts")).to_contain_text("answers5")


def test_a_phone_shows_all_without_scrolling_sideways(
    open_page: Any, session: ReviewSession
) -> None:
    page = open_page(360, 740)
    for turn in (1, 3, 5):
        page.locator("#confirm").click()
        expect(page.locator("body")).to_have_attribute("data-turn", str(turn))
        page.locator("#choices li").nth(1).click()
        expect(page.locator("body")).to_have_attribute("data-turn", str(turn + 1))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = page.locator("#confirm").bounding_box()
    assert box["y"] + box["height"] <= 740
    assert session.figures()["answers"] == 6
