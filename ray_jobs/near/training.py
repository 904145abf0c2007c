"""The training of a NeaR classifier as one Ray Train job that goes on where it was stopped.

Workers are given what is trained on through the object store. The first one keeps a checkpoint and
the figures of each epoch in the fit's folder; a fit that is run again finds both.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors import storage
from actors.clip import ClipEncoder
from actors.clip_models import ClipModel
from methods.near.candidates import CandidateSets
from methods.near.settings import TrainSettings
from ray_jobs.ray_context import ReplicaPlan
from ray_jobs.run_folder import RunFolder

logger = logging.getLogger(__name__)

EPOCHS: Final = "epochs.jsonl"
"""File of the figures of each epoch, one JSON object a line."""

_STORAGE: Final = "training"
_STATE, _RESULT = "state.pt", "matrix.npz"
_LOOK_S: Final = 1.0
_CONTROLLER_LOOKS_S: Final = "0.5"
_FAILURES: Final = 2
_LINES: Final = 10


@dataclass(frozen=True)
class Task:
    """What is trained.

    Attributes:
        clip: the model whose prompt is learned.
        names: L names as CLIP should read them.
        context: as `methods.near.prompt_learner.PromptLearner` takes it.
        features: unit image features, float32 (N, D).
        labels: int64 (N,), -1 for none.
        candidates: of the N images.
        neighbours: int64 (N, K), the images nearest to each.
        settings: how.
        device, threads: of each worker.
        epochs: where the figures of each epoch go.
        checkpoint_seconds: between checkpoints, at least.
    """

    clip: ClipModel
    names: tuple[str, ...]
    context: int | str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    candidates: CandidateSets
    neighbours: NDArray[np.int64]
    settings: TrainSettings
    device: str
    threads: int | None
    epochs: str
    checkpoint_seconds: float


@dataclass(frozen=True)
class Trained:
    """What came of training.

    Attributes:
        matrix: text features of the names, float32 (L, D), unit rows.
        logit_scale: of the model.
        epochs: the figures of each epoch.
    """

    matrix: NDArray[np.float32]
    logit_scale: float
    epochs: list[dict[str, Any]]


def train_prompt(run: RunFolder, task: Task, workers: ReplicaPlan) -> Trained:
    """Train on the cluster; resumes from the last checkpoint that the fit's folder holds.

    Args:
        run: the fit.
        task: what is trained.
        workers: how many, and the GPUs of each; there is at most one a name.
    """
    import ray
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    # a worker waits for the controller to look before it goes on after a checkpoint
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", _CONTROLLER_LOOKS_S)
    filesystem, path = storage.resolve(storage.join(run.uri, _STORAGE))
    per_worker = {"CPU": 1.0} | ({"GPU": workers.gpus} if workers.gpus else {})
    trainer = TorchTrainer(
        train_loop,
        train_loop_config={"task": ray.put(task)},
        scaling_config=ScalingConfig(
            num_workers=min(workers.replicas, len(task.names)),
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
    with _told(task.epochs, task.settings.epochs):
        result = trainer.fit()
    if result.checkpoint is None:
        raise RuntimeError("training ended without a checkpoint")
    with (
        result.checkpoint.as_directory() as folder,
        np.load(Path(folder, _RESULT), allow_pickle=False) as saved,
    ):
        matrix, logit_scale = saved["matrix"], float(saved["logit_scale"])
    return Trained(matrix, logit_scale, read_epochs(task.epochs))


def forget_training(run: RunFolder) -> None:
    """Delete the checkpoints of a fit that has its classifier."""
    storage.delete_folder(storage.join(run.uri, _STORAGE))


def train_loop(config: dict[str, Any]) -> None:
    """What each worker runs."""
    import ray
    import ray.train
    import torch

    from actors.text_tower import text_tower
    from methods.near.prompt_learner import PromptLearner
    from methods.near.shared_learner import SharedLearner
    from methods.near.training import EpochReport, train

    task: Task = ray.get(config["task"])
    world = ray.train.get_context()
    first = world.get_world_rank() == 0
    # a context loses its gradients in half precision
    encoder = ClipEncoder(task.clip, precision="fp32", device=task.device, threads=task.threads)
    learner = PromptLearner(
        text_tower(encoder), task.names, context=task.context, seed=task.settings.seed
    )
    shared = SharedLearner(learner) if world.get_world_size() > 1 else learner
    state, figures = _saved(ray.train.get_checkpoint())
    kept_at = time.monotonic()

    def due(report: EpochReport) -> bool:
        """Whether to keep this epoch; the first worker's clock decides for all."""
        last = report.epoch + 1 == task.settings.epochs
        decision = torch.tensor(float(last or time.monotonic() - kept_at > task.checkpoint_seconds))
        if world.get_world_size() > 1:
            decision = decision.to(encoder.device)
            torch.distributed.broadcast(decision, src=0)
        return bool(decision)

    reports = train(
        shared,
        task.features,
        task.labels,
        task.candidates,
        task.settings,
        neighbours=task.neighbours,
        state=state,
    )
    for report in reports:
        figures.append(epoch_figures(report))
        if first:
            lines = [json.dumps(each) + "\n" for each in figures]
            storage.write_bytes(task.epochs, "".join(lines).encode())
        if not due(report):
            continue
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if first:
                saved = {"state": report.state, "epochs": json.dumps(figures)}
                torch.save(saved, Path(folder, _STATE))
                with torch.no_grad():
                    matrix = learner.text_features().cpu().numpy()
                with open(Path(folder, _RESULT), "wb") as file:
                    np.savez(file, matrix=matrix, logit_scale=learner.logit_scale)
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report({"epoch": report.epoch, "loss": report.loss}, checkpoint=checkpoint)
        kept_at = time.monotonic()


