"""Prompts whose context tokens are partly shared between related classes; two banks of them.

The prompt of a class is start-of-text, its context, its name and a period, end-of-text. The context
is made of tokens of all classes, of the classes with like attributes, of the classes seen together,
and of the class alone. That tokens are shared by attributes and by co-occurrence is the paper's
idea (arXiv 2403.01209); the formula, the sizes and the level of all classes are ours. All tokens
shared is TaI-DPT's prompt (Guo et al. 2023), all tokens own is CoOp's class-specific context. Two
independent banks, for whole images and for positions, are TaI-DPT's. Both towers stay frozen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from methods.data_free.settings import TokenCounts
from methods.errors import InputError
from methods.text_tower import TextTower, check_room, encode_prompts

_STANDARD_DEVIATION: Final = 0.02
LEVELS: Final = ("shared", "attribute", "context", "own")


class SharedTokens(nn.Module):
    """Tokens of one level: classes of one group have the same ones.

    Groups of the same size are one parameter, so that each size can have its learning rate.
    """

    place: Tensor

    def __init__(self, groups: NDArray[np.int64], first: Tensor) -> None:
        """Give each group its first tokens.

        Args:
            groups: int64 (N,), the group of each class, from 0 without gaps.
            first: float32 (groups, tokens, W).
        """
        super().__init__()
        sizes = np.bincount(groups, minlength=len(first))
        order = np.argsort(sizes, kind="stable")
        self.sizes = [int(size) for size in np.unique(sizes)]
        self.tokens = nn.ParameterList(
            nn.Parameter(first[torch.from_numpy(np.flatnonzero(sizes == size))].clone())
            for size in self.sizes
        )
        place = np.argsort(order, kind="stable")[groups]
        self.register_buffer("place", torch.from_numpy(place), persistent=False)
        self.to(first.device)

    def forward(self) -> Tensor:
        """Tokens of each class, float32 (N, tokens, W)."""
        return torch.cat(list(self.tokens))[self.place]

    def multipliers(self) -> list[float]:
        """What the rate of each parameter is multiplied by: sqrt(N / classes of the group)."""
        return [float(np.sqrt(len(self.place) / size)) for size in self.sizes]


class HierarchicalPrompts(nn.Module):
    """Text features of N classes under learned contexts, for whole images and for positions.

    ``banks["whole"]`` and ``banks["local"]`` hold the levels that have tokens, by the names of
    `LEVELS`; they are all that trains and all that the ``state_dict`` holds.
    """

    ids: Tensor
    ends: Tensor

    def __init__(
        self,
        tower: TextTower,
        names: Sequence[str],
        tokens: TokenCounts,
        *,
        attribute_groups: NDArray[np.int64] | None = None,
        context_groups: NDArray[np.int64] | None = None,
        local: bool = True,
        seed: int = 0,
    ) -> None:
        """Prepare the prompts.

        First tokens are random normal with standard deviation 0.02, drawn from the seed and the
        names that share them, so they do not depend on the order of classes.

        Args:
            tower: frozen.
            names: as CLIP should read them; a name too long for the tower is cut.
            tokens: of each level.
            attribute_groups, context_groups: int64 (N,), numbers of the groups that classes are in;
                needed where their level has tokens.
            local: whether there is a bank for positions.
            seed: of the first tokens.

        Raises:
            InputError: no names, or a context that leaves a name no room.
            ValueError: the tower is not frozen, or groups are missing or of another length.
        """
        super().__init__()
        if not names:
            raise InputError("there are no names to learn prompts for; give at least one")
        length = len(tower.positional_embedding)
        check_room(tower, tokens.total)
        self._tower = tower
        counts = (tokens.shared, tokens.attribute, tokens.context, tokens.own)
        every = np.arange(len(names))
        given = (np.zeros_like(every), attribute_groups, context_groups, every)
        levels: list[tuple[str, int, NDArray[np.int64]]] = []
        for level, count, groups in zip(LEVELS, counts, given, strict=True):
            if not count:
                continue
            if groups is None or len(groups) != len(names):
                raise ValueError(f"the {level} level needs a group for each of {len(names)} names")
            levels.append(
                (level, count, np.unique(groups, return_inverse=True)[1].astype(np.int64))
            )
        self.banks = nn.ModuleDict(
            {
                bank: nn.ModuleDict(
                    {
                        level: SharedTokens(
                            groups, _first(tower, groups, names, count, seed, bank, level)
                        )
                        for level, count, groups in levels
                    }
                )
                for bank in (("whole", "local") if local else ("whole",))
            }
        )
        # without the context's places, so that the tokenizer cuts long names where they must be
        ids = tower.tokenize([f"{name}." for name in names], length - tokens.total)
        ids = ids.to(tower.positional_embedding.device)
        ends = tower.end_positions(ids)
        if tower.attn_mask is not None:
            # what follows the end of text is never seen; one length for all, whatever the chunk
            ids = ids[:, : int(ends.max()) + 1]
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("ends", ends + tokens.total, persistent=False)
        with torch.enable_grad():
            context = self.context("whole")[:1].detach()
            if encode_prompts(tower, context, self.ids[:1], self.ends[:1]).requires_grad:
                raise ValueError("the text tower must be frozen: call model.requires_grad_(False)")

    def context(self, bank: str) -> Tensor:
        """Context tokens of each class in ``whole`` or ``local``, float32 (N, tokens, W)."""
        levels: Any = self.banks[bank]
        return torch.cat([levels[level]() for level in levels], dim=1)

    def matrices(self, chunk: int = 256) -> tuple[Tensor, Tensor | None]:
        """Encode all prompts; a gradient flows to the tokens and to nothing else.

        Args:
            chunk: prompts encoded at a time. Where there are more, the activations of one chunk at
                a time are kept and computed once more for the gradient.

        Returns:
            Unit features for whole images, float32 (N, D), and for positions, the same; None
            without that bank.
        """
        whole = self._features("whole", chunk)
        return whole, self._features("local", chunk) if "local" in self.banks else None

    def rate_groups(self, rate: float, *, by_level: bool = True) -> list[dict[str, Any]]:
        """Parameter groups for an optimizer of torch, with ``lr`` and ``multiplier``.

        Args:
            rate: the learning rate of tokens that all classes share.
            by_level: multiply the rate of tokens by sqrt(N / classes that share them), against the
                larger gradients of tokens that more classes share (ours); else 1.
        """
        groups = []
        for module in self.modules():
            if isinstance(module, SharedTokens):
                for parameter, own in zip(module.tokens, module.multipliers(), strict=True):
                    multiplier = own if by_level else 1.0
                    groups.append(
                        {"params": [parameter], "lr": rate * multiplier, "multiplier": multiplier}
                    )
        return groups

    def _features(self, bank: str, chunk: int) -> Tensor:
        context = self.context(bank)
        if len(context) <= chunk:
            return encode_prompts(self._tower, context, self.ids, self.ends)
        encode = partial(encode_prompts, self._tower)
        parts = [
            checkpoint(encode, own, ids, end, use_reentrant=False, preserve_rng_state=False)
            for own, ids, end in zip(
                context.split(chunk), self.ids.split(chunk), self.ends.split(chunk), strict=True
            )
        ]
        return torch.cat(parts)


def _first(
    tower: TextTower,
    groups: NDArray[np.int64],
    names: Sequence[str],
    count: int,
    seed: int,
    bank: str,
    level: str,
) -> Tensor:
    width = tower.positional_embedding.shape[1]
    drawn = []
    for group in range(int(groups.max()) + 1):
        members = sorted(names[at] for at in np.flatnonzero(groups == group))
        text = repr((seed, bank, level, members)).encode()
        own = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1
        drawn.append(torch.randn(count, width, generator=torch.Generator().manual_seed(own)))
    return (_STANDARD_DEVIATION * torch.stack(drawn)).to(tower.positional_embedding.device)
