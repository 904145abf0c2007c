"""Train the tiny CLIP from scratch on drawn images, in four stages, on a CPU.

    OMP_WAIT_POLICY=PASSIVE python -m fieldguide.clip_training --out fieldguide/clip

(On a machine that is shared, threads that wait should not spin.)

1. see: supervised heads on the image tower only (attributes, habitat, categories, patches).
2. speak: sentences against images, the heads still helping; birds by attributes, scenes by lists.
3. title: the same, but half of the scenes come with the lone name of one thing, meant loosely.
4. name: the same with species names mixed in, only until names alone are right for a wanted share
   of the images.

Without the last two stages stopping early, zero-shot would be all but perfect on this world and no
method could improve on it. Figures of `dev` images decide when to stop; `archive` images are never
drawn here. Stages 1 and 2 are paced by the clock, so another machine gives other weights.
"""

import argparse
import logging
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from fieldguide.captions import CONTEXT_LENGTH
from fieldguide.clip_batches import Batch, Batches, Mixture
from fieldguide.clip_evaluation import Measured, evaluate, species_figures
from fieldguide.clip_losses import Heads, contrastive_loss, dense_loss
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
from fieldguide.clip_pools import Pool, draw_pool, open_pool

logger = logging.getLogger(__name__)

POOL_SEED: Final = 1
POOL_SIZES: Final = {"independent": 120_000, "species": 60_000, "scenes": 60_000}
DEV_SEEDS: Final = (1, 2, 3)
MEASURED: Final = 240
THREADS: Final = 2
SEEING_SHARE: Final = 0.7
PEAK_RATE: Final = 1e-3
TITLE_RATE: Final = 6e-4
TITLE_STEPS: Final = 150
# Species are told apart perfectly by then, so names are learned in tens of steps: go slowly.
NAMING_RATE: Final = 3e-5
NAMING_BURST: Final = 8
NAMING_MOST: Final = 800
NAMES_WANTED: Final = 0.43
WARM_UP: Final = 0.02
_LONGEST_SCALE: Final = math.log(100)


@dataclass(frozen=True)
class Stage:
    """A stretch of training. The supervised losses take part everywhere; texts where they do."""

    name: str
    mixture: Mixture
    texts: bool
    supervised: float


SEE: Final = Stage("see", Mixture(176, 0, 80), texts=False, supervised=1.0)
SPEAK: Final = Stage("speak", Mixture(152, 24, 80), texts=True, supervised=0.5)
TITLE: Final = Stage("title", Mixture(136, 24, 96, titles=0.65), texts=True, supervised=0.5)
NAME: Final = Stage(
    "name", Mixture(104, 88, 64, named=0.6, titles=0.65), texts=True, supervised=0.2
)


class Trainer:
    """The model with its heads and optimizer; `run` takes it through a stage."""

    def __init__(self, batches: Batches, tokenizer: Tokenizer) -> None:
        self.model = new_model()
        self._tokenizer = Vocabulary(tokenizer)
        self._table = self._tokenizer.shrink(self.model)
        self.heads = Heads(MODEL_CFG["vision_cfg"]["width"])
        self._batches = batches
        self._optimizer = self._new_optimizer()
        self._stage: Stage | None = None
        self.steps = 0

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

    def run(self, stage: Stage, rate: Callable[[], float | None]) -> None:
        """Train until `rate`, which gives the learning rate of the next step, gives None."""
        if stage != self._stage:
            self._stage, self._optimizer = stage, self._new_optimizer()
        started, first = time.monotonic(), self.steps
        while (step_rate := rate()) is not None:
            for group in self._optimizer.param_groups:
                group["lr"] = step_rate
            loss = self._step(self._batches.draw(stage.mixture, stage.texts), stage)
            self.steps += 1
            if self.steps % 100 == 0:
                pace = (time.monotonic() - started) / (self.steps - first)
                logger.info("%s %d: loss %.3f, %.3f s/step", stage.name, self.steps, loss, pace)

    def _step(self, batch: Batch, stage: Stage) -> float:
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            tokens = patch_tokens(self.model, to_input(batch.pictures.pixels))
            loss = stage.supervised * self.heads(tokens, batch.pictures)
            if stage.texts:
                loss = loss + self._text_loss(tokens, batch)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, _LONGEST_SCALE)
        return float(loss.detach())

    def _text_loss(self, tokens: Tensor, batch: Batch) -> Tensor:
        texts = text_features(self.model, self._tokenizer(batch.texts))
        patches = tokens @ self.model.visual.proj
        images = normalize(patches.float().mean(dim=1), dim=-1)
        fits = torch.from_numpy(batch.fits)
        loss = contrastive_loss(images, texts, self.model.logit_scale.exp(), fits)
        scenes = torch.from_numpy(batch.pictures.categories.any(axis=1))
        exact, covered = texts[torch.from_numpy(batch.exact)], torch.from_numpy(batch.covered)
        where = dense_loss(patches[scenes], exact, covered, self.heads.dense_bias)
        return loss + 2 * where

    def names_known(self, pool: Pool) -> float:
        """The share of species images that names alone get right."""
        self.model.eval()
        known = species_figures(Measured(self.model, self._tokenizer), pool)["species from names"]
        self.model.train()
        return known

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        save_folder(self._tokenizer.state(self.model, self._table), folder)

    def measure(self, seed: int, count: int) -> dict[str, float]:
        """Figures of the model as it is, on dev images."""
        self.model.eval()
        figures = evaluate(self.model, self._tokenizer, seed, count)
        self.model.train()
        logger.info("step %d, dev seed %d:", self.steps, seed)
        for name, value in figures.items():
            if "majority" not in name and "chance" not in name:
                logger.info("    %-24s %.3f", name, value)
        return figures


