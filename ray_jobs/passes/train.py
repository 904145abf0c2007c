"""Training as one Ray Train job that goes on where it was stopped.

Workers get what is trained on through the object store. The first one keeps a checkpoint and the
figures of each epoch in the fit's folder; a fit that is run again finds both.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from actors import storage
from actors.clip.model import ClipModel
from actors.compat.ray import set_environment
from methods.training_loop import EpochReport, LoopSettings
from ray_jobs.passes.resources import ReplicaPool, pinned_to
from ray_jobs.runs.folder import RunFolder

if TYPE_CHECKING:
    from actors.clip.encoder import ClipEncoder

logger = logging.getLogger(f"onoma.{__name__}")

EPOCHS: Final = "epochs.jsonl"
"""File of the figures of each epoch, one JSON object a line."""

Figures = dict[str, Any]
"""Figures of one epoch, plain values: ``epoch`` counts from 1, ``note`` is for a person."""

_STORAGE: Final = "training"
_STATE, _RESULT = "state.pt", "result.npz"
_LOOK_S: Final = 1.0
_FAILURES: Final = 2
_LINES: Final = 10


@dataclass(frozen=True)
class TrainTask:
    """What a worker needs to train prompts of CLIP; methods add what they train on.

    Attributes:
        clip: the model whose prompts are learned.
        names: L names as CLIP should read them.
        settings: of the method's training.
        device, threads: of each worker.
        epochs_file: where the figures of each epoch go.
        checkpoint_seconds: between checkpoints, at least.
    """

    clip: ClipModel
    names: tuple[str, ...]
    settings: LoopSettings
    device: str
    threads: int | None
    epochs_file: str
    checkpoint_seconds: float

    def encoder(self) -> ClipEncoder:
        """The model, in float32: context tokens lose their gradients in half precision."""
        from actors.clip.encoder import ClipEncoder

        return ClipEncoder(self.clip, precision="fp32", device=self.device, threads=self.threads)

    def progress(self, device: Any) -> Progress:
        """What training goes on from, where workers exchange tensors on ``device``."""
        return Progress(self.epochs_file, self.settings.epochs, self.checkpoint_seconds, device)


def train_on_cluster(
    run: RunFolder,
    loop: Callable[[dict[str, Any]], None],
    task: TrainTask,
    workers: ReplicaPool,
    line: Callable[[Figures, int], str],
) -> tuple[dict[str, NDArray[Any]], list[Figures]]:
    """Train; resumes from the last checkpoint that the fit's folder holds.

    Args:
        run: the fit.
        loop: what each worker runs; it gets a dictionary with a reference to the ``task``, and
            keeps its epochs by `Progress`.
        task: what is trained.
        workers: how many, and the GPUs of each.
        line: says the figures of an epoch, of so many, in a line.

    Returns:
        The arrays that the last epoch was kept with, and the figures of every epoch.
    """
    import ray
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    set_environment("train")
    filesystem, path = storage.resolve(storage.join(run.uri, _STORAGE))
    per_worker = {"CPU": 1.0} | ({"GPU": workers.gpus} if workers.gpus else {})
    per_worker |= pinned_to(workers.node)
    trainer = TorchTrainer(
        loop,
        train_loop_config={"task": ray.put(task)},
        scaling_config=ScalingConfig(
            num_workers=workers.replicas,
            use_gpu=bool(workers.gpus),
            resources_per_worker=per_worker,
        ),
        run_config=RunConfig(
            name="prompt",
            storage_path=path,
            storage_filesystem=filesystem,
            checkpoint_config=CheckpointConfig(num_to_keep=1),
            failure_config=FailureConfig(max_failures=_FAILURES),
        ),
    )
    file = epochs_file(run)
    with _epochs_logged(file, task.settings.epochs, line):
        result = trainer.fit()
    if result.checkpoint is None:
        raise RuntimeError("training ended without a checkpoint")
    with (
        result.checkpoint.as_directory() as folder,
        np.load(Path(folder, _RESULT), allow_pickle=False) as saved,
    ):
        return dict(saved), read_epochs(file)


def common_figures(report: EpochReport) -> Figures:
    """The figures that every method's report has."""
    return {
        "epoch": report.epoch + 1,
        "loss": round(report.loss, 6),
        "learning_rate": report.lr,
    }


