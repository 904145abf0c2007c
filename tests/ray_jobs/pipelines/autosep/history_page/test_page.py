"""The page of a prompt search: hostile texts, known numbers, odd trees, short and long searches."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ray_jobs.pipelines.autosep.history_page import draw_history
from ray_jobs.pipelines.autosep.history_page.chart import HEIGHT, WIDTH, draw_scores
from ray_jobs.pipelines.autosep.history_page.tree import (
    DEEPEST,
    Node,
    grow_tree,
    line_of_chosen,
    opening,
)

EVIL = "</div><script>alert('x')</script>{{ 7 * 7 }}\" onload=\"x"
VOID = {"meta", "line", "circle", "polyline", "polygon", "br"}


class Page(HTMLParser):
    """Collects tags, attributes and texts, and checks that tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.summaries: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "summary":
            self.summaries.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "summary" in self.open:
            self.summaries[-1] += data


def a_score(value: float | None, number: int = 0, stage: str = "search", **more: int) -> Any:
    counts = {"comparisons": 180, "unparsable": 0, "ties": 0, **more}
    return {"round": number, "stage": stage, "value": value, **counts}


def a_prompt(name: str, parent: str | None = None, *scores: Any, **more: Any) -> dict[str, Any]:
    prompt = {"id": name, "text": f"text of {name}", "parent": parent, "scores": list(scores)}
    origin = "modify" if parent else "initial"
    return {**prompt, "round": 0, "origin": origin, "reason": "", "shown": [], **more}


def a_round(number: int, best: float | None = None, **more: Any) -> dict[str, Any]:
    stage = {"mllm_calls": 180, "answers_reused": 20, "prompt_tokens": 7000, "output_tokens": 300}
    counts = {"prompts": 1, "errors_found": 37, "seconds": 75.0, "notes": []}
    entry = {"round": number, "best": best, "null_low": None, "null_high": None, "beam": []}
    return {**entry, **counts, "stages": {"score": stage, "mine": stage}, **more}


