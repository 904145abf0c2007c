"""What the tiny CLIP is trained on: supervised heads on the image tower, and texts against images.

The heads are thrown away after training. They teach the tower the shapes that captions alone did
not: with a contrastive loss only, crest, beak, tail and wings stayed at chance.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
    normalize,
)

from fieldguide.clip_pools import Pool
from fieldguide.scenes import CATEGORIES
from fieldguide.world import ATTRIBUTES, HABITATS


class Heads(nn.Module):
    """Linear readings of the image tower: attributes, habitat, categories, and where they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [*(len(values) for values in ATTRIBUTES.values()), len(HABITATS)]
        self.birds = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        self.categories = nn.Linear(width, len(CATEGORIES))
        self.patches = nn.Linear(width, len(CATEGORIES))
        self.dense_bias = nn.Parameter(torch.tensor(-3.0))

    def forward(self, tokens: Tensor, facts: Pool) -> Tensor:
        """The mean loss of all heads on the patch tokens (N, 36, width) of a batch."""
        pooled = tokens.mean(dim=1)
        traits = torch.from_numpy(facts.traits).long()
        targets = [*traits.unbind(dim=1), torch.from_numpy(facts.habitat).long()]
        losses = [
            cross_entropy(head(pooled).float(), target, ignore_index=-1)
            for head, target in zip(self.birds, targets, strict=True)
        ]
        scenes = torch.from_numpy(facts.categories).any(dim=1)
        present = torch.from_numpy(facts.categories)[scenes].float()
        occupied = torch.from_numpy(facts.occupancy)[scenes].float()
        seen = self.categories(pooled[scenes]).float()
        where = self.patches(tokens[scenes]).float()
        losses.append(2 * binary_cross_entropy_with_logits(seen, present))
        losses.append(8 * binary_cross_entropy_with_logits(where, occupied))
        return torch.stack(losses).mean()


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, fits: Tensor) -> Tensor:
    """Cross-entropy both ways, each row's target spread evenly over everything that fits.

    Args:
        images: L2-normalised image features, (N, D).
        texts: L2-normalised text features, (M, D).
        scale: The logit scale, already exponentiated.
        fits: (N, M), true where the text is true of the image; a row may have no fitting text.
    """
    logits = scale * images.float() @ texts.float().T
    return (_spread_cross_entropy(logits, fits) + _spread_cross_entropy(logits.T, fits.T)) / 2


def _spread_cross_entropy(logits: Tensor, fits: Tensor) -> Tensor:
    target = fits.float()
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1)
    return -(target * log_softmax(logits, dim=1)).sum(dim=1).mean()


def dense_loss(patches: Tensor, texts: Tensor, covered: Tensor, bias: Tensor) -> Tensor:
    """Each projected patch against the caption of its scene: is anything it tells of there?

    Args:
        patches: Projected patch tokens of scenes, (N, 36, D).
        texts: L2-normalised features of captions of scenes, (M, D).
        covered: (N, 36, M), true where something the caption tells of covers the patch.
        bias: A learned number, because most patches show nothing of most captions.
    """
    logits = 10 * normalize(patches.float(), dim=-1) @ texts.float().T + bias
    return binary_cross_entropy_with_logits(logits, covered.float())
