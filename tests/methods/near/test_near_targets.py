"""Targets and losses: golden values and invariants."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, tensor

from methods.near.targets import (
    clean_targets,
    first_targets,
    negative_entropy,
    noisy_targets,
    partial_loss,
    refined_targets,
    restricted,
    sharpen,
    soft_cross_entropy,
    uniform_divergence,
)


def close(one: Tensor, other: object, atol: float = 1e-4) -> bool:
    return torch.allclose(one, torch.as_tensor(other), atol=atol)


def batch(seed: int = 0) -> dict[str, Tensor]:
    """Six images, five names, a random split; own labels are candidates."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor([0, 1, 2, 3, 4, -1])
    mask = torch.rand(6, 5, generator=generator) < 0.4
    mask[range(5), labels[:5]] = True
    mask[[1, 3], [4, 0]] = True
    mask[5, 2] = True
    return {
        "probabilities": (10 * torch.randn(6, 5, generator=generator)).softmax(dim=1),
        "labels": labels,
        "weights": torch.tensor([0.9, 0.1, 1.0, 0.0, 0.7, 0.0]),
        "clean": torch.tensor([True, False, True, False, True, False]),
        "mask": mask,
    }


def test_golden_sharpening() -> None:
    assert close(sharpen(tensor([[0.2, 0.3, 0.5]])), [[0.1053, 0.2368, 0.6579]])
    assert close(sharpen(tensor([[0.1, 0.1, 0.8]])), [[0.0152, 0.0152, 0.9697]])
    assert close(sharpen(tensor([[0.2, 0.8]]), power=1), [[0.2, 0.8]])


def test_golden_partial_loss() -> None:
    logits = tensor([[2.0, 1, 0, -1], [0, 0, 3, 1]])
    targets = tensor([[0.5, 0.5, 0, 0], [0, 0.25, 0.25, 0.5]])
    loss, following = partial_loss(logits, targets, targets > 0)
    assert float(loss) == pytest.approx(1.45059, abs=1e-5)
    assert close(following, [[0.7311, 0.2689, 0, 0], [0, 0.0420, 0.8438, 0.1142]])


@pytest.mark.parametrize(
    ("label", "p", "weight", "mixed", "sharpened"),
    [
        (0, [0.2, 0.3, 0.5], 0.9, [0.92, 0.03, 0.05], [0.9960, 0.0011, 0.0029]),
        (1, [0.1, 0.1, 0.8], 0.4, [0.06, 0.46, 0.48], [0.0081, 0.4749, 0.5171]),
    ],
)
def test_golden_mix_of_a_clean_label(
    label: int, p: list[float], weight: float, mixed: list[float], sharpened: list[float]
) -> None:
    found = clean_targets(tensor([label]), tensor([weight]), tensor([p]))
    assert close(found, [mixed])
    assert close(sharpen(found), [sharpened])
    given = tensor([p]), tensor([label]), tensor([weight]), tensor([True]), torch.ones(1, 3) > 0
    assert close(refined_targets(*given, trust=1.0, power=2.0), [sharpened])
    assert close(refined_targets(*given), [p]), "not trusted: the prediction"


@pytest.mark.parametrize(("trust", "power"), [(0.0, 1.0), (1.0, 2.0)])
def test_every_target_is_a_distribution_without_a_gradient(trust: float, power: float) -> None:
    for seed in range(5):
        given = batch(seed)
        logits = given["probabilities"].log().requires_grad_()
        given["probabilities"] = logits.softmax(dim=1)
        targets = refined_targets(**given, trust=trust, power=power)
        assert not targets.requires_grad
        assert not partial_loss(logits, targets, given["mask"])[1].requires_grad
        assert (targets >= 0).all()
        assert close(targets.sum(dim=1), torch.ones(6), atol=1e-6)
        assert not targets[~given["mask"]].any(), "nothing beyond candidates"


