"""Learning prompts on sentences: ranking losses on cached features, text only (TaI-DPT).

Only the prompts are encoded anew in each step. What tells epochs apart is text that was not trained
on; the parents choose theirs on test images. `methods.training_loop` says how a run that stops goes
on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.data_free.hierarchical_prompts import HierarchicalPrompts
from methods.data_free.ranking import global_scores, local_scores, ranking_loss
from methods.data_free.settings import DataFreeTrainSettings
from methods.data_free.text_features import TextFeatures
from methods.metrics_multilabel import average_precisions
from methods.training_loop import EpochReport, TrainingLoop, copied_to_cpu

_BATCH: Final = 512


@dataclass(frozen=True)
class DataFreeEpochReport(EpochReport):
    """What an epoch did; its loss is the sum of the banks' ranking losses.

    Attributes:
        held_out_loss: the loss of held-out texts, after the epoch; None without any.
        held_out_map: mean average precision of held-out texts, as a fraction, over the classes that
            have some; None without any.
    """

    held_out_loss: float | None
    held_out_map: float | None


@dataclass(frozen=True)
class TrainResult:
    """What training gave; the prompts hold the tokens of the epoch that was kept.

    Attributes:
        epochs: a report each.
        kept_epoch: number of the epoch whose tokens are kept.
        whole: unit features of prompts for whole images, float32 (N, D).
        local: the same for positions; None without that bank.
        state: of the last epoch.
    """

    epochs: tuple[DataFreeEpochReport, ...]
    kept_epoch: int
    whole: NDArray[np.float32]
    local: NDArray[np.float32] | None
    state: dict[str, Any]


def held_out_texts(texts: Sequence[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Say which texts are not to be trained on, bool (n,): by hash, so equal texts stay together.

    Should the draw take all texts of a small corpus, or none, that is what comes out.
    """
    draws = [hashlib.blake2b(repr((seed, text)).encode(), digest_size=8) for text in texts]
    return np.array([int.from_bytes(d.digest()) < share * 2**64 for d in draws], np.bool_)


def train(
    prompts: HierarchicalPrompts,
    texts: TextFeatures,
    labels: NDArray[np.bool_],
    settings: DataFreeTrainSettings,
    *,
    held_out: NDArray[np.bool_] | None = None,
    implied: NDArray[np.bool_] | None = None,
    state: dict[str, Any] | None = None,
    on_epoch: Callable[[DataFreeEpochReport, dict[str, Any]], None] | None = None,
) -> TrainResult:
    """Train prompts of N classes on n texts.

    Args:
        prompts: made with the tokens, the banks and the seed of the settings.
        texts: features of the n texts.
        labels: bool (n, N), the classes of each text.
        settings: losses, epochs, rates, and which epoch is kept.
        held_out: bool (n,), texts that are not trained on; see `held_out_texts`. None by default.
        implied: bool (n, N), classes that a text lacks but that are no negatives of it, if
            ``settings.mask_implied``; see `methods.data_free.relations.implied_classes`.
        state: of an epoch of a run with the same inputs and settings that stopped; training goes on
            with the epoch after it.
        on_epoch: called after each epoch with its report, and the state to go on from after it:
            tensors, numbers and texts only, on the CPU.

    Raises:
        ValueError: the inputs do not fit each other, nothing is left to train on, or the state is
            of other settings.
        FloatingPointError: the loss is not finite.
    """
    loop = _DataFreeLoop(prompts, texts, labels, settings, held_out, implied)
    last = state or {}
    for report in loop.run(state):
        last = loop.state()
        if on_epoch is not None:
            on_epoch(report, last)
    if settings.selection == "best_held_out":
        prompts.load_state_dict(loop.best_tokens)
    with torch.no_grad():
        whole, local = prompts.matrices()
    return TrainResult(
        epochs=tuple(loop.reports),
        kept_epoch=loop.best if settings.selection == "best_held_out" else len(loop.reports) - 1,
        whole=whole.cpu().numpy(),
        local=None if local is None else local.cpu().numpy(),
        state=last,
    )


def text_scores(
    texts: TextFeatures,
    which: NDArray[np.int64],
    whole: Tensor,
    local: Tensor | None,
    settings: DataFreeTrainSettings,
) -> tuple[Tensor, Tensor | None]:
    """Score texts by whole and by token.

    Args:
        texts: features of texts.
        which: int64 (b,), the texts to score.
        whole, local: unit features of prompts, float32 (N, D); ``local`` may be None.
        settings: scale and kappa.

    Returns:
        Global and local scores, float32 (b, N), on the device of ``whole``; None without ``local``.
    """
    features, tokens, present = (part.to(whole.device) for part in texts.padded(which))
    first = global_scores(features, whole, settings.text_scale)
    if local is None:
        return first, None
    kappa, scale = settings.kappa_text, settings.text_scale
    return first, local_scores(tokens, local, kappa, scale, present=present)


