"""Supervised readings of an image tower, thrown away after training.

CLIP's tower is helped with the whole, the marks and the things of scenes. Small parts have no head
there: what CLIP knows of them it has from captions, which seldom tell of them. The multimodal
model's tower, which goes on from CLIP's on larger pictures, has heads for everything.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from fieldguide.second.bird_views import VISIBILITIES
from fieldguide.second.birds import ATTRIBUTES, HABITATS, SMALL
from fieldguide.second.pools import Pictures
from fieldguide.second.scenes import CATEGORIES


class TowerHeads(nn.Module):
    """Linear readings of mean patch tokens, and of patches for the things of scenes."""

    def __init__(self, width: int, small: bool) -> None:
        super().__init__()
        self._places = [at for at, name in enumerate(ATTRIBUTES) if small or name not in SMALL]
        sizes = [len(values) for values in ATTRIBUTES.values()]
        self.traits = nn.ModuleList(nn.Linear(width, sizes[at]) for at in self._places)
        self.habitat = nn.Linear(width, len(HABITATS))
        self.visibility = nn.Linear(width, len(VISIBILITIES))
        self.categories = nn.Linear(width, len(CATEGORIES))
        self.patches = nn.Linear(width, len(CATEGORIES))
        self.dense_bias = nn.Parameter(torch.tensor(-3.0))

    def forward(self, tokens: Tensor, facts: Pictures) -> Tensor:
        """The mean loss of all heads on the patch tokens (N, 36, width) of a batch."""
        pooled = tokens.mean(dim=1)
        device = tokens.device
        traits = torch.from_numpy(facts.traits).long().to(device)
        readings = [
            *((head, traits[:, at]) for head, at in zip(self.traits, self._places, strict=True)),
            (self.habitat, torch.from_numpy(facts.habitat).long().to(device)),
            (self.visibility, torch.from_numpy(facts.visibility).long().to(device)),
        ]
        losses = [
            cross_entropy(head(pooled).float(), target, ignore_index=-1)
            for head, target in readings
        ]
        there = torch.from_numpy(facts.categories).to(device)
        scenes = there.any(dim=1)
        present = there[scenes].float()
        occupied = torch.from_numpy(facts.occupancy).to(device)[scenes].float()
        seen = self.categories(pooled[scenes]).float()
        where = self.patches(tokens[scenes]).float()
        losses.append(3 * binary_cross_entropy_with_logits(seen, present))
        losses.append(12 * binary_cross_entropy_with_logits(where, occupied))
        return torch.stack(losses).mean()

    @torch.inference_mode()
    def right(self, tokens: Tensor, facts: Pictures) -> dict[str, float]:
        """The share of birds of which each attribute is read rightly."""
        pooled = tokens.mean(dim=1)
        names = list(ATTRIBUTES)
        return {
            names[at]: float(
                (head(pooled).argmax(1) == torch.from_numpy(facts.traits[:, at])).float().mean()
            )
            for head, at in zip(self.traits, self._places, strict=True)
        }
