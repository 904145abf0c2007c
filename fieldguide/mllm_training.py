"""Train the tiny multimodal model from scratch on drawn images, on a CPU.

    OMP_WAIT_POLICY=PASSIVE python -m fieldguide.mllm_training --out fieldguide/mllm

The image tower is that of the field guide's CLIP and stays as it is; the projector and the
language model learn the mixture of tasks of `mllm_tasks`. The learning rate is constant and falls
to nothing in the last part of the time; the clock paces it, so another machine gives other
weights. `--resume` goes on from the last checkpoint, also with more minutes or another mixture.
Figures of `dev` images are logged; `archive` images are never drawn here.
"""

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from fieldguide import CLIP_FOLDER
from fieldguide.clip_model import load_folder
from fieldguide.clip_pools import PoolKind
from fieldguide.mllm_answers import answers, draw_pools, draw_questions, score
from fieldguide.mllm_batches import Batch, Batches
from fieldguide.mllm_export import export
from fieldguide.mllm_features import POOL_SIZES, Seen, open_seen
from fieldguide.mllm_model import new_model
from fieldguide.mllm_tasks.mixture import PICTURE_TASKS, TEXT_TASKS, with_system
from fieldguide.mllm_tasks.sample import facts_of
from fieldguide.mllm_tokenizer import IMAGE, new_processor, render, train_tokenizer

logger = logging.getLogger(__name__)

THREADS: Final = 2
PEAK_RATE: Final = 1.5e-3
DECAY: Final = 0.05
WARM_STEPS: Final = 100
FALLING_SHARE: Final = 0.3
SAVE_EVERY: Final = 240.0
MEASURE_EVERY: Final = 420.0
DEV_SEED: Final = 1
MEASURED: Final = 24
_TOKENIZER_ROUNDS: Final = 300
_STATE: Final = "state.pt"


class Trainer:
    """The model with its optimizers and its clock."""

    def __init__(self, model: LlavaForConditionalGeneration, minutes: float) -> None:
        self.model = model
        self._seconds = 60 * minutes
        self._optimizers = optimizers_of(model)
        self._image = model.config.image_token_index
        self.steps = 0
        self.elapsed = 0.0

    def step(self, batch: Batch) -> float:
        """One update; returns the loss."""
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate(self.steps, self.elapsed / self._seconds)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = self._loss(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.steps += 1
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        inner = self.model.model
        embedded = inner.get_input_embeddings()(batch.ids)
        if len(batch.features):
            pictures = inner.multi_modal_projector(batch.features).to(embedded.dtype)
            embedded = embedded.masked_scatter((batch.ids == self._image)[..., None], pictures)
        # Padding is on the right and attention looks left only, so no mask is needed.
        hidden = inner.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
        wanted = batch.weights[:, 1:] > 0
        logits = self.model.lm_head(hidden[:, :-1][wanted])
        losses = cross_entropy(logits.float(), batch.ids[:, 1:][wanted], reduction="none")
        weights = batch.weights[:, 1:][wanted]
        return (losses * weights).sum() / weights.sum()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "steps": self.steps,
            "elapsed": self.elapsed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.steps, self.elapsed = state["steps"], state["elapsed"]


def rate(steps: int, done: float) -> float:
    """The learning rate after some steps and a share of the time: it rises, stays and falls."""
    left = max(0.0, 1 - done)
    return PEAK_RATE * min((steps + 1) / WARM_STEPS, left / FALLING_SHARE, 1.0)


def optimizers_of(model: LlavaForConditionalGeneration) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside of the language model, AdamW for everything else."""
    inner = model.model.language_model.layers
    matrices = [weight for weight in inner.parameters() if weight.ndim == 2]
    known = {id(weight) for weight in matrices}
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    others = [weight for weight in trained if id(weight) not in known]
    return [
        torch.optim.Muon(
            matrices, lr=PEAK_RATE, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=PEAK_RATE, weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def tokenizer_texts(seen: dict[PoolKind, Seen]) -> list[str]:
    """Exchanges of every task, to learn the tokens from."""
    rng = np.random.default_rng(0)
    bare = train_tokenizer([])
    texts = []
    for _ in range(_TOKENIZER_ROUNDS):
        samples = [share.task(rng) for share in TEXT_TASKS]
        for share in PICTURE_TASKS:
            pool = seen[share.pool].pool
            samples.append(share.task(facts_of(pool, int(rng.integers(len(pool.species)))), rng))
        texts += [render(bare, with_system(sample, rng))[1] for sample in samples]
    return [text.replace(IMAGE, "").replace("</s>", "") for text in texts]


def train(out: Path, pools: Path, minutes: float, seed: int, resume: bool) -> None:
    """Draw what is missing, train, and write the model folder and checkpoints."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    clip, _ = load_folder(CLIP_FOLDER)
    bare = new_model(train_tokenizer([]), clip).eval()
    seen = {kind: open_seen(bare, pools, kind) for kind in POOL_SIZES}
    # Tokens depend on the wording of the tasks, and a resumed model needs those it started with.
    tokenizer = (
        PreTrainedTokenizerFast.from_pretrained(out)
        if resume
        else train_tokenizer(tokenizer_texts(seen))
    )
    trainer = Trainer(new_model(tokenizer, clip), minutes)
    work = pools / out.name
    work.mkdir(parents=True, exist_ok=True)
    if resume:
        trainer.restore(torch.load(work / _STATE))
    # A resumed run must not see the same samples again.
    batches = Batches(tokenizer, seen, seed + trainer.steps)
    run(trainer, batches, tokenizer, out, work, 60 * minutes)


def run(
    trainer: Trainer,
    batches: Batches,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    work: Path,
    seconds: float,
) -> None:
    """Train until the time is up, with checkpoints and figures on the way."""
    processor = new_processor(tokenizer)
    questions = draw_questions(draw_pools(DEV_SEED, MEASURED), DEV_SEED, MEASURED)
    saved = measured = trainer.elapsed
    losses = []
    started, before = time.monotonic(), trainer.elapsed
    for batch in batches:
        losses.append(trainer.step(batch))
        trainer.elapsed = before + time.monotonic() - started
        done = trainer.elapsed >= seconds
        if trainer.steps % 100 == 0:
            mean = float(np.mean(losses[-100:]))
            logger.info("%d: %.0f s, loss %.4f", trainer.steps, trainer.elapsed, mean)
        if done or trainer.elapsed - saved > SAVE_EVERY:
            saved = trainer.elapsed
            torch.save(trainer.state(), work / _STATE)
            export(trainer.model, processor, out)
        if done or trainer.elapsed - measured > MEASURE_EVERY:
            measured = trainer.elapsed
            trainer.model.eval()
            figures = score(questions, answers(trainer.model, processor, questions))
            trainer.model.train()
            logger.info(" ".join(f"[{task}] {value:.2f}" for task, value in figures.items()))
        if done:
            return


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Train the field guide's multimodal model.")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--minutes", type=float, default=75, help="training time in all")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the samples")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    default = Path(tempfile.gettempdir()) / "fieldguide-pools"
    parser.add_argument("--pools", type=Path, default=default, help="drawn images, checkpoints")
    options = parser.parse_args()
    train(options.out, options.pools, options.minutes, options.seed, options.resume)


if __name__ == "__main__":
    main()
