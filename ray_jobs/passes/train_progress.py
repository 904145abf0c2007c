"""What a training goes on from: the figures of its epochs, and its last checkpoint.

The checkpoint is one file, so that it is there whole or not at all: the state that training could
go on from, the arrays that it is for, and the figures of the epochs so far.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors import storage

Figures = dict[str, Any]
"""Figures of one epoch, plain values: ``epoch`` counts from 1, ``note`` is for a person."""

CHECKPOINT: Final = "checkpoint.npz"
"""File of the last checkpoint."""

_STATE, _EPOCHS, _RESULT = "state", "epochs", "result."


@dataclass(frozen=True)
class World:
    """The workers of a training.

    Attributes:
        rank: number of this one; the first one writes.
        size: how many they are.
    """

    rank: int = 0
    size: int = 1

    @property
    def several(self) -> bool:
        """Whether they exchange tensors."""
        return self.size > 1


class Progress:
    """In a worker: what training goes on from, and what is kept of each epoch.

    Attributes:
        state: what the last checkpoint holds, plain values and tensors; None at the beginning.
    """

    def __init__(
        self, file: str, folder: str, epochs: int, seconds: float, world: World, device: Any
    ) -> None:
        """Find the last checkpoint.

        Args:
            file: where the figures of the epochs go.
            folder: where the checkpoint is.
            epochs: of the training.
            seconds: between checkpoints, at least.
            world: the workers.
            device: that workers exchange tensors on.
        """
        self._world, self._file, self._folder = world, file, folder
        self._epochs, self._seconds, self._device = epochs, seconds, device
        self.state, self._figures = read_state(folder)
        self._kept_at = time.monotonic()

    def add(
        self,
        figures: Figures,
        state: Mapping[str, Any],
        result: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Note an epoch, and keep a checkpoint if one is due.

        Args:
            figures: of the epoch.
            state: what training could go on from.
            result: makes the arrays that training is for.
        """
        self._figures.append(figures)
        self._write()
        if self._due(figures["epoch"]):
            self._keep(state, result)

    def finish(
        self,
        figures: Figures,
        state: Mapping[str, Any],
        result: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Keep what training ended with, where that is not what its last epoch was kept with."""
        self._figures = [*self._figures[:-1], figures]
        self._write()
        self._keep(state, result)

    def _write(self) -> None:
        """Write the figures of the epochs so far."""
        if self._world.rank == 0:
            lines = [json.dumps(epoch) + "\n" for epoch in self._figures]
            storage.write_bytes(self._file, "".join(lines).encode())

    def _keep(self, state: Mapping[str, Any], result: Callable[[], Mapping[str, Any]]) -> None:
        """Keep a checkpoint; making the result is work that all workers do together."""
        import torch

        arrays = {f"{_RESULT}{name}": value for name, value in result().items()}
        if self._world.rank == 0:
            saved, packed = io.BytesIO(), io.BytesIO()
            torch.save(dict(state), saved)
            arrays[_STATE] = np.frombuffer(saved.getvalue(), np.uint8)
            arrays[_EPOCHS] = np.frombuffer(json.dumps(self._figures).encode(), np.uint8)
            np.savez(packed, **arrays)
            storage.write_bytes(storage.join(self._folder, CHECKPOINT), packed.getvalue())
        self._kept_at = time.monotonic()

    def _due(self, epoch: int) -> bool:
        """Whether to keep this epoch; the first worker's clock decides for all."""
        import torch

        last = epoch == self._epochs
        decision = torch.tensor(float(last or time.monotonic() - self._kept_at > self._seconds))
        if self._world.several:
            decision = decision.to(self._device)
            torch.distributed.broadcast(decision, src=0)
        return bool(decision)


def read_state(folder: str) -> tuple[dict[str, Any] | None, list[Figures]]:
    """The state and the figures that a checkpoint holds; None and none where there is none."""
    import torch

    arrays = _read(folder)
    if not arrays:
        return None, []
    state = torch.load(io.BytesIO(arrays[_STATE].tobytes()), weights_only=True)
    return state, json.loads(arrays[_EPOCHS].tobytes())


def read_result(folder: str) -> dict[str, NDArray[Any]]:
    """The arrays of the last checkpoint.

    Raises:
        RuntimeError: training has kept none.
    """
    arrays = _read(folder)
    if not arrays:
        raise RuntimeError(f"training ended without a checkpoint in {folder}")
    return {
        name.removeprefix(_RESULT): array
        for name, array in arrays.items()
        if name.startswith(_RESULT)
    }


def _read(folder: str) -> dict[str, NDArray[Any]]:
    uri = storage.join(folder, CHECKPOINT)
    if not storage.exists(uri):
        return {}
    with np.load(io.BytesIO(storage.read_bytes(uri)), allow_pickle=False) as saved:
        return dict(saved)


def read_epochs(uri: str) -> list[Figures]:
    """Read the figures of the epochs so far."""
    if not storage.exists(uri):
        return []
    return [json.loads(line) for line in storage.read_bytes(uri).decode().splitlines()]
