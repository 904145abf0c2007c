"""Learning names from noisy labels: warm-up, then each epoch a split, refined targets, one pass.

NeaR's loop on cached image features: only the text side is computed anew. Two plainer methods run
in it for comparison: ``ce`` trains on the noisy labels as they are, ``proden`` on the candidate
sets without a split. Images are known by their index everywhere; `methods.training_loop` says how a
run that stops goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from methods.near.candidates import CandidateSets
from methods.near.clean_noisy_split import Split, split_losses
from methods.near.frequency_alignment import align
from methods.near.predictions import candidate_probabilities, label_losses
from methods.near.settings import NearTrainSettings
from methods.near.targets import (
    first_targets,
    negative_entropy,
    partial_loss,
    refined_targets,
    soft_cross_entropy,
    uniform_divergence,
)
from methods.training_loop import EpochReport, TrainingLoop


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
class NearEpochReport(EpochReport):
    """What an epoch did, beside its loss.

    Attributes:
        images: how many took part: those with a candidate (``ce``: a label of their own).
        clean: share of labelled images that are clean; None where there was no split.
        split: None in warm-up, and in the methods without one.
        names: how many of the names were predicted for some image during the epoch.
        top_share: share of images whose prediction is the most predicted name, seen during the
            epoch; near 1 when predictions collapse to one name.
        note: what to tell the user; None mostly.
        state: to go on from after this epoch; tensors, numbers and texts only, on the CPU.
    """

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
    settings: NearTrainSettings,
    *,
    neighbours: NDArray[np.int64] | None = None,
    state: dict[str, Any] | None = None,
) -> Iterator[NearEpochReport]:
    """Train, and report after each epoch; the learner then holds what that epoch learned.

    Args:
        learner: of L names.
        features: unit image features, float32 (N, D).
        labels: int64 (N,), each image's own name, -1 for none.
        candidates: of the N images; an image with none takes no part.
        settings: which training, its epochs and rates, and how targets are refined.
        neighbours: int64 (N, K), nearest first, that the candidates come of; ``near`` needs them.
        state: of the last report of a run with the same inputs and settings that stopped; training
            goes on with the epoch after it.

    Raises:
        ValueError: the inputs do not fit each other, are not finite, hold no label at all, or the
            state is of other settings.
        FloatingPointError: the loss is not finite.
    """
    yield from _NearLoop(learner, features, labels, candidates, settings, neighbours).run(state)


class _NearLoop(TrainingLoop[NearEpochReport]):
    """One run: the data, and what changes from epoch to epoch.

    Attributes:
        split: of this epoch; None in warm-up, and in the methods without one.
        eligible: bool (entries,), the candidates that a clean image gave; all before a split.
        history: float64 (epochs, N), scaled losses, as `split_losses` takes them.
        confidences: float32 (entries,), what images are trained towards, of each candidate.
        predicted: the names predicted in each batch of the epoch, int64 (b,) each.
    """

    learner: Learner
    settings: NearTrainSettings

    def __init__(
        self,
        learner: Learner,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        candidates: CandidateSets,
        settings: NearTrainSettings,
        neighbours: NDArray[np.int64] | None,
    ) -> None:
        if not len(features) == len(labels) == len(candidates.sizes):
            raise ValueError("features, labels and candidates are of different numbers of images")
        if not np.isfinite(features).all():
            raise ValueError("features of some images are not finite; leave those images out")
        labelled = labels >= 0
        taking_part = labelled if settings.training == "ce" else candidates.sizes > 0
        used = np.flatnonzero(taking_part)
        if not len(used):
            raise ValueError("no image has a name, nor a neighbour with one: nothing to learn")
        parameters = list(learner.parameters())
        optimizer = torch.optim.SGD(
            parameters,
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        super().__init__(learner, optimizer, used, settings)
        self.labels, self.labelled, self.candidates = labels, labelled, candidates
        self.device = parameters[0].device
        self.features = torch.tensor(features).to(self.device)  # a copy: it may be read-only
        images = np.arange(len(labels), dtype=np.int64)[:, None]
        if neighbours is None:
            if settings.training == "near":
                raise ValueError("near needs the neighbours that the candidates come of")
            neighbours = images[:, :0]
        self.neighbours = neighbours
        self.views = np.hstack([images, neighbours[:, : settings.views]])
        self.split: Split | None = None
        self.predicted: list[NDArray[np.int64]] = []
        self.eligible = np.ones(len(candidates.classes), bool)
        self.history = np.zeros((0, len(labels)))
        share = 1 / np.maximum(candidates.sizes, 1)
        self.classes = torch.from_numpy(candidates.classes.astype(np.int64))
        self.confidences = torch.from_numpy(np.repeat(share, candidates.sizes).astype(np.float32))

    def start_epoch(self, epoch: int) -> None:
        past_warmup = self.settings.training == "near" and epoch >= self.settings.warmup
        self.split = self._split_images() if past_warmup else None
        self.predicted = []

    def batch_loss(self, batch: NDArray[np.int64]) -> Tensor:
        text = self.learner.text_features()
        logits = self.learner.logit_scale * self.features[self._tensor(batch)] @ text.T
        self.predicted.append(logits.detach().argmax(dim=1).cpu().numpy())
        return self._loss(logits, batch)

    def report(self, epoch: EpochReport) -> NearEpochReport:
        split, votes = self.split, np.bincount(np.concatenate(self.predicted))
        clean = float(split.clean[self.labelled].mean()) if split and self.labelled.any() else None
        return NearEpochReport(
            epoch=epoch.epoch,
            lr=epoch.lr,
            loss=epoch.loss,
            images=len(self.used),
            clean=clean,
            split=split,
            names=int(np.count_nonzero(votes)),
            top_share=float(votes.max() / len(self.used)),
            note=split.note if split else None,
            state=self.state(),
        )

    def _split_images(self) -> Split:
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
            threshold=settings.clean_threshold,
            window=settings.loss_window,
        )
        self.history = split.history
        self.eligible = self.candidates.given_by(self.labels, self.neighbours, split.clean)
        self.confidences = torch.from_numpy(
            align(probabilities * self.eligible, self.labels, self.candidates, settings.alignment)
        )
        return split

    def _loss(self, logits: Tensor, batch: NDArray[np.int64]) -> Tensor:
        settings, split = self.settings, self.split
        labels = self._tensor(self.labels[batch])
        mask = self._tensor(self.candidates.mask(batch, logits.shape[1]))
        if split is None:
            if settings.training == "proden" or (
                settings.training == "near" and settings.warmup_on == "candidates"
            ):
                loss = self._proden_loss(logits, batch, mask)
            else:
                loss = soft_cross_entropy(logits, first_targets(labels, mask))
            if settings.training == "near" and settings.entropy_weight:
                loss = loss + settings.entropy_weight * negative_entropy(logits)
            return loss
        targets = refined_targets(
            self._table(batch, logits, self.confidences),
            labels,
            self._tensor(split.weights[batch].astype(np.float32)),
            self._tensor(split.clean[batch]),
            self._table(batch, logits, torch.from_numpy(self.eligible)),
            trust=settings.trust,
            power=settings.sharpening,
        )
        loss = soft_cross_entropy(logits, targets)
        if settings.uniform_weight:
            loss = loss + settings.uniform_weight * uniform_divergence(logits)
        return loss

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

    def method_state(self) -> dict[str, Any]:
        return {"history": torch.from_numpy(self.history), "confidences": self.confidences}

    def load_method_state(self, state: dict[str, Any]) -> None:
        self.history = state["history"].numpy().copy()
        self.confidences = state["confidences"].clone()
