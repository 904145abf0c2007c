"""The multimodal model's image tower: CLIP's, taken to larger pictures and taught the small parts.

    OMP_NUM_THREADS=1 python -m fieldguide.second.tower --clip FOLDER --work WORK

The patch filters are enlarged from 12 to 16 pixels, everything else goes on as it is; supervised
heads for all attributes, small parts included, train it on pictures of 96 pixels.
"""

import argparse
import copy
import logging
import math
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from open_clip.model import CLIP
from torch import Tensor, nn

from fieldguide.clip_model import load_folder, new_model, patch_tokens, to_input
from fieldguide.mllm_model import clip_tokens
from fieldguide.second.clip_training import CONFIG
from fieldguide.second.heads import TowerHeads
from fieldguide.second.pools import MLLM_SIZE, PictureKind, Pictures, open_pictures, take

logger = logging.getLogger(__name__)

PATCH: Final = 16
TOWER_CONFIG: Final[dict[str, Any]] = copy.deepcopy(CONFIG)
TOWER_CONFIG["vision_cfg"] |= {"image_size": MLLM_SIZE, "patch_size": PATCH}
POOL_SEED: Final = 2
POOL_SIZES: Final[dict[PictureKind, int]] = {
    "independent": 24_000,
    "species": 16_000,
    "scenes": 8_000,
}
MIXTURE: Final[dict[PictureKind, int]] = {"independent": 104, "species": 32, "scenes": 40}
RATE: Final = 8e-4
WARM_STEPS: Final = 40
SAVE_EVERY: Final = 150.0
_STATE: Final = "tower.pt"


def enlarged(clip: CLIP) -> CLIP:
    """A CLIP for larger pictures with the weights of this one, its patch filters stretched."""
    tower = new_model(TOWER_CONFIG)
    state = clip.state_dict()
    filters = state["visual.conv1.weight"]
    stretched = nn.functional.interpolate(
        filters, size=(PATCH, PATCH), mode="bilinear", align_corners=False
    )
    # larger filters sum over more pixels; the sums should stay as they were
    state["visual.conv1.weight"] = stretched * (filters.shape[-1] / PATCH) ** 2
    tower.load_state_dict(state)
    return tower


class TowerTrainer:
    """The tower with its heads, optimizer and clock."""

    def __init__(
        self,
        clip: CLIP,
        pools: dict[PictureKind, Pictures],
        seconds: float,
        bf16: bool,
        device: str,
    ) -> None:
        self.model = enlarged(clip).to(device)
        self.heads = TowerHeads(TOWER_CONFIG["vision_cfg"]["width"], small=True).to(device)
        self._bf16, self._device = bf16, device
        self._pools, self._seconds = pools, seconds
        weights = [*self.model.visual.parameters(), *self.heads.parameters()]
        self._optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.05, betas=(0.9, 0.98))
        self.steps, self.elapsed = 0, 0.0

    def step(self, rng: np.random.Generator) -> float:
        """One update; returns the loss."""
        started, done = time.process_time(), min(1.0, self.elapsed / self._seconds)
        value = RATE * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self._optimizer.param_groups:
            group["lr"] = value * min(1.0, (self.steps + 1) / WARM_STEPS)
        parts = [
            take(pool, np.sort(rng.integers(len(pool.pixels), size=count)), rng.random(count) < 0.5)
            for pool, count in ((self._pools[kind], count) for kind, count in MIXTURE.items())
        ]
        facts = Pictures(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        pixels = to_input(facts.pixels).to(self._device)
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._bf16):
            loss = self.heads(patch_tokens(self.model, pixels), facts)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.visual.parameters(), 1.0)
        self._optimizer.step()
        self.steps += 1
        self.elapsed += time.process_time() - started
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on."""
        return {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "progress": (self.steps, self.elapsed),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.steps, self.elapsed = state["progress"]


def load_tower(work: Path) -> tuple[CLIP, int]:
    """The trained tower, as the CLIP whose image half it is, and the steps it was trained."""
    model = new_model(TOWER_CONFIG)
    saved = torch.load(work / _STATE, weights_only=False, map_location="cpu")
    model.load_state_dict(saved["model"])
    return model.eval(), saved["progress"][0]


@torch.inference_mode()
def seen_tokens(model: CLIP, pixels: np.ndarray) -> Tensor:
    """Normed patch tokens (N, 36, 128) of pictures."""
    parts = [
        patch_tokens(model, to_input(pixels[at : at + 250])) for at in range(0, len(pixels), 250)
    ]
    return torch.cat(parts)


@torch.inference_mode()
def vision_states(model: CLIP, pixels: np.ndarray) -> np.ndarray:
    """What LLaVA takes from the tower: patches before the last layer norm, (N, 36, 128) fp16."""
    parts = [
        clip_tokens(model, to_input(pixels[at : at + 250]))[:, 1:].half().numpy()
        for at in range(0, len(pixels), 250)
    ]
    return np.concatenate(parts)


def train(
    clip_folder: Path,
    work: Path,
    minutes: float,
    seed: int,
    bf16: bool = False,
    device: str = "cpu",
) -> None:
    """Draw the pools where they are missing, train the tower, keep it in the work folder."""
    torch.manual_seed(seed)
    pools: dict[PictureKind, Pictures] = {}
    for kind, count in POOL_SIZES.items():
        pools[kind] = open_pictures(work / "pools", kind, POOL_SEED, count, MLLM_SIZE)
        logger.info("pool of %s: %d pictures", kind, count)
    clip, _ = load_folder(clip_folder)
    trainer = TowerTrainer(clip, pools, 60 * minutes, bf16, device)
    path = work / _STATE
    if path.exists():
        trainer.restore(torch.load(path, weights_only=False))
    # what goes on must not see the same batches again
    rng = np.random.default_rng(seed + trainer.steps)
    dev = open_pictures(work / "pools", "independent", POOL_SEED + 1000, 400, MLLM_SIZE)
    losses, saved = [], trainer.elapsed
    trainer.model.train()
    while trainer.elapsed < 60 * minutes:
        losses.append(trainer.step(rng))
        if trainer.steps % 50 == 0:
            pace = trainer.elapsed / trainer.steps
            loss = float(np.mean(losses[-50:]))
            logger.info("tower %d: loss %.3f, %.2f s a step", trainer.steps, loss, pace)
        if trainer.elapsed - saved > SAVE_EVERY:
            saved = trainer.elapsed
            torch.save(trainer.state(), path)
    torch.save(trainer.state(), path)
    tokens = seen_tokens(trainer.model.eval().cpu(), dev.pixels)
    right = trainer.heads.cpu().right(tokens, dev)
    logger.info("heads right: %s", {name: round(value, 3) for name, value in right.items()})


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Train the second edition's larger image tower.")
    parser.add_argument("--clip", type=Path, required=True, help="CLIP folder to start from")
    parser.add_argument("--work", type=Path, required=True, help="drawn pictures, checkpoints")
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--bf16", action="store_true", help="pays where cores multiply it, with AMX or AVX-512 BF16"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.clip, options.work, options.minutes, options.seed, options.bf16, options.device)


if __name__ == "__main__":
    main()
