"""Train the second edition's CLIP from scratch on drawn pictures, on one core of a CPU.

    OMP_NUM_THREADS=1 python -m fieldguide.second.clip_training --out fieldguide/second/clip

1. see: supervised heads on the image tower only (whole, marks, habitat, things; no small parts).
2. speak: captions against pictures, the heads still helping.
3. title: the same, but a part of the scenes come with the lone name of one thing, meant loosely.
4. name: the same with names of species mixed in, species as frequent as in archives, only until
   list names alone are right for a wanted share of the pictures.

Figures of `dev` pictures decide when to stop; `archive` pictures are never drawn here. Stages are
paced by processor time, which waiting for a shared core does not take; another machine gives other
weights. Every few minutes the state goes to `--work`, and the same command goes on from there.
"""

import argparse
import copy
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn
from torch.nn.functional import normalize

from fieldguide.clip_batches import Mixture
from fieldguide.clip_losses import contrastive_loss, dense_loss
from fieldguide.clip_model import (
    MODEL_CFG,
    Tokenizer,
    Vocabulary,
    new_model,
    patch_tokens,
    save_folder,
    text_features,
    to_input,
)
from fieldguide.second.captions import CONTEXT_LENGTH, vocabulary
from fieldguide.second.clip_batches import CaptionedPictures, PictureBatches
from fieldguide.second.clip_evaluation import evaluate, names_known
from fieldguide.second.heads import TowerHeads
from fieldguide.second.pools import CLIP_SIZE, PictureKind, Pictures, draw_pictures, open_pictures

logger = logging.getLogger(__name__)

CONFIG: Final[dict[str, Any]] = copy.deepcopy(MODEL_CFG)
CONFIG["text_cfg"]["context_length"] = CONTEXT_LENGTH
POOL_SEED: Final = 1
POOL_SIZES: Final[dict[PictureKind, int]] = {
    "independent": 30_000, "species": 20_000, "scenes": 30_000,
}  # fmt: skip
DEV_SEED: Final = 1
MEASURED: Final = 400
PEAK_RATE: Final = 1e-3
TITLE_RATE: Final = 6e-4
NAMING_RATE: Final = 1e-4
NAMING_BURST: Final = 10
# Zero-shot accuracy of names alone: between that of a ViT-B/32 on CUB (about .5) and on Aircraft
# or Cars (.2 to .6), see docs/second_edition.md.
NAMES_WANTED: Final = 0.45
WARM_STEPS: Final = 40
SAVE_EVERY: Final = 150.0
_LONGEST_SCALE: Final = math.log(100)
_STATE: Final = "clip.pt"


@dataclass(frozen=True)
class ClipStage:
    """A stretch of training: its share of the minutes, and which part of a cosine its rate is."""

    name: str
    mixture: Mixture
    texts: bool
    supervised: float
    share: float
    rates: tuple[float, float]


STAGES: Final = (
    ClipStage("see", Mixture(112, 0, 80), False, 1.0, 0.44, (1e-3, 4e-4)),
    ClipStage("speak", Mixture(96, 20, 76), True, 0.5, 0.40, (8e-4, 6e-5)),
    ClipStage("title", Mixture(84, 24, 84, titles=0.4), True, 0.5, 0.08, (5e-4, 2e-4)),
    ClipStage("name", Mixture(60, 72, 60, named=0.6, titles=0.4), True, 0.3, 0.08, (1e-4, 1e-4)),
)