def loss_line(figures: Figures, epochs: int) -> str:
    """How every method's line on an epoch begins."""
    return f"epoch {figures['epoch']} of {epochs}: loss {figures['loss']:.3f}"


def epochs_file(run: RunFolder) -> str:
    """Where the figures of a fit's epochs are."""
    return storage.join(run.uri, EPOCHS)


def forget_training(run: RunFolder) -> None:
    """Delete the checkpoints of a fit that has its classifier."""
    storage.delete_folder(storage.join(run.uri, _STORAGE))


class Progress:
    """In a worker: what training goes on from, and what is kept of each epoch.

    Attributes:
        state: what the last checkpoint holds, plain values and tensors; None at the beginning.
    """

    def __init__(self, file: str, epochs: int, seconds: float, device: Any) -> None:
        """Find the last checkpoint.

        Args:
            file: where the figures of the epochs go.
            epochs: of the training.
            seconds: between checkpoints, at least.
            device: that workers exchange tensors on.
        """
        import ray.train

        world = ray.train.get_context()
        self._first, self._several = world.get_world_rank() == 0, world.get_world_size() > 1
        self._file, self._epochs, self._seconds, self._device = file, epochs, seconds, device
        self.state, self._figures = _saved(ray.train.get_checkpoint())
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
            self._keep(figures, state, result)

    def finish(
        self,
        figures: Figures,
        state: Mapping[str, Any],
        result: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Keep what training ended with, where that is not what its last epoch was kept with."""
        self._figures = [*self._figures[:-1], figures]
        self._write()
        self._keep(figures, state, result)

    def _write(self) -> None:
        """Write the figures of the epochs so far."""
        if self._first:
            lines = [json.dumps(epoch) + "\n" for epoch in self._figures]
            storage.write_bytes(self._file, "".join(lines).encode())

    def _keep(
        self,
        figures: Figures,
        state: Mapping[str, Any],
        result: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Keep a checkpoint; all workers come here together."""
        import ray.train
        import torch

        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if self._first:
                saved = {"state": state, "epochs": json.dumps(self._figures)}
                torch.save(saved, Path(folder, _STATE))
                with open(Path(folder, _RESULT), "wb") as file:
                    np.savez(file, **result())
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(
                {name: figures[name] for name in ("epoch", "loss")}, checkpoint=checkpoint
            )
        self._kept_at = time.monotonic()

    def _due(self, epoch: int) -> bool:
        """Whether to keep this epoch; the first worker's clock decides for all."""
        import torch

        last = epoch == self._epochs
        decision = torch.tensor(float(last or time.monotonic() - self._kept_at > self._seconds))
        if self._several:
            decision = decision.to(self._device)
            torch.distributed.broadcast(decision, src=0)
        return bool(decision)


def _saved(checkpoint: Any) -> tuple[dict[str, Any] | None, list[Figures]]:
    """The state and the figures to go on from."""
    import torch

    if checkpoint is None:
        return None, []
    with checkpoint.as_directory() as folder:
        saved = torch.load(Path(folder, _STATE), weights_only=True)
    return saved["state"], json.loads(saved["epochs"])


def read_epochs(uri: str) -> list[Figures]:
    """Read the figures of the epochs so far."""
    if not storage.exists(uri):
        return []
    return [json.loads(line) for line in storage.read_bytes(uri).decode().splitlines()]


@contextmanager
def _epochs_logged(uri: str, epochs: int, line: Callable[[Figures, int], str]) -> Iterator[None]:
    """Log epochs while they are trained elsewhere, some ten lines in all, and every note."""
    ended = threading.Event()
    every = max(1, epochs // _LINES)

    def follow() -> None:
        logged = len(read_epochs(uri))
        while True:
            last = ended.wait(_LOOK_S)
            figures = read_epochs(uri)
            for epoch in figures[logged:]:
                if epoch["note"] or epoch["epoch"] % every == 0:
                    logger.info("%s", line(epoch, epochs))
            logged = max(logged, len(figures))
            if last:
                return

    thread = threading.Thread(target=follow, name="epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
