"""What an ingress knows of how much its classifiers take."""

from __future__ import annotations

import pytest

from serve.load_shedder import LoadShedder


class Clock:
    """Time that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("serve.load_shedder.time.monotonic", clock)
    return clock


def test_as_many_as_were_refused_are_too_many_for_a_while(clock: Clock) -> None:
    shedder = LoadShedder()
    assert not shedder.full(1000)
    shedder.refused(7)
    assert shedder.full(7)
    assert not shedder.full(6)
    clock.now += 0.6
    assert not shedder.full(7)


def test_a_level_that_stays_full_is_tried_less_often(clock: Clock) -> None:
    shedder = LoadShedder()
    tries = 0
    for _ in range(10_000):
        clock.now += 0.01
        if not shedder.full(7):
            tries += 1
            shedder.refused(7)
    assert 10 < tries < 25  # of 100 s; every half a second would be 200


def test_it_is_tried_often_again_once_it_was_not_full(clock: Clock) -> None:
    shedder = LoadShedder()
    for _ in range(6):
        shedder.refused(7)
        clock.now += 10
    shedder.refused(7)
    clock.now += 0.6
    assert not shedder.full(7)
