"""What trainings of CLIP prompts share: epochs, learning rates, and a state to go on from.

The order of items and the learning rate of an epoch come from the seed and the epoch's number
alone, so a training that stops and goes on from a state ends, bit for bit, where an uninterrupted
one does. What is trained on, the loss, and what an epoch reports beside it are the method's.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.shuffling import shuffled_batches


class LoopSettings(Protocol):
    """What a loop reads of a method's settings, which are a frozen dataclass.

    Attributes:
        epochs: passes over the items.
        train_batch: items a step.
        rate: learning rate where the cosine starts.
        first_epochs, first_rate: how many epochs have a constant rate before that, and the rate.
        seed: of the order of items.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def epochs(self) -> int: ...
    @property
    def train_batch(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def first_epochs(self) -> int: ...
    @property
    def first_rate(self) -> float: ...
    @property
    def seed(self) -> int: ...


class Trainable(Protocol):
    """What holds the trained tensors: a `torch.nn.Module`, or what stands for one."""

    def state_dict(self) -> dict[str, Any]:
        """What is trained, by name."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take up what `state_dict` gave."""
        ...


@dataclass(frozen=True)
class EpochReport:
    """What an epoch of any training did.

    Attributes:
        epoch: its number, from 0.
        lr: learning rate of parameters without a multiplier of their own.
        loss: mean over the items, during the epoch.
    """

    epoch: int
    lr: float
    loss: float


Report = TypeVar("Report", bound=EpochReport)


def learning_rate(
    epoch: int, rate: float, epochs: int, *, first_epochs: int = 1, first_rate: float = 1e-5
) -> float:
    """The rate of an epoch: a constant first, then half a cosine (CoOp, TaI-DPT).

    After the first epochs it is ``rate`` (1 + cos(pi (epoch - first_epochs) / epochs)) / 2. The
    cosine is over the number of all epochs, so the last rate is not 0.

    Args:
        epoch: from 0.
        rate: where the cosine starts.
        epochs: how many there are.
        first_epochs, first_rate: how many epochs have a constant rate, and the rate.
    """
    after = epoch - first_epochs
    if after < 0:
        return first_rate
    return rate * 0.5 * (1 + math.cos(math.pi * after / epochs))


class TrainingLoop(ABC, Generic[Report]):
    """One training: what is trained, its optimizer, and the number of the last epoch.

    Attributes:
        used: int64 (n,), indices of the items that are trained on, at least one.
        epoch: number of the last epoch that was finished; -1 before the first.
    """

    def __init__(
        self,
        learner: Trainable,
        optimizer: torch.optim.Optimizer,
        used: NDArray[np.int64],
        settings: LoopSettings,
    ) -> None:
        """Prepare; an optimizer's parameter group may have a ``multiplier`` of its rate."""
        self.learner, self.optimizer, self.used = learner, optimizer, used
        self.settings, self.epoch = settings, -1

    def run(self, state: dict[str, Any] | None = None) -> Iterator[Report]:
        """Train epoch by epoch; the learner then holds what the reported epoch learned.

        Args:
            state: of an earlier run with the same items and settings; its next epoch comes first.

        Raises:
            ValueError: the state is of other settings.
            FloatingPointError: a loss is not finite.
        """
        if state is not None:
            self._resume(state)
        for epoch in range(self.epoch + 1, self.settings.epochs):
            yield self._run_epoch(epoch)

    def state(self) -> dict[str, Any]:
        """What to go on from after the last epoch: tensors, numbers and texts, on the CPU."""
        return copied_to_cpu(
            {
                "epoch": self.epoch,
                "settings": asdict(self.settings),
                "learner": self.learner.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                **self.method_state(),
            }
        )

    def start_epoch(self, epoch: int) -> None:
        """Prepare for an epoch."""

    @abstractmethod
    def batch_loss(self, batch: NDArray[np.int64]) -> Tensor:
        """The mean loss of some items, int64 (b,), a scalar with a gradient."""

    @abstractmethod
    def report(self, epoch: EpochReport) -> Report:
        """What the method reports of an epoch that is done."""

    @abstractmethod
    def method_state(self) -> dict[str, Any]:
        """What changes from epoch to epoch beside learner and optimizer."""

    @abstractmethod
    def load_method_state(self, state: dict[str, Any]) -> None:
        """Take up what `method_state` gave, out of a whole state."""

    def _run_epoch(self, epoch: int) -> Report:
        settings = self.settings
        rate = learning_rate(
            epoch,
            settings.rate,
            settings.epochs,
            first_epochs=settings.first_epochs,
            first_rate=settings.first_rate,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("multiplier", 1.0)
        self.start_epoch(epoch)
        total = 0.0
        for batch in shuffled_batches(self.used, settings.train_batch, settings.seed, epoch):
            loss = self.batch_loss(batch)
            if not math.isfinite(value := float(loss.detach())):
                raise FloatingPointError(f"the loss of epoch {epoch} is not finite; use float32")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += value * len(batch)
        self.epoch = epoch
        return self.report(EpochReport(epoch, rate, total / len(self.used)))

    def _resume(self, state: dict[str, Any]) -> None:
        if state["settings"] != asdict(self.settings):
            raise ValueError("the state to go on from is of a run with other settings")
        self.learner.load_state_dict(state["learner"])
        # the optimizer would keep the state's own tensors and change them
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.load_method_state(state)
        self.epoch = int(state["epoch"])


def copied_to_cpu(value: Any) -> Any:
    """Copy what is made of dictionaries, lists and tensors, without gradients, to the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: copied_to_cpu(item) for key, item in value.items()}
    return [copied_to_cpu(item) for item in value] if isinstance(value, list) else value