def fused_text_scores(
    texts: TextFeatures,
    which: NDArray[np.int64],
    whole: Tensor,
    local: Tensor | None,
    settings: DataFreeTrainSettings,
    fusion: float = 0.5,
) -> NDArray[np.float32]:
    """Score texts by whole and by token in one, float32 (b, N): what images are scored by.

    Args:
        texts, which, whole, local, settings: as for `text_scores`.
        fusion: weight of the local score, the global one gets the rest.
    """
    parts = []
    with torch.no_grad():
        for start in range(0, len(which), _BATCH):
            one, other = text_scores(texts, which[start : start + _BATCH], whole, local, settings)
            parts.append(one if other is None else (1 - fusion) * one + fusion * other)
    scores = torch.cat(parts) if parts else whole.new_zeros(0, len(whole))
    return scores.cpu().numpy()


class _DataFreeLoop(TrainingLoop[DataFreeEpochReport]):
    """One run: the data, and what changes from epoch to epoch.

    Attributes:
        held: int64 (h,), texts that are not trained on.
        reports: of each epoch so far.
        best, best_tokens: the epoch with the highest mAP on held-out text, the first of equal ones,
            and its tokens.
    """

    settings: DataFreeTrainSettings

    def __init__(
        self,
        prompts: HierarchicalPrompts,
        texts: TextFeatures,
        labels: NDArray[np.bool_],
        settings: DataFreeTrainSettings,
        held_out: NDArray[np.bool_] | None,
        implied: NDArray[np.bool_] | None,
    ) -> None:
        held_out = np.zeros(len(texts), np.bool_) if held_out is None else held_out
        if not len(texts) == len(labels) == len(held_out):
            raise ValueError("features, labels and the held-out marks are of different numbers")
        if labels.ndim != 2 or labels.shape[1] != len(prompts.ids):
            raise ValueError(
                f"labels are {labels.shape}, for prompts of {len(prompts.ids)} classes"
            )
        if settings.mask_implied and (implied is None or implied.shape != labels.shape):
            raise ValueError("to leave implied classes out, say which they are, as for the labels")
        if settings.local_prompts != ("local" in prompts.banks):
            raise ValueError("settings and prompts do not agree on the bank for positions")
        used, self.held = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        if not len(used):
            raise ValueError("no text is left to train on")
        if settings.selection == "best_held_out" and not len(self.held):
            raise ValueError("to keep the best epoch, some texts must be held out")
        groups = prompts.rate_groups(settings.rate, by_level=settings.multiply_rates)
        optimizer: torch.optim.Optimizer
        if settings.optimizer == "adam":
            optimizer = torch.optim.Adam(groups, weight_decay=settings.weight_decay)
        else:
            optimizer = torch.optim.SGD(
                groups, momentum=settings.momentum, weight_decay=settings.weight_decay
            )
        super().__init__(prompts, optimizer, used, settings)
        self.prompts, self.texts = prompts, texts
        self.labels = labels.astype(np.bool_)
        self.implied = implied if settings.mask_implied else None
        self.reports: list[DataFreeEpochReport] = []
        self.best, self.best_tokens = -1, copied_to_cpu(prompts.state_dict())

    def batch_loss(self, batch: NDArray[np.int64]) -> Tensor:
        return self._loss(batch, *self.prompts.matrices())

    def report(self, epoch: EpochReport) -> DataFreeEpochReport:
        held_out_loss, held_out_map = self._held_out()
        report = DataFreeEpochReport(epoch.epoch, epoch.lr, epoch.loss, held_out_loss, held_out_map)
        self.reports.append(report)
        if self.best < 0 or (held_out_map or 0) > (self.reports[self.best].held_out_map or 0):
            self.best = epoch.epoch
            self.best_tokens = copied_to_cpu(self.prompts.state_dict())
        return report

    def _loss(self, batch: NDArray[np.int64], whole: Tensor, local: Tensor | None) -> Tensor:
        labels = torch.from_numpy(self.labels[batch]).to(whole.device)
        ignored = None
        if self.implied is not None:
            ignored = torch.from_numpy(self.implied[batch]).to(whole.device)
        margin = self.settings.margin
        first, second = text_scores(self.texts, batch, whole, local, self.settings)
        loss = ranking_loss(first, labels, margin, ignored=ignored)
        if second is None:
            return loss
        return loss + ranking_loss(second, labels, margin, ignored=ignored)

    def _held_out(self) -> tuple[float | None, float | None]:
        if not len(self.held):
            return None, None
        total = 0.0
        with torch.no_grad():
            whole, local = self.prompts.matrices()
            for start in range(0, len(self.held), _BATCH):
                batch = self.held[start : start + _BATCH]
                total += float(self._loss(batch, whole, local)) * len(batch)
        scores = fused_text_scores(self.texts, self.held, whole, local, self.settings)
        labels = self.labels[self.held]
        named = labels.any(axis=0)
        precision = average_precisions(scores, labels)[named].mean() if named.any() else 0.0
        return total / len(self.held), float(precision)

    def method_state(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_tokens": self.best_tokens,
            "reports": [asdict(report) for report in self.reports],
        }

    def load_method_state(self, state: dict[str, Any]) -> None:
        self.best, self.best_tokens = int(state["best"]), copied_to_cpu(state["best_tokens"])
        self.reports = [DataFreeEpochReport(**report) for report in state["reports"]]