class ClipTrainer:
    """The model with its heads and optimizer, the stage it is in and the seconds spent there."""

    def __init__(
        self, batches: PictureBatches, tokenizer: Tokenizer, bf16: bool, device: str
    ) -> None:
        self._bf16, self._device = bf16, device
        self.model = new_model(CONFIG)
        self.vocabulary = Vocabulary(tokenizer, vocabulary())
        self._table = self.vocabulary.shrink(self.model)
        self.heads = TowerHeads(CONFIG["vision_cfg"]["width"], small=False).to(device)
        self.model.to(device)
        self._batches = batches
        self._optimizer = self._new_optimizer()
        self.stage, self.seconds, self.steps, self.stage_steps = 0, 0.0, 0, 0

    def _new_optimizer(self) -> torch.optim.Optimizer:
        weights = [*self.model.parameters(), *self.heads.parameters()]
        decayed = [weight for weight in weights if weight.ndim >= 2]
        others = [weight for weight in weights if weight.ndim < 2]
        return torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
            lr=PEAK_RATE,
            betas=(0.9, 0.98),
            fused=True,
        )

    def next_stage(self) -> None:
        """Go on to the next stage with a fresh optimizer."""
        self.stage, self.seconds, self.stage_steps = self.stage + 1, 0.0, 0
        self._optimizer = self._new_optimizer()

    def step(self, done: float) -> float:
        """One update at the given share of the stage; returns the loss."""
        started, stage = time.process_time(), STAGES[self.stage]
        high, low = stage.rates
        value = low + (high - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        for group in self._optimizer.param_groups:
            group["lr"] = value * min(1.0, (self.stage_steps + 1) / WARM_STEPS)
        batch = self._batches.draw(stage.mixture, stage.texts)
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._bf16):
            tokens = patch_tokens(self.model, to_input(batch.pictures.pixels).to(self._device))
            loss = stage.supervised * self.heads(tokens, batch.pictures)
            if stage.texts:
                loss = loss + self._text_loss(tokens, batch)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, _LONGEST_SCALE)
        self.steps, self.stage_steps = self.steps + 1, self.stage_steps + 1
        self.seconds += time.process_time() - started
        return float(loss.detach())

    def _text_loss(self, tokens: Tensor, batch: CaptionedPictures) -> Tensor:
        texts = text_features(self.model, self.vocabulary(batch.texts).to(self._device))
        patches = tokens @ self.model.visual.proj
        images = normalize(patches.float().mean(dim=1), dim=-1)
        fits = torch.from_numpy(batch.fits).to(self._device)
        loss = contrastive_loss(images, texts, self.model.logit_scale.exp(), fits)
        scenes = torch.from_numpy(batch.pictures.categories.any(axis=1)).to(self._device)
        exact = texts[torch.from_numpy(batch.exact).to(self._device)]
        covered = torch.from_numpy(batch.covered).to(self._device)
        where = dense_loss(patches[scenes], exact, covered, self.heads.dense_bias)
        return loss + 2 * where

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on."""
        return {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "table": self._table,
            "progress": (self.stage, self.seconds, self.steps, self.stage_steps),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._table = state["table"]
        self.stage, self.seconds, self.steps, self.stage_steps = state["progress"]

    def save_model(self, folder: Path) -> None:
        """Write the model folder."""
        save_folder(self.vocabulary.state(self.model.cpu(), self._table), folder, CONFIG)
        self.model.to(self._device)

    def names_known(self, pool: Pictures) -> float:
        """The share of pictures that list names alone get right."""
        known = names_known(self.model.eval().cpu(), self.vocabulary, pool)
        self.model.train().to(self._device)
        return known

    def measure(self) -> dict[str, float]:
        """Figures of the model as it is, on dev pictures."""
        figures = evaluate(self.model.eval().cpu(), self.vocabulary, DEV_SEED, MEASURED)
        self.model.train().to(self._device)
        logger.info("step %d, dev seed %d:", self.steps, DEV_SEED)
        for name, value in figures.items():
            if "majority" not in name and "chance" not in name:
                logger.info("    %-28s %.3f", name, value)
        return figures


def train(
    out: Path, work: Path, minutes: float, seed: int, bf16: bool = False, device: str = "cpu"
) -> None:
    """Draw the pools where they are missing, train all stages, save the model folder."""
    torch.manual_seed(seed)
    work.mkdir(parents=True, exist_ok=True)
    pools: dict[PictureKind, Pictures] = {}
    for kind, count in POOL_SIZES.items():
        pools[kind] = open_pictures(work / "pools", kind, POOL_SEED, count, CLIP_SIZE)
        logger.info("pool of %s: %d pictures", kind, count)
    path = work / _STATE
    saved = torch.load(path, weights_only=False) if path.exists() else None
    # what goes on must not see the same batches again
    batches = PictureBatches(
        pools["independent"], pools["species"], pools["scenes"],
        seed + (saved["progress"][2] if saved else 0),
    )  # fmt: skip
    trainer = ClipTrainer(batches, SimpleTokenizer(context_length=CONTEXT_LENGTH), bf16, device)
    if saved:
        trainer.restore(saved)
        logger.info("going on at step %d, stage %d", trainer.steps, trainer.stage)
    dev = draw_pictures("species", "dev", DEV_SEED, range(MEASURED), CLIP_SIZE)
    while trainer.stage < len(STAGES):
        _run_stage(trainer, path, 60 * minutes * STAGES[trainer.stage].share, dev)
        trainer.next_stage()
        torch.save(trainer.state(), path)
        trainer.save_model(out)
        if trainer.stage > 1:
            trainer.measure()


def _run_stage(trainer: ClipTrainer, path: Path, seconds: float, dev: Pictures) -> None:
    name, losses, saved = STAGES[trainer.stage].name, [], trainer.seconds
    while trainer.seconds < seconds:
        losses.append(trainer.step(trainer.seconds / seconds))
        if trainer.stage_steps % 50 == 0:
            pace = trainer.seconds / trainer.stage_steps
            logger.info("%s %d: loss %.3f, %.2f s a step", name, trainer.stage_steps,
                        float(np.mean(losses[-50:])), pace)  # fmt: skip
        if trainer.seconds - saved > SAVE_EVERY:
            saved = trainer.seconds
            torch.save(trainer.state(), path)
        if name == "name" and trainer.stage_steps % NAMING_BURST == 0:
            known = trainer.names_known(dev)
            logger.info("name %d: list names right on dev %.3f", trainer.stage_steps, known)
            if known >= NAMES_WANTED:
                return


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Train the second edition's CLIP from scratch.")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--work", type=Path, required=True, help="drawn pictures, checkpoints")
    parser.add_argument("--minutes", type=float, default=30, help="for all stages")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the batches")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--bf16", action="store_true", help="pays where cores multiply it, with AMX or AVX-512 BF16"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.out, options.work, options.minutes, options.seed, options.bf16, options.device)


if __name__ == "__main__":
    main()
