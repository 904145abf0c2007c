"""TaI-DPT's loss, scores and average precision on fixed tensors, to 1e-6."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from methods.data_free.ranking import global_scores, local_scores, ranking_loss
from methods.metrics_bootstrap import RankedClasses
from methods.metrics_multilabel import average_precisions, mean_average_precision
from methods.multi_label_scores import ScoreSettings, image_scores
from methods.tensor_scores import fused_scores
from tests.parity.tensors import captions, drawn, images, prompts, ranked

GOLDEN = json.loads((Path(__file__).parent / "golden" / "tai_dpt.json").read_text())
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def test_the_ranking_loss() -> None:
    scores, labels = drawn()
    assert float(ranking_loss(scores, labels)) == pytest.approx(GOLDEN["ranking_loss"], rel=1e-6)
    doubled = float(ranking_loss(2 * scores, labels))
    assert doubled == pytest.approx(GOLDEN["ranking_loss_of_doubled_scores"], rel=1e-6)


def test_average_precision() -> None:
    scores, positive = ranked()
    marks = positive.astype(bool)
    np.testing.assert_allclose(average_precisions(scores, marks), GOLDEN["average_precision"])
    mean = mean_average_precision(scores, marks)
    assert 100 * mean == pytest.approx(GOLDEN["map_percent"], rel=1e-9)
    assert RankedClasses(scores, marks)(np.ones(40, np.int64)) == pytest.approx(mean, rel=1e-12)


def test_scores_of_images() -> None:
    whole, dense = (normalize(each, dim=-1) for each in images())
    first, second = (normalize(each, dim=-1) for each in prompts())
    found = image_scores(*(each.numpy() for each in (whole, dense, first, second)))
    np.testing.assert_allclose(found.whole, GOLDEN["image_global"], **CLOSE)
    np.testing.assert_allclose(found.local, GOLDEN["image_local"], **CLOSE)
    fused = fused_scores(whole @ first.T, dense, second, ScoreSettings())
    half = (np.array(GOLDEN["image_global"]) + np.array(GOLDEN["image_local"])) / 2
    np.testing.assert_allclose(fused, half, **CLOSE)


def test_scores_of_texts() -> None:
    texts, tokens, ends = captions()
    texts = normalize(texts, dim=-1)
    first, second = (normalize(each, dim=-1) for each in prompts())
    whole = global_scores(texts[torch.arange(len(texts)), ends], first)
    np.testing.assert_allclose(whole, GOLDEN["text_global"], **CLOSE)
    local = local_scores(texts, second, present=tokens != 0)
    np.testing.assert_allclose(local, GOLDEN["text_local"], **CLOSE)