def test_the_branch_is_the_images_own() -> None:
    given = batch()
    targets = refined_targets(**given, trust=1.0, power=2.0)
    for i in range(6):
        one = {name: value[i : i + 1] for name, value in given.items()}
        assert close(refined_targets(**one, trust=1.0, power=2.0)[0], targets[i], atol=1e-6)
    among = restricted(given["probabilities"], given["mask"])
    mixed = sharpen(clean_targets(given["labels"], given["weights"], among))
    assert close(targets[given["clean"]], mixed[given["clean"]], atol=1e-6)
    assert close(targets[~given["clean"]], sharpen(among)[~given["clean"]], atol=1e-6)
    for value in (True, False):  # all of one kind: the other branch is empty, and harmless
        given["clean"] = torch.full((6,), value)
        given["labels"] = given["labels"].clamp(min=0)
        assert torch.isfinite(refined_targets(**given, trust=1.0)).all()


def test_trusted_is_the_label_and_not_trusted_the_prediction() -> None:
    given = batch()
    p = given["probabilities"]
    labels = given["labels"].clamp(min=0)
    assert (clean_targets(labels, torch.ones(6), p) == torch.eye(5)[labels]).all()
    assert (clean_targets(labels, torch.zeros(6), p) == p).all()


def test_all_names_as_candidates_are_self_training_and_one_is_its_label() -> None:
    logits = batch()["probabilities"].log()
    assert close(noisy_targets(logits, torch.ones(6, 5) > 0), logits.softmax(dim=1), atol=1e-6)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    own = torch.eye(5)[labels]
    assert (noisy_targets(logits, own > 0) == own).all()
    assert close(noisy_targets(logits, torch.zeros(6, 5) > 0), logits.softmax(dim=1))
    assert close(restricted(logits.exp(), torch.zeros(6, 5) > 0), logits.exp())


def test_candidates_the_model_thinks_impossible_still_get_a_distribution() -> None:
    logits = torch.tensor([[200.0, 0.0, 1.0]])
    mask = torch.tensor([[False, True, True]])
    assert not logits.softmax(dim=1)[mask].any(), "0 in float32"
    assert close(noisy_targets(logits, mask), [[0, 0.2689, 0.7311]])
    assert restricted(logits.softmax(dim=1), mask).tolist() == [[0, 0.5, 0.5]]


def test_first_targets_are_the_label_or_all_candidates_equally() -> None:
    mask = torch.tensor([[True, True, False, False], [False, True, True, False]])
    found = first_targets(torch.tensor([1, -1]), mask)
    assert found.tolist() == [[0, 1, 0, 0], [0, 0.5, 0.5, 0]]


def test_permuting_names_permutes_columns() -> None:
    given = batch()
    order = torch.tensor([3, 0, 4, 1, 2])
    other = dict(given)
    for name in ("probabilities", "mask"):
        other[name] = given[name][:, order]
    other["labels"] = torch.where(given["labels"] >= 0, order.argsort()[given["labels"]], -1)
    assert close(refined_targets(**other), refined_targets(**given)[:, order], atol=1e-6)


def test_losses_against_torch_and_by_hand() -> None:
    given = batch()
    labels = given["labels"].clamp(min=0)
    logits = given["probabilities"].log()
    hard = soft_cross_entropy(logits, torch.eye(5)[labels])
    assert close(hard, torch.nn.functional.cross_entropy(logits, labels), atol=1e-5)
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    assert close(negative_entropy(logits), -entropy, atol=1e-5)
    assert float(negative_entropy(torch.zeros(3, 1))) == 0, "one name: nothing to be unsure about"
    assert float(uniform_divergence(torch.zeros(3, 4))) == pytest.approx(0, abs=1e-6)
    # mean prediction (3/4, 1/4): 1/2 log(2/3) + 1/2 log 2
    logits = torch.tensor([[0.75, 0.25]]).log().repeat(4, 1)
    assert float(uniform_divergence(logits)) == pytest.approx(0.14384, abs=1e-5)
    assert torch.isfinite(uniform_divergence(torch.tensor([[200.0, 0.0]])))
