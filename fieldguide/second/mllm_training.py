"""Train the second edition's multimodal model on drawn pictures, on one core of a CPU.

    OMP_NUM_THREADS=1 python -m fieldguide.second.tower --clip FOLDER --work WORK
    OMP_NUM_THREADS=1 python -m fieldguide.second.mllm_training --out FOLDER --work WORK

The tower stays as `fieldguide.second.tower` left it; the projector and the language model learn the
mixture of tasks of `mllm_tasks`. The learning rate is constant and falls to nothing in the last
part of the minutes. Started again, the command goes on from the checkpoint in WORK, also with more
minutes, in which case the rate rises again. Figures of `dev` pictures are logged; `archive`
pictures are never drawn here.
"""

import argparse
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from open_clip.model import CLIP
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from fieldguide.mllm_batches import Batch as TokenBatch
from fieldguide.mllm_batches import Item, collate, encode
from fieldguide.mllm_export import export
from fieldguide.mllm_tasks.mixture import with_system
from fieldguide.second.mllm_answers import draw_asked, draw_dev_pools, greedy_answers, score
from fieldguide.second.mllm_model import new_mllm
from fieldguide.second.mllm_tasks.facts import facts_of
from fieldguide.second.mllm_tasks.mixture import (
    PICTURE_TASKS,
    WORDS_TASKS,
    PictureShare,
    WordsShare,
)
from fieldguide.second.mllm_tokens import new_processor, new_tokenizer
from fieldguide.second.muon import Float32Muon
from fieldguide.second.pools import MLLM_SIZE, PictureKind, Pictures, open_pictures
from fieldguide.second.tower import POOL_SEED, POOL_SIZES, load_tower, vision_states

logger = logging.getLogger(__name__)

PEAK_RATE: Final = 2e-3
WARM_STEPS: Final = 60
FALLING_SHARE: Final = 0.3
SAVE_EVERY: Final = 180.0
MEASURE_EVERY: Final = 600.0
DEV_SEED: Final = 1
MEASURED: Final = 16
TOKENS: Final = 4096
_GROUP: Final = 768
_STATE: Final = "mllm.pt"


class SeenPictures(NamedTuple):
    """A pool and what the tower sees of each picture, (N, 36, 128) fp16."""

    pool: Pictures
    features: np.ndarray


