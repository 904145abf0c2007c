"""Learning names from noisy labels: warm-up, then each epoch a split, refined targets, one pass.

NeaR's loop on cached image features: only the text side is computed anew. Two plainer methods run
in it for comparison: ``ce`` trains on the noisy labels as they are, ``proden`` on the candidate
sets without a split. Images are known by their index everywhere, and an epoch's randomness comes
from the seed and its number alone, so a run that stops and goes on ends where an uninterrupted one
does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from methods.near.candidates import CandidateSets
from methods.near.clean_noisy_split import Split, split_losses
from methods.near.frequency_alignment import align
from methods.near.predictions import candidate_probabilities, label_losses
from methods.near.settings import TrainSettings, learning_rate
from methods.near.targets import (
    first_targets,
    negative_entropy,
    partial_loss,
    refined_targets,
    soft_cross_entropy,
    uniform_divergence,
)
from methods.shuffling import shuffled_batches


class Learner(Protocol):
    """What trains: a `methods.near.prompt_learner.PromptLearner`, or anything like one."""

    logit_scale: float

    def text_features(self) -> Tensor:
        """Unit features of all L names, float32 (L, D), with a gradient."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What is trained, by name."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up what `state_dict` gave."""
        ...


@dataclass(frozen=True)
class EpochReport:
    """What an epoch did.

    Attributes:
        epoch: its number, from 0.
        loss: mean over images.
        lr: learning rate.
        images: how many took part: those with a candidate (``ce``: a label of their own).
        clean: share of labelled images that are clean; None where there was no split.
        split: None in warm-up, and in the methods without one.
        names: how many of the names were predicted for some image during the epoch.
        top_share: share of images whose prediction is the most predicted name, seen during the
            epoch; near 1 when predictions collapse to one name.
        note: what to tell the user; None mostly.
        state: to go on from after this epoch; tensors, numbers and texts only, on the CPU.
    """

    epoch: int
    loss: float
    lr: float
    images: int
    clean: float | None
    split: Split | None
    names: int
    top_share: float
    note: str | None
    state: dict[str, Any]


def train(
    learner: Learner,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    candidates: CandidateSets,
    settings: TrainSettings,
    *,
    neighbours: NDArray[np.int64] | None = None,
    state: dict[str, Any] | None = None,
) -> Iterator[EpochReport]:
    """Train, and report after each epoch; the learner then holds what that epoch learned.

    Args:
        learner: of L names.
        features: unit image features, float32 (N, D).
        labels: int64 (N,), each image's own name, -1 for none.
        candidates: of the N images; an image with none takes no part.
        settings: how.
        neighbours: int64 (N, K), nearest first, that the candidates come of; ``near`` needs them.
        state: of the last report of a run with the same inputs and settings that stopped; training
            goes on with the epoch after it.

    Raises:
        ValueError: the inputs do not fit each other, are not finite, hold no label at all, or the
            state is of other settings.
        FloatingPointError: the loss is not finite.
    """
    loop = _Loop(learner, features, labels, candidates, settings, neighbours)
    first = loop.resume(state) if state is not None else 0
    for epoch in range(first, settings.epochs):
        yield loop.run(epoch)


class _Loop:
    """One run: the data, and all that changes from epoch to epoch."""

    def __init__(
        self,
        learner: Learner,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        candidates: CandidateSets,
        settings: TrainSettings,
        neighbours: NDArray[np.int64] | None,
    ) -> None:
        if not len(features) == len(labels) == len(candidates.sizes):
            raise ValueError("features, labels and candidates are of different numbers of images")
        if not np.isfinite(features).all():
            raise ValueError("features of some images are not finite; leave those images out")
        self.learner, self.labels, self.candidates = learner, labels, candidates
        self.settings, self.labelled = settings, labels >= 0
        taking_part = self.labelled if settings.method == "ce" else candidates.sizes > 0
        self.used = np.flatnonzero(taking_part)
        if not len(self.used):
            raise ValueError("no image has a name, nor a neighbour with one: nothing to learn")
        parameters = list(learner.parameters())
        self.device = parameters[0].device
        self.features = torch.tensor(features).to(self.device)  # a copy: it may be read-only
        self.optimizer = torch.optim.SGD(
            parameters,
            lr=settings.lr,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        own = np.arange(len(labels), dtype=np.int64)[:, None]
        if neighbours is None:
            if settings.method == "near":
                raise ValueError("near needs the neighbours that the candidates come of")
            neighbours = own[:, :0]
        self.neighbours = neighbours
        self.views = np.hstack([own, neighbours[:, : settings.views]])
        self.kept = np.ones(len(candidates.classes), bool)
        self.history = np.zeros((0, len(labels)))
        share = 1 / np.maximum(candidates.sizes, 1)
        self.classes = torch.from_numpy(candidates.classes.astype(np.int64))
        self.confidences = torch.from_numpy(np.repeat(share, candidates.sizes).astype(np.float32))

    def run(self, epoch: int) -> EpochReport:
        settings = self.settings
        rate = learning_rate(epoch, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        split = self._split() if settings.method == "near" and epoch >= settings.warmup else None
        total, predicted = 0.0, []
        for batch in shuffled_batches(self.used, settings.batch, settings.seed, epoch):
            text = self.learner.text_features()
            logits = self.learner.logit_scale * self.features[self._tensor(batch)] @ text.T
            loss = self._loss(logits, batch, split)
            if not math.isfinite(value := float(loss.detach())):
                raise FloatingPointError(f"the loss of epoch {epoch} is not finite; use float32")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += value * len(batch)
            predicted.append(logits.detach().argmax(dim=1).cpu().numpy())
        votes = np.bincount(np.concatenate(predicted))
        clean = float(split.clean[self.labelled].mean()) if split and self.labelled.any() else None
        return EpochReport(
            epoch=epoch,
            loss=total / len(self.used),
            lr=rate,
            images=len(self.used),
            clean=clean,
            split=split,
            names=int(np.count_nonzero(votes)),
            top_share=float(votes.max() / len(self.used)),
            note=split.note if split else None,
            state=self._state(epoch),
        )

    def _split(self) -> Split:
        """Predict the candidates anew, split the images, keep what clean ones gave, and align."""
        with torch.no_grad():
            text = self.learner.text_features()
        scale, settings = self.learner.logit_scale, self.settings
        probabilities = candidate_probabilities(
            self.features, text, self.candidates, self.views, scale
        )
        split = split_losses(
            label_losses(probabilities, self.labels, self.candidates),
            self.labelled,
            self.history,
            threshold=settings.threshold,
            window=settings.window,
        )
        self.history = split.history
        self.kept = self.candidates.given_by(self.labels, self.neighbours, split.clean)
        kept = probabilities * self.kept
        self.confidences = torch.from_numpy(
            align(kept, self.labels, self.candidates, settings.alignment)
        )
        return split

    def _loss(self, logits: Tensor, batch: NDArray[np.int64], split: Split | None) -> Tensor:
        settings = self.settings
        labels = self._tensor(self.labels[batch])
        mask = self._tensor(self.candidates.mask(batch, logits.shape[1]))
        if split is None:
            if settings.method == "proden" or (
                settings.method == "near" and settings.first == "candidates"
            ):
                loss = self._proden_loss(logits, batch, mask)
            else:
                loss = soft_cross_entropy(logits, first_targets(labels, mask))
            if settings.method == "near" and settings.alpha1:
                loss = loss + settings.alpha1 * negative_entropy(logits)
            return loss
        targets = refined_targets(
            self._table(batch, logits, self.confidences),
            labels,
            self._tensor(split.weights[batch].astype(np.float32)),
            self._tensor(split.clean[batch]),
            self._table(batch, logits, torch.from_numpy(self.kept)),
            trust=settings.trust,
            power=settings.sharpen,
        )
        loss = soft_cross_entropy(logits, targets)
        return loss + settings.alpha2 * uniform_divergence(logits) if settings.alpha2 else loss

    def _table(self, batch: NDArray[np.int64], like: Tensor, entries: Tensor) -> Tensor:
        """Something of each candidate of some images as a table, 0 for other names."""
        owner, position = (torch.from_numpy(part) for part in self.candidates.entries(batch))
        table = torch.zeros(like.shape, dtype=entries.dtype)
        table[owner, self.classes[position]] = entries[position]
        return table.to(self.device)

    def _proden_loss(self, logits: Tensor, batch: NDArray[np.int64], mask: Tensor) -> Tensor:
        loss, following = partial_loss(logits, self._table(batch, logits, self.confidences), mask)
        owner, position = (torch.from_numpy(part) for part in self.candidates.entries(batch))
        self.confidences[position] = following.cpu()[owner, self.classes[position]]
        return loss

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _state(self, epoch: int) -> dict[str, Any]:
        state = {
            "epoch": epoch,
            "settings": asdict(self.settings),
            "learner": self.learner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": torch.from_numpy(self.history),
            "confidences": self.confidences,
        }
        return _on_cpu(copy.deepcopy(state))

    def resume(self, state: dict[str, Any]) -> int:
        if state["settings"] != asdict(self.settings):
            raise ValueError("the state to go on from is of a run with other settings")
        self.learner.load_state_dict(state["learner"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.history = state["history"].numpy().copy()
        self.confidences = state["confidences"].clone()
        return int(state["epoch"]) + 1


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    return [_on_cpu(item) for item in value] if isinstance(value, list) else value
