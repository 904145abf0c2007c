"""Prompts with shared tokens: what is shared, what trains, and the two ends of the scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from methods.data_free.hierarchical_prompts import HierarchicalPrompts
from methods.data_free.relations import random_groups
from methods.data_free.settings import HIERARCHIES, TokenCounts
from methods.errors import InputError
from methods.near.prompt_learner import PromptLearner
from methods.text_tower import TextTower

NAMES = ["dog", "hot dog", "dining table", "person", "bird", "kite"]
ALIKE = np.array([0, 1, 1, 0, 2, 2])
TOGETHER = np.array([0, 1, 1, 0, 0, 0])


def prompts_of(tower: TextTower, tokens: TokenCounts, **others: Any) -> HierarchicalPrompts:
    groups = {"attribute_groups": ALIKE, "context_groups": TOGETHER}
    return HierarchicalPrompts(tower, NAMES, tokens, **{**groups, **others})


def set_rows(level: Any, rows: Tensor) -> None:
    """Give a level the tokens of each class (equal within groups)."""
    at = 0
    with torch.no_grad():
        for parameter in level.tokens:
            for row in range(len(parameter)):
                parameter[row] = rows[int((level.place == at).nonzero()[0, 0])]
                at += 1


def test_all_shared_is_the_unified_prompt(tower: TextTower) -> None:
    prompts = prompts_of(tower, HIERARCHIES["shared"])
    learner = PromptLearner(tower, NAMES, context=16, seed=5)
    for bank in ("whole", "local"):
        set_rows(prompts.banks[bank]["shared"], learner.ctx.detach().expand(len(NAMES), -1, -1))
    whole, local = prompts.matrices()
    assert torch.equal(whole, learner.text_features())
    assert torch.equal(whole, local)
    assert sum(parameter.numel() for parameter in prompts.parameters()) == 2 * 16 * 64


def test_all_own_is_a_prompt_for_each_class(tower: TextTower) -> None:
    prompts = prompts_of(tower, HIERARCHIES["none"])
    rows = torch.randn(len(NAMES), 16, 64, generator=torch.Generator().manual_seed(2))
    set_rows(prompts.banks["whole"]["own"], rows)
    assert torch.equal(prompts.context("whole"), rows)
    whole, _ = prompts.matrices()
    for name, row, found in zip(NAMES, rows, whole, strict=True):
        learner = PromptLearner(tower, [name], context=16)
        with torch.no_grad():
            learner.ctx.copy_(row)
        assert torch.allclose(found, learner.text_features()[0], atol=1e-6)
    # groups of one class each are own tokens by another name
    single = prompts_of(tower, TokenCounts(0, 16, 0, 0), attribute_groups=np.arange(len(NAMES)))
    set_rows(single.banks["whole"]["attribute"], rows)
    assert torch.equal(single.matrices()[0], whole)


def test_the_order_of_levels(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(1, 2, 3, 4))
    context = prompts.context("whole")
    assert context.shape == (6, 10, 64)
    assert torch.equal(context[0, 0], context[5, 0])
    for start, stop, groups in ((1, 3, ALIKE), (3, 6, TOGETHER), (6, 10, np.arange(6))):
        part = context[:, start:stop]
        for one in range(6):
            for other in range(6):
                same = torch.equal(part[one], part[other])
                assert same == (groups[one] == groups[other])
    assert not torch.equal(context, prompts.context("local"))
    assert float(context.detach().std()) == pytest.approx(0.02, rel=0.1)


def test_gradients_reach_only_the_tokens_of_a_class(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(1, 1, 1, 1))
    whole, local = prompts.matrices()
    target = functional.normalize(torch.ones(32), dim=0)
    (whole[2] @ target).backward()
    for level, groups in (
        ("shared", np.zeros(6, int)),
        ("attribute", ALIKE),
        ("context", TOGETHER),
        ("own", np.arange(6)),
    ):
        own = prompts.banks["whole"][level]
        grads = torch.cat([parameter.grad for parameter in own.tokens])[own.place]
        touched = grads.flatten(1).abs().sum(dim=1) > 0
        assert touched.tolist() == (groups == groups[2]).tolist(), level
        assert all(parameter.grad is None for parameter in prompts.banks["local"][level].tokens)
    assert local is not None


def test_class_order_permutes_rows(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(2, 2, 2, 2), seed=4)
    order = np.array([3, 0, 5, 1, 4, 2])
    other = HierarchicalPrompts(
        tower,
        [NAMES[at] for at in order],
        TokenCounts(2, 2, 2, 2),
        attribute_groups=ALIKE[order] * 7,  # numbers of groups mean nothing
        context_groups=TOGETHER[order],
        seed=4,
    )
    for found, permuted in zip(prompts.matrices(), other.matrices(), strict=True):
        assert torch.allclose(found[order], permuted, atol=1e-6)
    different = prompts_of(tower, TokenCounts(2, 2, 2, 2), seed=5)
    assert not torch.allclose(different.context("whole"), prompts.context("whole"))


def test_chunks_give_the_same(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(1, 1, 1, 1))
    whole, local = prompts.matrices()
    (whole.sum() + local[:, 0].sum()).backward()
    grads = [parameter.grad.clone() for parameter in prompts.parameters()]
    prompts.zero_grad()
    first, second = prompts.matrices(chunk=4)
    (first.sum() + second[:, 0].sum()).backward()
    assert torch.allclose(first, whole, atol=1e-6)
    for parameter, grad in zip(prompts.parameters(), grads, strict=True):
        assert torch.allclose(parameter.grad, grad, atol=1e-5)


def test_rates_of_levels(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(1, 1, 1, 1))
    groups = prompts.rate_groups(0.1)
    found = {id(p): g["multiplier"] for g in groups for p in g["params"]}
    assert len(found) == len(list(prompts.parameters()))
    for bank in ("whole", "local"):
        levels = prompts.banks[bank]
        assert [found[id(p)] for p in levels["shared"].tokens] == [1.0]
        assert [found[id(p)] for p in levels["own"].tokens] == [pytest.approx(6**0.5)]
        assert [found[id(p)] for p in levels["attribute"].tokens] == [pytest.approx(3**0.5)]
        expected = [pytest.approx(3**0.5), pytest.approx(1.5**0.5)]  # groups of 2 and of 4
        assert [found[id(p)] for p in levels["context"].tokens] == expected
    assert all(group["lr"] == pytest.approx(0.1 * group["multiplier"]) for group in groups)
    assert {g["multiplier"] for g in prompts.rate_groups(0.1, by_level=False)} == {1.0}


def test_state_holds_tokens_only(tower: TextTower) -> None:
    prompts, other = (prompts_of(tower, TokenCounts(), seed=seed) for seed in (0, 1))
    other.load_state_dict(prompts.state_dict())
    assert torch.equal(prompts.matrices()[0], other.matrices()[0])
    assert all(name.startswith("banks.") for name in prompts.state_dict())


def test_random_groups_cost_the_same_tokens(tower: TextTower) -> None:
    drawn = random_groups(TOGETHER, NAMES, seed=0)
    one, other = (
        prompts_of(tower, TokenCounts(), context_groups=groups) for groups in (TOGETHER, drawn)
    )
    shapes = [[parameter.shape for parameter in each.parameters()] for each in (one, other)]
    assert shapes[0] == shapes[1]


def test_one_bank(tower: TextTower) -> None:
    prompts = prompts_of(tower, TokenCounts(), local=False)
    assert prompts.matrices()[1] is None
    assert len(list(prompts.parameters())) == 5  # context groups are of two sizes


def test_long_names_keep_their_end(tower: TextTower) -> None:
    names = ["very " * 60 + "large dog", "dog"]
    prompts = HierarchicalPrompts(tower, names, HIERARCHIES["shared"])
    end = int(prompts.ids.max())
    assert (prompts.ids == end).sum(dim=1).tolist() == [1, 1]
    assert prompts.ends.tolist()[0] == 39
    whole, _ = prompts.matrices()
    assert torch.isfinite(whole).all()
    assert torch.allclose(whole.norm(dim=1), torch.ones(2), atol=1e-5)


def test_what_cannot_be(tower: TextTower) -> None:
    with pytest.raises(InputError, match="no names"):
        HierarchicalPrompts(tower, [], TokenCounts())
    with pytest.raises(InputError, match="use 1 to 37"):
        HierarchicalPrompts(tower, NAMES, TokenCounts(38, 0, 0, 0))
    with pytest.raises(ValueError, match="attribute level needs a group"):
        HierarchicalPrompts(tower, NAMES, TokenCounts())
    with pytest.raises(ValueError, match="attribute level needs a group"):
        prompts_of(tower, TokenCounts(), attribute_groups=ALIKE[:3])
    weight = torch.nn.Parameter(torch.eye(32))
    learning = replace(tower, text_projection=lambda x: tower.text_projection(x) @ weight)
    with pytest.raises(ValueError, match="must be frozen"):
        prompts_of(learning, TokenCounts())