def a_history(
    prompts: list[dict[str, Any]], rounds: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    history: dict[str, Any] = {
        "category": "bird",
        "classes": ["wren", "owl"],
        "mllm": "eyes",
        "optimizer_mllm": "pen",
        "objective": "instance",
        "images": 90,
        "held_out": 0,
        "settings": {"rounds": 1},
        "prompts": prompts,
        "rounds": rounds,
        "chosen": prompts[-1]["id"] if prompts else "",
        "final": {"value": 0.8, "stage": "search", "comparisons": 180},
    }
    return {**history, **more}


@pytest.fixture
def two_rounds() -> dict[str, Any]:
    prompts = [
        a_prompt("root", None, a_score(0.5)),
        a_prompt("weak", "root", a_score(0.6, 1), round=1),
        a_prompt("lost", "root", a_score(0.4, 1, "part", comparisons=45), round=1),
        a_prompt("mute", "root", round=1, origin="paraphrase"),
        a_prompt("good", "root", a_score(0.8, 1, unparsable=3), round=1, reason="too vague"),
    ]
    rounds = [a_round(0, 0.5), a_round(1, 0.8, null_low=0.45, null_high=0.55, prompts=4)]
    return a_history(prompts, rounds)


def outline(nodes: list[Node]) -> str:
    return " ".join("." * node.depth + node.prompt["id"] for node in nodes)


def test_hostile_texts_are_escaped_everywhere() -> None:
    prompts = [
        a_prompt("a", None, a_score(0.5), text=EVIL),
        a_prompt("b", "a", a_score(0.6), text=EVIL, reason=EVIL, origin=EVIL),
    ]
    prompts[1]["shown"] = [{"image": EVIL, "text": EVIL}]
    texts = {"category": EVIL, "classes": [EVIL], "mllm": EVIL, "optimizer_mllm": f"{EVIL}."}
    rounds = [a_round(0, 0.6, notes=[EVIL], stages={EVIL: {"mllm_calls": 1}})]
    html = draw_history(a_history(prompts, rounds, **texts, settings={EVIL: EVIL}))
    page = Page(html)
    assert "<script" not in html
    assert "script" not in page.tags
    assert html.count("&lt;script&gt;") > 18
    assert html.count("{{ 7 * 7 }}") > 18
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_the_page_asks_for_nothing_from_outside(two_rounds: dict[str, Any]) -> None:
    html = draw_history(two_rounds)
    page = Page(html)
    ids = {value for _, name, value in page.attributes if name == "id"}
    links = [value for _, name, value in page.attributes if name in ("href", "src", "action")]
    assert links
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    assert not {"link", "iframe", "object", "embed", "base", "img", "form"} & set(page.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html


def test_styles_and_drawings_hold_numbers_only(two_rounds: dict[str, Any]) -> None:
    page = Page(draw_history(two_rounds))
    numbers = re.compile(r"-?[\d.]+")
    drawn = [value for tag, name, value in page.attributes if name in ("cx", "cy", "x1", "y2")]
    assert len(drawn) > 10
    assert all(numbers.fullmatch(value) for value in drawn)
    styles = [value for _, name, value in page.attributes if name == "style"]
    assert all(re.fullmatch(r"--columns:\d+", value) for value in styles)


def test_scores_lie_where_they_should(two_rounds: dict[str, Any]) -> None:
    chart = draw_scores(two_rounds)
    assert chart
    found = {re.search(r"text of (\w+)", dot.title)[1]: dot for dot in chart.dots}  # type: ignore[index]
    assert set(found) == {"root", "weak", "lost", "good"}
    column = (WIDTH - 8 - chart.left) / 2
    assert found["root"].x == pytest.approx(chart.left + column / 2)
    assert found["good"].x == found["weak"].x == pytest.approx(chart.left + 1.5 * column)
    assert found["lost"].y == chart.base
    assert found["good"].y == 14
    assert found["weak"].y == pytest.approx((chart.base + 14) / 2)
    assert [found[name].kind for name in ("root", "lost", "good")] == ["search", "part", "chosen"]
    assert chart.dots[-1] is found["good"]
    assert "80.0 %, 180 comparisons, 3 unparsable" in found["good"].title
    assert [tick.text for tick in chart.y_ticks] == ["40 %", "50 %", "60 %", "70 %", "80 %"]
    assert [tick.text for tick in chart.x_ticks] == ["0", "1"]
    assert chart.chance == pytest.approx(found["root"].y)
    assert "from 50.0 % to 80.0 %; coin flips would reach 45.0 % to 55.0 %" in chart.summary


def test_line_and_band_follow_their_rounds(two_rounds: dict[str, Any]) -> None:
    chart = draw_scores(two_rounds)
    assert chart
    (line,), (band,) = chart.best, chart.band
    start, end = (tuple(map(float, point.split(","))) for point in line.split())
    assert (start[1], end[1]) == (pytest.approx(206, abs=0.01), 14)
    corners = [tuple(map(float, point.split(","))) for point in band.split()]
    assert [corner[1] for corner in corners] == [174.0] * 3 + [238.0] * 3
    assert corners[0][0] == corners[-1][0] == pytest.approx((start[0] + end[0]) / 2)


def test_a_gap_splits_the_line_and_the_band() -> None:
    band = {"null_low": 0.4, "null_high": 0.6}
    rounds = [a_round(0, 0.5, **band), a_round(1), a_round(2, 0.7, **band), a_round(3, 0.7)]
    chart = draw_scores(a_history([a_prompt("a", None, a_score(0.5))], rounds))
    assert chart
    assert [len(line.split()) for line in chart.best] == [1, 2]
    assert [len(area.split()) for area in chart.band] == [6, 6]


def test_equal_scores_do_not_hide_each_other() -> None:
    prompts = [a_prompt(str(number), None, a_score(0.7)) for number in range(30)]
    chart = draw_scores(a_history(prompts, [a_round(0, 0.7)]))
    assert chart
    places = {(round(dot.x, 3), round(dot.y, 3)) for dot in chart.dots}
    assert len(places) == 30
    assert all(chart.left < x < WIDTH and 0 < y < HEIGHT for x, y in places)


def test_the_final_choice_has_a_column_and_its_words() -> None:
    prompts = [
        a_prompt("a", None, a_score(0.6), a_score(0.55, 0, "choice")),
        a_prompt("b", "a", a_score(0.7), a_score(0.65, 0, "choice")),
    ]
    final = {"value": 0.65, "stage": "choice", "comparisons": 720}
    history = a_history(prompts, [a_round(0, 0.7)], final=final)
    chart = draw_scores(history)
    assert chart
    assert [tick.text for tick in chart.x_ticks] == ["0", "fresh pairs"]
    assert sorted(dot.kind for dot in chart.dots) == ["choice", "chosen", "chosen", "search"]
    html = draw_history(history)
    assert "measured on fresh pairs, the best of 2; 720 comparisons" in html
    assert "flattering" not in html
    assert "<b>55.0 %</b> at first, <b>65.0 %</b> after 0 rounds" in html
    assert "measured on 30 held-out images" in draw_history({**history, "held_out": 30})


def test_a_score_that_chose_is_called_flattering(two_rounds: dict[str, Any]) -> None:
    html = draw_history(two_rounds)
    assert "selected by this very score, the highest of 3, so flattering; 180 comparisons" in html
    assert "<b>50.0 %</b> at first, <b>80.0 %</b> after 1 round<" in html


def test_the_tree_puts_the_chosen_line_first_then_the_best() -> None:
    prompts = [
        a_prompt("root", None, a_score(0.5)),
        a_prompt("none", "root"),
        a_prompt("low", "root", a_score(0.3)),
        a_prompt("high", "root", a_score(0.9)),
        a_prompt("line", "root", a_score(0.2)),
        a_prompt("other", "line", a_score(0.8)),
        a_prompt("pick", "line", a_score(0.7)),
    ]
    history = a_history(prompts, [])
    tree = grow_tree(history)
    assert outline(tree) == "root .line ..pick ..other .high .low .none"
    assert [prompt["id"] for prompt in line_of_chosen(history)] == ["pick", "line", "root"]
    assert [node.on_line for node in tree] == [True] * 3 + [False] * 4
    assert [node.prompt["id"] for node in tree if node.chosen] == ["pick"]
    page = Page(draw_history(history))
    opened = [value for tag, name, value in page.attributes if (tag, name) == ("li", "class")]
    assert opened == ["line"] * 3
    assert sum("chosen" in summary for summary in page.summaries) == 1


def test_verdicts_say_how_far_a_prompt_came(two_rounds: dict[str, Any]) -> None:
    two_rounds["prompts"][4]["scores"].append(a_score(0.75, 1, "choice"))
    verdicts = {node.prompt["id"]: node.verdict for node in grow_tree(two_rounds)}
    assert verdicts == {
        "root": "50.0 %",
        "good": "80.0 %, finally 75.0 %",
        "weak": "60.0 %",
        "lost": "dropped after 45 comparisons",
        "mute": "not scored",
    }


@pytest.mark.parametrize("chosen", ["b", "c", "gone", None])
def test_unknown_parents_and_rings_lose_no_prompt(chosen: str | None) -> None:
    prompts = [
        a_prompt("a", "b"),
        a_prompt("b", "a"),
        a_prompt("self", "self"),
        a_prompt("c", "nobody", a_score(0.6)),
    ]
    history = a_history(prompts, [a_round(0)], chosen=chosen)
    assert outline(grow_tree(history)) == "c a .b self"
    html = draw_history(history)
    assert ("No prompt was chosen." in html) == (chosen not in ("b", "c"))
    assert all(f"text of {name}</div>" in html for name in ("a", "b", "c", "self"))


def test_an_empty_history_is_a_page() -> None:
    final = {"value": None, "stage": "search", "comparisons": 0}
    html = draw_history(a_history([], [], final=final, classes=[], settings={}))
    assert "bird: prompts without a score" in html
    assert "Nothing was scored." in html
    assert "There are no prompts." in html
    assert "<svg" not in html
    Page(html)


def test_round_zero_alone_shows_one_prompt() -> None:
    prompts = [a_prompt("a", None, a_score(0.52))]
    final = {"value": 0.52, "stage": "search", "comparisons": 180}
    html = draw_history(a_history(prompts, [a_round(0, 0.52)], final=final))
    assert "bird: <b>52.0 %</b></h1>" in html
    assert "Chosen prompt, the one it began with" in html
    assert "Initial prompt" not in html
    assert "the only prompt that was scored, 180 comparisons" in html
    assert html.count("<circle") == 1


def test_scores_that_are_null_draw_no_chart() -> None:
    prompts = [a_prompt("a", None, a_score(None)), a_prompt("b", "a", a_score(None, 1, "part"))]
    final = {"value": None, "stage": "choice", "comparisons": 0}
    html = draw_history(a_history(prompts, [a_round(0), a_round(1)], final=final))
    assert "Nothing was scored." in html
    assert "dropped after 180 comparisons" in html
    assert "no score" in html


@pytest.mark.parametrize("objective", ["random_labels", "majority_labels", "spo"])
def test_other_objectives_have_neither_band_nor_chance(
    two_rounds: dict[str, Any], objective: str
) -> None:
    rounds = [a_round(0, 0.5), a_round(1, 0.8)]
    html = draw_history({**two_rounds, "objective": objective, "rounds": rounds})
    assert "There is no band of coin flips for this objective." in html
    assert 'class="chance"' not in html
    assert "<polygon" not in html
    assert html.count("<circle") == 4


def test_the_table_counts_each_round_and_the_tiles_all(two_rounds: dict[str, Any]) -> None:
    two_rounds["rounds"][1]["notes"] = ["3 replies without <START>"]
    html = draw_history(two_rounds)
    cells = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr.*?</tr>", html)]
    row = "|".join(filter(None, cells[2].split("|")))
    assert row == "1|4|80.0 %|45.0 % to 55.0 %|37|360|40|14,000|600|1 min 15 s"
    assert "3 replies without &lt;START&gt;" in cells[3]
    assert "<dd>720<small>80 answers reused</small>" in html
    assert "<dd>29,200<small>28,000 read, 1,200 written</small>" in html
    assert "<dd>1<small>2 min 30 s</small>" in html
    stage = next(cell for cell in cells if "mine" in cell)
    assert [part for part in stage.split("|") if part] == ["mine", "360", "40", "14,000", "600"]


def test_hundreds_of_long_prompts_and_deep_chains_stay_usable() -> None:
    text = "describe the bill and the tail " * 65
    prompts = [a_prompt("0", None, a_score(0.5), text=text)]
    for number in range(1, 300):
        parent = str(number - 1 if number < 7 else number % 7)
        shown = [{"image": "1.png", "text": text}]
        score = a_score(number / 300, number % 7)
        prompts.append(
            a_prompt(str(number), parent, score, text=text, reason=text, shown=shown, round=1)
        )
    html = draw_history(a_history(prompts, [a_round(n, 0.9) for n in range(7)], chosen="6"))
    page = Page(html)
    assert html.count("<circle") == 300
    assert len([text for text in page.summaries if text.startswith(("initial", "modify"))]) == 300
    assert max(len(text) for text in page.summaries) < 220
    assert len(html) < 4 * 300 * len(text)


def test_a_chain_longer_than_python_recurses_is_shown() -> None:
    prompts = [a_prompt("0")]
    prompts += [a_prompt(str(number), str(number - 1)) for number in range(1, 1500)]
    history = a_history(prompts, [])
    depths = [node.depth for node in grow_tree(history)]
    assert depths == [min(number, DEEPEST) for number in range(1500)]
    page = Page(draw_history(history))
    assert page.tags.count("li") == 1500


@pytest.mark.parametrize(
    ("text", "start"),
    [("one\n two ", "one two"), ("word " * 60, "word word"), ("x" * 5000, "x" * 140)],
)
def test_openings_are_one_short_line(text: str, start: str) -> None:
    found = opening(text)
    assert found.startswith(start)
    assert len(found) <= 142
    assert found.endswith("…") == (len(text) > 142)