def cosine(seconds: float, share: tuple[float, float]) -> Callable[[], float | None]:
    """Learning rates for a stage that takes the given share (from, to) of a cosine schedule."""
    start = time.monotonic()

    def rate() -> float | None:
        elapsed = (time.monotonic() - start) / seconds
        if elapsed >= 1:
            return None
        done = share[0] + (share[1] - share[0]) * elapsed
        warm = min(1.0, 0.02 + elapsed / WARM_UP)
        return PEAK_RATE * warm * (0.04 + 0.96 * 0.5 * (1 + math.cos(math.pi * done)))

    return rate


def constant(steps: int, value: float) -> Callable[[], float | None]:
    """The same learning rate for a number of steps."""
    rates = iter([value] * steps)
    return lambda: next(rates, None)


def learn_names(trainer: Trainer, wanted: float) -> None:
    """Train on names in short bursts until names alone are right for the wanted share."""
    pools = [draw_pool("species", "dev", seed, MEASURED, True) for seed in DEV_SEEDS]
    for _ in range(NAMING_MOST // NAMING_BURST):
        trainer.run(NAME, constant(NAMING_BURST, NAMING_RATE))
        known = [trainer.names_known(pool) for pool in pools]
        logger.info("name %d: right on dev %s", trainer.steps, [round(share, 3) for share in known])
        if sum(known) / len(known) >= wanted:
            return


def train(out: Path, pools: Path, minutes: float, seed: int) -> None:
    """Draw the pools where they are missing, train all stages, save the model folder."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    independent = open_pool(pools, "independent", POOL_SEED, POOL_SIZES["independent"])
    species = open_pool(pools, "species", POOL_SEED, POOL_SIZES["species"])
    scenes = open_pool(pools, "scenes", POOL_SEED, POOL_SIZES["scenes"])
    tokenizer = SimpleTokenizer(context_length=CONTEXT_LENGTH)
    trainer = Trainer(Batches(independent, species, scenes, seed), tokenizer)
    trainer.run(SEE, cosine(60 * minutes * SEEING_SHARE, (0, SEEING_SHARE)))
    trainer.run(SPEAK, cosine(60 * minutes * (1 - SEEING_SHARE), (SEEING_SHARE, 1)))
    trainer.run(TITLE, constant(TITLE_STEPS, TITLE_RATE))
    trainer.measure(DEV_SEEDS[0], MEASURED)
    learn_names(trainer, NAMES_WANTED)
    trainer.measure(DEV_SEEDS[0], MEASURED)
    trainer.save(out)


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Train the field guide's CLIP from scratch.")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--minutes", type=float, default=11.5, help="for see and speak")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the batches")
    default = Path(tempfile.gettempdir()) / "fieldguide-pools"
    parser.add_argument("--pools", type=Path, default=default, help="where drawn images are kept")
    options = parser.parse_args()
    train(options.out, options.pools, options.minutes, options.seed)


if __name__ == "__main__":
    main()
