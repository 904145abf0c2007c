"""The ranking loss and scores of texts, against the parents' values."""

from __future__ import annotations

import math

import pytest
import torch

from methods.data_free.ranking import global_scores, local_scores, ranking_loss


def test_the_parents_loss() -> None:
    scores, labels = torch.tensor([[1.5, 0.2, -0.3, 0.9]]), torch.tensor([[1, 0, 0, 1]])
    before = scores.clone()
    assert float(ranking_loss(scores, labels)) == pytest.approx(0.3)
    assert float(ranking_loss(2 * scores, labels)) == 0  # the parent's scale of 2
    assert torch.equal(scores, before)
    labels = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]])
    assert float(ranking_loss(torch.zeros(2, 5), labels)) == pytest.approx(5.0)


@pytest.mark.parametrize("value", [0, 1])
def test_no_pairs_no_loss(value: int) -> None:
    scores = torch.randn(3, 4, requires_grad=True)
    loss = ranking_loss(scores, torch.full((3, 4), value))
    assert float(loss.detach()) == 0
    loss.backward()  # a batch without pairs must not stop training
    assert not scores.grad.any()


def test_a_sum_over_pairs_whatever_is_added_to_a_row() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(6, 9, generator=generator)
    labels = torch.rand(6, 9, generator=generator) < 0.4
    slow = 0.0
    for row, own in zip(scores, labels, strict=True):
        for i in torch.nonzero(own)[:, 0]:
            for j in torch.nonzero(~own)[:, 0]:
                slow += max(0.0, float(1 - row[i] + row[j]))
    assert float(ranking_loss(scores, labels)) == pytest.approx(slow / 6, rel=1e-5)
    shifted = scores + torch.randn(6, 1, generator=generator)
    assert torch.allclose(ranking_loss(shifted, labels), ranking_loss(scores, labels), atol=1e-5)
    positives = labels.sum(dim=1).float()
    equal = ranking_loss(torch.zeros(6, 9), labels)
    assert float(equal) == pytest.approx(float((positives * (9 - positives)).mean()))
    order = torch.randperm(9, generator=generator)
    assert torch.allclose(ranking_loss(scores[:, order], labels[:, order]), equal * 0 + slow / 6)


def test_ignored_classes_are_no_negatives() -> None:
    scores = torch.tensor([[0.0, 5.0, 0.0]], requires_grad=True)
    labels = torch.tensor([[True, False, False]])
    ignored = torch.tensor([[True, True, False]])  # a positive stays one
    loss = ranking_loss(scores, labels, ignored=ignored)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1.0)
    assert scores.grad.tolist() == [[-1.0, 0.0, 1.0]]


SIMILAR = torch.tensor([0.1, 0.2, 0.3, 0.25])


@pytest.mark.parametrize(
    ("kappa", "expected"),
    [(0, 0.85), (4, 0.93069), (40, 1.16996), (50, 1.18241), (math.inf, 1.2)],
)
def test_the_parents_aggregation(kappa: float, expected: float) -> None:
    # features of one dimension: cosines are whatever we like
    found = local_scores(SIMILAR[None, :, None], torch.ones(1, 1), kappa)
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_masked_positions_count_for_nothing() -> None:
    masked = torch.tensor([0.3, 0.1, 0.2, 0.9])[None, :, None]
    present = torch.tensor([[True, True, True, False]])
    for kappa in (0, 4, 50, math.inf):
        found = local_scores(masked, torch.ones(1, 1), kappa, present=present)
        assert float(found) == pytest.approx(
            float(local_scores(masked[:, :3], torch.ones(1, 1), kappa)), abs=1e-6
        )
    assert float(local_scores(masked, torch.ones(1, 1), 50, present=present)) == pytest.approx(
        1.19729, abs=1e-5
    )


def test_local_scores_lie_between_mean_and_greatest() -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.nn.functional.normalize(torch.randn(5, 7, 8, generator=generator), dim=-1)
    matrix = torch.nn.functional.normalize(torch.randn(4, 8, generator=generator), dim=-1)
    cosines = features @ matrix.T
    found = local_scores(features, matrix, 30)
    assert (found >= 4 * cosines.mean(dim=1) - 1e-6).all()
    assert (found <= 4 * cosines.amax(dim=1) + 1e-6).all()
    same = features[:, :1].expand(-1, 7, -1)
    assert torch.allclose(local_scores(same, matrix), global_scores(same[:, 0], matrix), atol=1e-6)