def _saved(checkpoint: Any) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The state and the figures to go on from."""
    import torch

    if checkpoint is None:
        return None, []
    with checkpoint.as_directory() as folder:
        saved = torch.load(Path(folder, _STATE), weights_only=True)
    return saved["state"], json.loads(saved["epochs"])


def epoch_figures(report: Any) -> dict[str, Any]:
    """The figures of an `methods.near.training.EpochReport`, as plain values."""
    split = report.split
    return {
        "epoch": report.epoch + 1,
        "loss": round(report.loss, 6),
        "learning_rate": report.lr,
        "images": report.images,
        "clean": None if report.clean is None else round(report.clean, 4),
        "threshold": None if split is None else split.threshold,
        "names": report.names,
        "top_share": round(report.top_share, 4),
        "note": report.note,
    }


def read_epochs(uri: str) -> list[dict[str, Any]]:
    """Read the figures of the epochs so far."""
    if not storage.exists(uri):
        return []
    return [json.loads(line) for line in storage.read_bytes(uri).decode().splitlines()]


@contextmanager
def _told(uri: str, epochs: int) -> Iterator[None]:
    """Tell of epochs while they are trained elsewhere, some ten lines in all, and of every note."""
    ended = threading.Event()
    every = max(1, epochs // _LINES)

    def follow() -> None:
        told = len(read_epochs(uri))
        while True:
            last = ended.wait(_LOOK_S)
            figures = read_epochs(uri)
            for each in figures[told:]:
                if each["note"] or each["epoch"] % every == 0:
                    logger.warning("%s", epoch_line(each, epochs))
            told = max(told, len(figures))
            if last:
                return

    thread = threading.Thread(target=follow, name="epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def epoch_line(figures: dict[str, Any], epochs: int) -> str:
    """One epoch in a line."""
    text = f"epoch {figures['epoch']} of {epochs}: loss {figures['loss']:.3f}"
    text += f", {figures['names']} names"
    if figures["clean"] is not None:
        text += f", {figures['clean']:.0%} of the names clean"
        if figures["threshold"] is not None:
            text += f" (scaled loss up to {figures['threshold']:.2f})"
    return text + (f"; {figures['note']}" if figures["note"] else "")
