"""The endpoint's page in a real browser: what it sends, what it shows, how it is laid out."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.browser import IN_BROWSER, expect

pytestmark = [*IN_BROWSER, pytest.mark.cluster]

SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
HOSTILE = "<img src=x onerror=document.title='run'>"
DROP = """([kind, files]) => {
    const data = new DataTransfer();
    for (const [name, base64] of files) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        data.items.add(new File([bytes], name));
    }
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
}"""
TIMINGS = {"decode_ms": 1.25, "wait_ms": 0.5, "model_ms": 20.0, "total_ms": 30.0}
OPEN = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, endpoint: Any) -> Iterator[OPEN]:
    """Opens the page; afterwards nothing may have left the endpoint or failed in a script."""
    contexts, elsewhere, errors = [], [], []
    origin = endpoint.url.rstrip("/") + "/"

    def seen(request: Any) -> None:
        if not request.url.startswith((origin, "blob:", "data:")):
            elsewhere.append(request.url)

    def said(message: Any) -> None:
        # Chromium itself writes a line for every answer with an error's status.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            errors.append(message.text)

    def open_page(size: str = "desktop", path: str = "", **options: Any) -> Any:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", seen)
        page.on("console", said)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(origin + path)
        if not path:
            expect(page.locator("#classifier")).to_be_enabled()
        return page

    expect.set_options(timeout=30_000)
    yield open_page
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert errors == []


@pytest.fixture
def pictures(birds: Path, bird_paths: list[str]) -> list[Path]:
    return [birds / "images" / path for path in bird_paths[:6]]


def test_empty_page_says_what_to_do(open_page: OPEN) -> None:
    page = open_page()
    expect(page.locator("#health")).to_have_text("Ready")
    expect(page.locator("#hint")).to_contain_text("Drop images anywhere on this page")
    expect(page.get_by_role("link", name="API docs")).to_have_attribute("href", "docs")
    expect(page.locator("#facts")).to_contain_text("24, single-label")
    expect(page.locator("#summary")).to_be_hidden()
    expect(page.get_by_label("Threshold")).to_be_hidden()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_images_that_are_dropped_or_pasted_get_labels(
    open_page: OPEN, pictures: list[Path], kind: str
) -> None:
    page = open_page()
    sent = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in pictures[:2]]
    assert page.evaluate(DROP, [kind, sent])
    labelled(page, 2)
    expect(page.locator(".name")).to_have_text([path.name for path in pictures[:2]])
    expect(page.locator("#summary")).to_have_text("2 images labelled")


def test_chosen_images_show_labels_bars_and_latency(open_page: OPEN, pictures: list[Path]) -> None:
    page = open_page()
    with page.expect_response("**/v1/classify") as response:
        page.get_by_label("Choose images").set_input_files(pictures[0])
    labelled(page, 1)
    (image,) = response.value.json()["images"]
    expect(page.locator(".verdict")).to_have_text(image["labels"][0]["label"])
    expect(page.locator(".bars .label")).to_have_text([entry["label"] for entry in image["top"]])
    expect(page.locator(".score")).to_have_text([f"{entry['score']:.2f}" for entry in image["top"]])
    expect(page.locator(".kept .label")).to_have_text([image["labels"][0]["label"]])
    assert page.locator(".card img").evaluate("image => image.naturalWidth") > 0
    expect(page.locator(".timings dt")).to_have_text(["Round trip", "Decode", "Wait", "Model"])
    for text in page.locator(".timings dd").all_text_contents():
        assert re.fullmatch(r"[\d.]+ ms", text)
    expect(page.locator("#latency")).to_have_text(
        re.compile(r"^Round trip p50 [\d.]+ ms over 1 request$")
    )


def test_broken_image_shows_the_sentence_of_the_server(open_page: OPEN, tmp_path: Path) -> None:
    page = open_page()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"only text")
    with page.expect_response("**/v1/classify") as response:
        choose(page, [broken])
    sentence = response.value.json()["errors"][0]["detail"]
    expect(page.locator(".card[data-state=problem] .state")).to_have_text(sentence)
    expect(page.get_by_text("No preview")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.locator("#summary")).to_have_text("0 images labelled, 1 with a problem")


def test_names_of_files_and_classes_are_text(
    open_page: OPEN, pictures: list[Path], tmp_path: Path
) -> None:
    page = open_page()
    page.route("**/v1/classify", lambda route: route.fulfill(json=answer([(HOSTILE, 0.75)])))
    path = tmp_path / f"{HOSTILE}.png"
    Image.open(pictures[0]).save(path)
    choose(page, [path])
    labelled(page, 1)
    expect(page.locator(".name")).to_have_text(path.name)
    expect(page.locator(".verdict")).to_have_text(HOSTILE)
    expect(page.locator(".bars .label")).to_have_text(HOSTILE)
    assert page.locator("main img").count() == 1
    assert page.title() == "Onoma endpoint"


def test_busy_endpoint_is_asked_again(open_page: OPEN, pictures: list[Path]) -> None:
    page, attempts = open_page(), []

    def busy_once(route: Any) -> None:
        attempts.append(route.request)
        if len(attempts) == 1:
            route.fulfill(**problem(429, "the endpoint is busy", {"Retry-After": "1"}))
        else:
            route.continue_()

    page.route("**/v1/classify", busy_once)
    choose(page, pictures[:1])
    expect(page.locator(".card[data-state=waiting] .state")).to_have_text(
        "Waiting: the endpoint is busy. Trying again in 1 s, attempt 2 of 6"
    )
    labelled(page, 1)
    assert len(attempts) == 2


def test_an_endpoint_that_stays_busy_is_left_alone_until_asked(
    open_page: OPEN, pictures: list[Path]
) -> None:
    page, attempts = open_page(), []

    def busy(route: Any) -> None:
        attempts.append(route.request)
        route.fulfill(**problem(429, "the endpoint is busy", {"Retry-After": "0"}))

    page.route("**/v1/classify", busy)
    choose(page, pictures[:1])
    expect(page.locator(".card[data-state=problem] .state")).to_have_text("the endpoint is busy")
    assert len(attempts) == 6
    page.unroute("**/v1/classify")
    page.get_by_role("button", name="Try again").click()
    labelled(page, 1)


def test_at_most_four_requests_at_a_time(open_page: OPEN, pictures: list[Path]) -> None:
    page, held, late = open_page(), [], []
    page.route("**/v1/classify", lambda route: (late if len(held) == 4 else held).append(route))
    choose(page, pictures)
    expect(page.locator(".state", has_text="Labelling")).to_have_count(4)
    page.wait_for_timeout(200)
    assert (len(held), len(late)) == (4, 0)
    held[0].continue_()
    labelled(page, 1)
    expect(page.locator(".state", has_text="Labelling")).to_have_count(4)
    expect(page.locator(".state", has_text="Waiting")).to_have_count(1)


def test_another_classifier_labels_the_images_again(open_page: OPEN, pictures: list[Path]) -> None:
    page = open_page()
    choose(page, pictures[:2])
    labelled(page, 2)
    before = page.locator(".bars .label").all_text_contents()
    page.get_by_label("Classifier").select_option("scenes")
    expect(page.locator("#facts")).to_contain_text("multi-label")
    labelled(page, 2)
    assert page.locator(".bars .label").all_text_contents() != before
    expect(page.locator("#latency")).to_contain_text("4 requests")

    page.get_by_label("Threshold").fill("-1000")
    page.get_by_label("Labels shown").fill("3")  # leaving the threshold applies it
    page.get_by_label("Labels shown").press("Enter")
    labelled(page, 2)
    first = page.locator(".card").first
    expect(first.locator(".kept")).to_have_count(first.locator(".bars li").count())
    expect(first.locator(".kept .label").first).to_contain_text("(a label of this image)")


def test_multi_label_marks_the_labels_and_shows_the_ranking(
    open_page: OPEN, pictures: list[Path]
) -> None:
    page = open_page()
    ranking = [("sun", 24.0), ("boat", 18.0), ("kite", -3.0)]
    page.route("**/v1/classify", lambda route: route.fulfill(json=answer(ranking, kept=2)))
    choose(page, pictures[:1])
    page.get_by_label("Classifier").select_option("scenes")
    expect(page.locator(".multi")).to_be_visible()
    expect(page.locator(".verdict")).to_have_text("sun, boat")
    expect(page.locator(".kept .score")).to_have_text(["24.00", "18.00"])
    expect(page.locator(".score")).to_have_text(["24.00", "18.00", "-3.00"])
    assert [round(width, 2) for width in widths(page.locator(".card"))] == [1.0, 0.75, 0.0]


def test_lost_endpoint_is_told_and_can_be_asked_again(
    open_page: OPEN, pictures: list[Path]
) -> None:
    page = open_page()
    page.route("**/v1/classify", lambda route: route.abort())
    page.route("**/healthz", lambda route: route.abort())
    choose(page, pictures[:1])
    expect(page.locator(".state")).to_have_text("The endpoint cannot be reached.")
    expect(page.locator("#health")).to_have_text("Unreachable")
    page.unroute("**/v1/classify")
    page.get_by_role("button", name="Try again").click()
    labelled(page, 1)


def test_a_hundred_cards_are_kept_and_all_can_be_cleared(
    open_page: OPEN, pictures: list[Path]
) -> None:
    page = open_page()
    page.route("**/v1/classify", lambda route: route.fulfill(json=answer([("sun", 0.5)])))
    page.evaluate(DROP, ["drop", [[f"{number}.png", ""] for number in range(103)]])
    labelled(page, 100)
    expect(page.locator("#summary")).to_have_text("100 images labelled; the last 3 were left out")
    choose(page, pictures[:2])
    expect(page.locator("#summary")).to_have_text("100 images labelled")
    expect(page.locator(".card")).to_have_count(100)
    expect(page.locator(".name").first).to_have_text(pictures[0].name)
    expect(page.locator(".name").last).to_have_text("97.png")
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#files")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_layout(
    open_page: OPEN, pictures: list[Path], tmp_path: Path, size: str, scheme: str
) -> None:
    page = open_page(size, color_scheme=scheme, reduced_motion="reduce")
    assert not overflows(page)
    page.screenshot(path=tmp_path / f"{size}-{scheme}-empty.png")
    choose(page, pictures)
    labelled(page, 6)
    page.screenshot(path=tmp_path / f"{size}-{scheme}.png", full_page=True)
    assert not overflows(page)

    card = page.locator(".card").first
    scores = [float(score) for score in card.locator(".score").all_text_contents()]
    assert widths(card) == pytest.approx(scores, abs=0.02)
    boxes = [each.bounding_box() for each in page.locator(".card").all()]
    assert len({box["x"] for box in boxes}) == (1 if size == "phone" else 3)
    for control in page.locator("select, input:visible, .button:visible, .link").all():
        box = control.bounding_box()
        if box["width"] > 1:  # the file input stands hidden inside its label
            assert box["height"] >= 44
    assert contrast(page, ".verdict") > 7
    assert contrast(page, ".name") > 4.5


def test_the_openapi_page_shows_what_can_be_asked_and_how(open_page: OPEN) -> None:
    page = open_page(path="docs")
    operation = page.locator(".opblock-post")
    expect(operation).to_have_count(1)
    expect(operation.locator(".opblock-summary-method")).to_have_text("POST")
    # a break may stand after each slash
    expect(operation.locator(".opblock-summary-path")).to_have_text(re.compile("^.?/v1/.?classify"))
    expect(page.locator(".opblock-get")).to_have_count(3)
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".opblock-section-request-body")).to_be_visible()
    expect(operation.get_by_text("the request did not arrive in time")).to_be_visible()
    expect(page.get_by_text("Unable to render this definition")).to_have_count(0)


def choose(page: Any, paths: list[Path]) -> None:
    page.locator("#files").set_input_files(paths)


def labelled(page: Any, count: int) -> None:
    expect(page.locator(".card[data-state=labels]")).to_have_count(count)


def answer(ranking: list[tuple[str, float]], kept: int = 1) -> dict[str, Any]:
    top = [{"label": label, "score": score} for label, score in ranking]
    return {
        "classifier": {"name": "", "version": "", "method": "", "multi_label": kept > 1},
        "images": [{"name": None, "labels": top[:kept], "top": top}],
        "timings": TIMINGS,
    }


def problem(status: int, detail: str, headers: dict[str, str]) -> dict[str, Any]:
    body = {"type": "about:blank", "title": "", "status": status, "detail": detail, "errors": []}
    return {
        "status": status,
        "headers": {"Content-Type": "application/problem+json", **headers},
        "body": json.dumps(body),
    }


def widths(card: Any) -> list[float]:
    """Each bar as a share of its track."""
    return [
        track.locator("span").bounding_box()["width"] / track.bounding_box()["width"]
        if track.locator("span").bounding_box()
        else 0.0
        for track in card.locator(".track").all()
    ]


def overflows(page: Any) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def contrast(page: Any, selector: str) -> float:
    """Of a text to its card, as WCAG defines it."""
    lightness = []
    for name, style in ((selector, "color"), (".card", "backgroundColor")):
        colour = page.locator(name).first.evaluate(f"each => getComputedStyle(each).{style}")
        channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lightness.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lightness) + 0.05) / (min(lightness) + 0.05)
