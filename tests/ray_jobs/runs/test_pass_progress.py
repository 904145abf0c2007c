"""How far a pass is, from looks at what its stages have counted."""

from __future__ import annotations

import pytest

from ray_jobs.runs.pass_progress import Look, PassProgress


def look(at: float, passed: int, **more: dict[str, int]) -> Look:
    """A look at a pass of decode and clip, which has let so many rows through."""
    counts = {"decode": {"passed": passed + 8}, "clip": {"passed": passed}}
    for stage, found in more.items():
        counts[stage] = {**counts.get(stage, {}), **found}
    return Look(at, {"decode": at * 1.8, "clip": at * 0.3}, {"decode": 2, "clip": 1}, counts)


def started(**settings: object) -> PassProgress:
    """A pass that begins after another one, which counted 100 rows."""
    return PassProgress(
        "label",
        look(0.0, 100),
        stages=("fetch", "decode", "clip"),
        **settings,  # type: ignore[arg-type]
    )


def test_done_are_the_rows_that_the_last_stage_let_through() -> None:
    doing = started(total=1000, earlier=200)
    assert doing.figures()["done"] == 200
    assert doing.figures()["images_per_second"] is None
    assert doing.figures()["seconds_left"] is None
    doing.add(look(10.0, 100))  # models start
    doing.add(look(12.0, 140))
    found = doing.figures()
    assert (found["images"], found["done"]) == (1000, 240)
    assert found["images_per_second"] == pytest.approx(20.0)
    assert found["seconds_left"] == pytest.approx(38.0)


def test_rows_counted_twice_after_a_lost_node_are_no_more_than_there_are() -> None:
    doing = started(total=50)
    doing.add(look(5.0, 170))
    assert doing.figures()["done"] == 50
    assert doing.figures()["seconds_left"] == 0.0


def test_the_rate_is_that_of_the_last_minute() -> None:
    doing = started(total=100_000)
    for second in range(0, 300, 5):
        doing.add(look(float(second), 100 + 10 * second))
    for second in range(300, 400, 5):
        doing.add(look(float(second), 3100 + 100 * (second - 300)))
    assert doing.figures()["images_per_second"] == pytest.approx(100.0)


def test_a_minute_without_a_row_counts_the_whole_time() -> None:
    doing = started(total=1000)
    for second in range(0, 20, 5):
        doing.add(look(float(second), 100 + 10 * second))
    for second in range(20, 200, 5):
        doing.add(look(float(second), 250))
    rate = doing.figures()["images_per_second"]
    assert rate == pytest.approx(150 / 195, abs=0.001)


def test_errors_are_those_of_this_pass_by_code() -> None:
    before = look(0.0, 0, fetch={"missing": 3, "ok": 90}, mllm={"mllm_timeout": 1})
    doing = PassProgress("recognise", before, total=100, stages=("fetch", "ask"))
    doing.add(
        look(
            1.0,
            50,
            fetch={"missing": 5, "ok": 140},
            mllm={"mllm_timeout": 2},
            decode={"corrupt": 1},
        )
    )
    assert doing.figures()["errors"] == {"corrupt": 1, "mllm_timeout": 1, "missing": 2}
    assert doing.errors(lasting=True) == {"corrupt": 1, "missing": 2}


def test_the_bottleneck_is_the_stage_whose_processes_are_busiest() -> None:
    doing = started(total=100)
    assert doing.figures()["bottleneck"] is None
    doing.add(look(10.0, 150))
    found = doing.figures()
    assert found["bottleneck"] == "decode"
    assert found["stages"]["decode"] == {"processes": 2, "busy": 0.9}
    assert found["stages"]["clip"] == {"processes": 1, "busy": 0.3}


def test_tokens_are_counted_and_timed() -> None:
    doing = PassProgress("recognise", look(0.0, 0), total=9, stages=("ask",))
    assert doing.figures()["output_tokens_per_second"] is None
    doing.add(look(2.0, 0, mllm={"prompt_tokens": 600, "output_tokens": 50}))
    found = doing.figures()
    assert (found["prompt_tokens"], found["output_tokens"]) == (600, 50)
    assert found["prompt_tokens_per_second"] == 300.0
    assert found["output_tokens_per_second"] == 25.0


def test_a_stage_that_comes_twice_lets_each_row_through_twice() -> None:
    doing = PassProgress("answers", Look(0.0), total=10, stages=("cached", "ask", "cached", "ask"))
    doing.add(Look(1.0, counts={"ask": {"passed": 12}}))
    assert doing.figures()["done"] == 6
