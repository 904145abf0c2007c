"""A prompt of CLIP's text tower that is learned: continuous context tokens before each name.

Context Optimization (CoOp, Zhou et al. 2022): the prompt of a name is start-of-text, n context
tokens, the name and a period, end-of-text. The context is shared by all names and is all that
trains; both towers stay frozen. Which parts of CLIP NeaR tunes is not public; this is our choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from methods.errors import InputError
from methods.text_tower import TextTower, check_room, encode_prompts, word_embeddings

_STANDARD_DEVIATION = 0.02


class PromptLearner(nn.Module):
    """Text features of names under a learned context; ``ctx``, float32 (n, W), is all that trains.

    It lives on the tower's device. Its ``state_dict`` holds ``ctx`` and nothing of the tower.
    """

    tokens: Tensor
    ends: Tensor

    def __init__(
        self, tower: TextTower, names: Sequence[str], *, context: int | str = 16, seed: int = 0
    ) -> None:
        """Prepare the prompts of L names.

        Args:
            tower: frozen.
            names: as CLIP should read them; a name too long for the tower is cut.
            context: how many context tokens, random normal with standard deviation 0.02; or words
                whose embeddings they start from, such as ``a photo of a``.
            seed: of the random context.

        Raises:
            InputError: no names, no context, or one that leaves a name no room.
            ValueError: the tower is not frozen.
        """
        super().__init__()
        if not names:
            raise InputError("there are no names to learn a prompt for; give at least one")
        self._tower = tower
        self.logit_scale = tower.logit_scale
        length, _ = tower.positional_embedding.shape
        ctx = _random_context(tower, context, seed) if isinstance(context, int) else None
        ctx = word_embeddings(tower, str(context)) if ctx is None else ctx
        check_room(tower, len(ctx))
        self.ctx = nn.Parameter(ctx)
        # without the context's places, so that the tokenizer cuts long names where they must be
        tokens = tower.tokenize([f"{name}." for name in names], length - len(ctx)).to(ctx.device)
        ends = tower.end_positions(tokens)
        if tower.attn_mask is not None:
            # what follows the end of text is never seen; one length for all, whatever the chunk
            tokens = tokens[:, : int(ends.max()) + 1]
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("ends", ends + len(ctx), persistent=False)
        self.ctx.requires_grad_(False)
        with torch.enable_grad():
            frozen = not self._encode(tokens[:1], self.ends[:1]).requires_grad
        self.ctx.requires_grad_(True)
        if not frozen:
            raise ValueError("the text tower must be frozen: call model.requires_grad_(False)")

    def text_features(self, name_ids: Tensor | None = None, chunk: int = 256) -> Tensor:
        """Encode the prompts of names; a gradient flows to the context and to nothing else.

        Args:
            name_ids: int64 (n,), which names; all by default.
            chunk: prompts encoded at a time. Where there are more, the activations of one chunk at
                a time are kept and computed once more for the gradient.

        Returns:
            Unit features, float32 (n, D).
        """
        tokens = self.tokens if name_ids is None else self.tokens[name_ids]
        ends = self.ends if name_ids is None else self.ends[name_ids]
        if len(tokens) <= chunk:
            return self._encode(tokens, ends)
        parts = [
            checkpoint(self._encode, own, end, use_reentrant=False, preserve_rng_state=False)
            for own, end in zip(tokens.split(chunk), ends.split(chunk), strict=True)
        ]
        return torch.cat(parts)

    def _encode(self, tokens: Tensor, ends: Tensor) -> Tensor:
        context = self.ctx.expand(len(tokens), -1, -1)
        return encode_prompts(self._tower, context, tokens, ends)


def _random_context(tower: TextTower, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    width = tower.positional_embedding.shape[1]
    ctx = _STANDARD_DEVIATION * torch.randn(max(0, count), width, generator=generator)
    return ctx.to(tower.positional_embedding.device)
