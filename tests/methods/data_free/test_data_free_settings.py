"""Settings: what is TaI-DPT's, and what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

from methods.data_free.settings import (
    HIERARCHIES,
    CorpusSettings,
    DataFreeTrainSettings,
    GroupSettings,
    TokenCounts,
)
from methods.multi_label_scores import ScoreSettings


def test_defaults_of_the_parent() -> None:
    train = DataFreeTrainSettings()
    assert (train.text_scale, train.margin, train.kappa_text) == (4, 1, 50)
    assert (train.train_batch, train.epochs, train.rate, train.momentum) == (512, 20, 1e-4, 0.9)
    assert (train.weight_decay, train.first_epochs, train.first_rate) == (5e-4, 1, 1e-5)
    assert train.multiply_rates
    assert not DataFreeTrainSettings(optimizer="adam").multiply_rates
    assert DataFreeTrainSettings(optimizer="adam").rate == 1e-3
    adam = DataFreeTrainSettings(optimizer="adam", learning_rate=0.1, level_rates=True)
    assert adam.multiply_rates
    assert adam.rate == 0.1
    assert ScoreSettings() == ScoreSettings(scale=4, kappa_image=40, fusion=0.5)
    assert {counts.total for counts in HIERARCHIES.values()} == {16}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TokenCounts, {"shared": -1}),
        (TokenCounts, {"shared": 0, "attribute": 0, "context": 0, "own": 0}),
        (CorpusSettings, {"label_source": "verbs"}),
        (CorpusSettings, {"graph_share": 1.5}),
        (CorpusSettings, {"shortest_sentence": 9, "longest_sentence": 8}),
        (CorpusSettings, {"max_per_class": 10}),
        (CorpusSettings, {"sentences": 0}),
        (CorpusSettings, {"answer_retries": -1}),
        (GroupSettings, {"groups": "astrology"}),
        (GroupSettings, {"group_count": 0}),
        (GroupSettings, {"least_relation": 0}),
        (DataFreeTrainSettings, {"optimizer": "lbfgs"}),
        (DataFreeTrainSettings, {"selection": "best_test"}),
        (DataFreeTrainSettings, {"held_out": 1.0}),
        (DataFreeTrainSettings, {"held_out": 0.0, "selection": "best_held_out"}),
        (DataFreeTrainSettings, {"learning_rate": 0.0}),
        (DataFreeTrainSettings, {"epochs": 0}),
        (ScoreSettings, {"fusion": 2.0}),
        (ScoreSettings, {"kappa_image": -1.0}),
    ],
)
def test_what_cannot_be_meant(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|use one of|needs"):
        kind(**values)
