"""One prompt learner on several processes: each encodes its share of the names.

The text tower is what training computes, and its work grows with the number of names, so names are
shared out and not images. Every process then knows the features of all names, computes the same
loss on the whole batch, and the gradients of the context, each from its own share, are added up:
the result is that of one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from methods.near.prompt_learner import PromptLearner


class SharedLearner:
    """A `methods.near.training.Learner` on all processes of torch's default group."""

    def __init__(self, learner: PromptLearner) -> None:
        """Share out the names of ``learner``, which must be the same in each process.

        Raises:
            ValueError: there are more processes than names.
        """
        count, processes = len(learner.tokens), dist.get_world_size()
        if processes > count:
            raise ValueError(f"{processes} processes for {count} names; use at most one a name")
        self._learner = learner
        self.logit_scale = learner.logit_scale
        device = learner.ctx.device
        self._shares = torch.arange(count, device=device).tensor_split(processes)
        learner.ctx.register_hook(_added_up)

    def text_features(self) -> Tensor:
        """Unit features of all L names, float32 (L, D); gradients flow through the own share."""
        local = self._learner.text_features(self._shares[dist.get_rank()])
        longest = max(len(share) for share in self._shares)
        padded = local.new_zeros(longest, local.shape[1])
        padded[: len(local)] = local.detach()
        gathered = [torch.empty_like(padded) for _ in self._shares]
        dist.all_gather(gathered, padded)
        parts = [part[: len(ids)] for part, ids in zip(gathered, self._shares, strict=True)]
        parts[dist.get_rank()] = local
        return torch.cat(parts)

    def parameters(self) -> Iterator[nn.Parameter]:
        """The context."""
        return self._learner.parameters()

    def state_dict(self) -> dict[str, Any]:
        """The context, by name."""
        return self._learner.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up what `state_dict` gave."""
        return self._learner.load_state_dict(state_dict)


def _added_up(gradient: Tensor) -> Tensor:
    total = gradient.clone()
    dist.all_reduce(total)
    return total