class TaskBatches:
    """Draws samples and cuts them into batches; equal seeds draw equal batches."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        seen: Mapping[PictureKind, SeenPictures],
        seed: int,
    ) -> None:
        self._tokenizer, self._seen = tokenizer, seen
        self._rng = np.random.default_rng(seed)
        self._tasks: list[PictureShare | WordsShare] = [*PICTURE_TASKS, *WORDS_TASKS]
        weights = np.array([share.weight for share in self._tasks])
        self._odds = weights / weights.sum()

    def __iter__(self) -> Iterator[TokenBatch]:
        while True:
            items = sorted((self._item() for _ in range(_GROUP)), key=lambda item: len(item.ids))
            parts = list(_cut(items))
            for place in self._rng.permutation(len(parts)):
                yield collate(parts[place], self._tokenizer.pad_token_id)

    def _item(self) -> Item:
        share = self._tasks[self._rng.choice(len(self._tasks), p=self._odds)]
        features = None
        if isinstance(share, PictureShare):
            seen = self._seen[share.pool]
            row = int(self._rng.integers(len(seen.features)))
            sample, features = share.task(facts_of(seen.pool, row), self._rng), seen.features[row]
        else:
            sample = share.task(self._rng)
        ids, start = encode(self._tokenizer, with_system(sample, self._rng))
        return Item(ids, start, features if sample.with_image else None)


def _cut(items: list[Item]) -> Iterator[list[Item]]:
    """Consecutive parts of sorted items that fit into TOKENS when padded."""
    part: list[Item] = []
    for item in items:
        if part and (len(part) + 1) * len(item.ids) > TOKENS:
            yield part
            part = []
        part.append(item)
    yield part


class MllmTrainer:
    """The model with its optimizers and its clock."""

    def __init__(
        self, model: LlavaForConditionalGeneration, seconds: float, bf16: bool, device: str
    ) -> None:
        self.model = model.to(device)  # type: ignore[arg-type]
        self._seconds, self._bf16, self.device = seconds, bf16, device
        inner = [w for w in model.model.language_model.layers.parameters() if w.ndim == 2]
        known = {id(weight) for weight in inner}
        others = [w for w in model.parameters() if w.requires_grad and id(w) not in known]
        self._optimizers: list[torch.optim.Optimizer] = [
            Float32Muon(inner, lr=PEAK_RATE),
            torch.optim.AdamW(others, lr=PEAK_RATE, weight_decay=0.0, betas=(0.9, 0.98)),
        ]
        self._image = model.config.image_token_index
        self.steps, self.elapsed, self.samples = 0, 0.0, 0

    def step(self, batch: TokenBatch) -> float:
        """One update; returns the loss."""
        started = time.process_time()
        left = max(0.0, 1 - self.elapsed / self._seconds)
        rate = PEAK_RATE * min((self.steps + 1) / WARM_STEPS, left / FALLING_SHARE, 1.0)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self._bf16):
            loss = self._loss(TokenBatch(*(part.to(self.device) for part in batch)))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.steps, self.samples = self.steps + 1, self.samples + len(batch.ids)
        self.elapsed += time.process_time() - started
        return float(loss.detach())

    def _loss(self, batch: TokenBatch) -> Tensor:
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
            "progress": (self.steps, self.elapsed, self.samples),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.steps, self.elapsed, self.samples = state["progress"]


def train(
    out: Path, work: Path, minutes: float, seed: int, bf16: bool = False, device: str = "cpu"
) -> None:
    """Draw what is missing, train, and write the model folder and checkpoints."""
    torch.manual_seed(seed)
    tower, tower_steps = load_tower(work)
    seen = {kind: _open_seen(work, kind, tower, tower_steps) for kind in POOL_SIZES}
    path = work / _STATE
    # Tokens depend on the wording of the tasks, and a resumed model needs those it started with.
    if path.exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    else:
        tokenizer = new_tokenizer({kind: one.pool for kind, one in seen.items()})
    model = new_mllm(tokenizer, tower)
    trainer = MllmTrainer(model, 60 * minutes, bf16, device)
    if path.exists():
        trainer.restore(torch.load(path, weights_only=False))
    logger.info("%d tokens, going on at step %d", len(tokenizer), trainer.steps)
    processor = new_processor(tokenizer)
    export(model.cpu(), processor, out)
    model.to(device)  # type: ignore[arg-type]
    asked = draw_asked(draw_dev_pools(DEV_SEED, MEASURED), DEV_SEED, MEASURED)
    saved = measured = trainer.elapsed
    losses: list[float] = []
    # what goes on must not see the same samples again
    for batch in TaskBatches(tokenizer, seen, seed + trainer.steps):
        losses.append(trainer.step(batch))
        done = trainer.elapsed >= 60 * minutes
        if trainer.steps % 50 == 0:
            pace = trainer.samples / trainer.elapsed
            logger.info("mllm %d: %.0f s, loss %.4f, %.0f samples/s", trainer.steps,
                        trainer.elapsed, float(np.mean(losses[-50:])), pace)  # fmt: skip
        if done or trainer.elapsed - saved > SAVE_EVERY:
            saved = trainer.elapsed
            torch.save(trainer.state(), path)
        if done or trainer.elapsed - measured > MEASURE_EVERY:
            measured = trainer.elapsed
            model.eval().cpu()
            export(model, processor, out)
            figures = score(asked, greedy_answers(model, processor, asked))
            model.train().to(device)
            logger.info(" ".join(f"[{task}] {value:.2f}" for task, value in figures.items()))
        if done:
            return


def _open_seen(work: Path, kind: PictureKind, tower: CLIP, steps: int) -> SeenPictures:
    """The training pool of this kind with its features, made when not there yet."""
    count = POOL_SIZES[kind]
    pool = open_pictures(work / "pools", kind, POOL_SEED, count, MLLM_SIZE)
    path = work / "pools" / f"second-{kind}-{POOL_SEED}-{count}-seen-{steps}.npy"
    if not path.exists():
        np.save(path, vision_states(tower, pool.pixels))
    return SeenPictures(pool, np.load(path, mmap_mode="r"))


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Train the second edition's multimodal model.")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--work", type=Path, required=True, help="tower, pictures, checkpoints")
    parser.add_argument("--minutes", type=float, default=240, help="training time in all")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the samples")
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
