"""The part of torch that makes layers int8 is there and does what is said of it."""

from __future__ import annotations

import torch
from torch import nn

from actors.compat.torch_int8 import quantise_linear


def test_layers_that_are_named_become_int8_and_no_others() -> None:
    module = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32))
    x = torch.randn(4, 32)
    before = module(x)
    quantise_linear(module, ["1"])
    assert type(module[0]) is nn.Linear
    assert type(module[1]) is not nn.Linear
    assert 0 < (module(x) - before).abs().max() < 0.05
