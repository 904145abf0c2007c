"""Settings: what is TaI-DPT's, and what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

from methods.data_free.settings import (
    HIERARCHIES,
    CorpusSettings,
    GroupSettings,
    TokenCounts,
    TrainSettings,
)
from methods.multi_label_scores import ScoreSettings


def test_defaults_of_the_parent() -> None:
    train = TrainSettings()
    assert (train.text_scale, train.margin, train.kappa_text) == (4, 1, 50)
    assert (train.batch, train.epochs, train.rate, train.momentum) == (512, 20, 1e-4, 0.9)
    assert (train.weight_decay, train.first_epochs, train.first_lr) == (5e-4, 1, 1e-5)
    assert train.multiply_rates
    assert not TrainSettings(optimizer="adam").multiply_rates
    assert TrainSettings(optimizer="adam").rate == 1e-3
    assert TrainSettings(optimizer="adam", lr=0.1, level_rates=True).multiply_rates
    assert ScoreSettings() == ScoreSettings(scale=4, kappa_image=40, fusion=0.5)
    assert {counts.total for counts in HIERARCHIES.values()} == {16}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TokenCounts, {"shared": -1}),
        (TokenCounts, {"shared": 0, "attribute": 0, "context": 0, "own": 0}),
        (CorpusSettings, {"label_source": "verbs"}),
        (CorpusSettings, {"from_graph": 1.5}),
        (CorpusSettings, {"shortest": 9, "longest": 8}),
        (CorpusSettings, {"max_per_class": 10}),
        (CorpusSettings, {"per_question": 0}),
        (CorpusSettings, {"retries": -1}),
        (GroupSettings, {"source": "astrology"}),
        (GroupSettings, {"count": 0}),
        (GroupSettings, {"least": 0}),
        (TrainSettings, {"optimizer": "lbfgs"}),
        (TrainSettings, {"selection": "best_test"}),
        (TrainSettings, {"held_out": 1.0}),
        (TrainSettings, {"held_out": 0.0, "selection": "best_held_out"}),
        (TrainSettings, {"lr": 0.0}),
        (TrainSettings, {"epochs": 0}),
        (ScoreSettings, {"fusion": 2.0}),
        (ScoreSettings, {"kappa_image": -1.0}),
    ],
)
def test_what_cannot_be_meant(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|use one of|needs"):
        kind(**values)
