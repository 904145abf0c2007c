"""The loop that trainings share: learning rates, and states that are copies."""

from __future__ import annotations

import pytest
import torch

from methods.training_loop import copied_to_cpu, learning_rate


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 1e-5), (1, 1e-4), (2, 9.938e-5), (11, 5.0e-5), (19, 2.447e-6)]
)
def test_learning_rates_are_the_published_ones(epoch: int, rate: float) -> None:
    """Those of TaI-DPT, at its defaults."""
    assert learning_rate(epoch, 1e-4, 20) == pytest.approx(rate, rel=1e-3)


def test_learning_rates_fall_and_never_reach_zero() -> None:
    rates = [learning_rate(epoch, 0.002, 50) for epoch in range(1, 50)]
    assert rates[0] == 0.002
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 2e-5
    assert learning_rate(2, 0.002, 50, first_epochs=3, first_rate=0.1) == 0.1


def test_a_copied_state_does_not_change_with_what_it_was_made_of() -> None:
    tensor = torch.ones(2, requires_grad=True)
    copied = copied_to_cpu({"a": [tensor, 3], "b": "text"})
    with torch.no_grad():
        tensor += 1
    assert copied["a"][0].tolist() == [1, 1]
    assert not copied["a"][0].requires_grad
    assert copied["a"][1:] == [3]
    assert copied["b"] == "text"
