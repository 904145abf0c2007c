"""The training of a NeaR classifier: what it takes, what each worker does, what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.near.candidates import CandidateSets
from methods.near.settings import NearTrainSettings
from methods.near.training import NearEpochReport
from ray_jobs.passes.resources import ReplicaPool
from ray_jobs.passes.train import TrainTask, common_figures, loss_line, train_on_cluster
from ray_jobs.passes.train_progress import Figures, World
from ray_jobs.runs.folder import RunFolder


@dataclass(frozen=True)
class NearTask(TrainTask):
    """What is trained.

    Attributes:
        settings: of the training.
        context: as `methods.near.prompt_learner.PromptLearner` takes it.
        features: unit image features, float32 (N, D).
        labels: int64 (N,), -1 for none.
        candidates: of the N images.
        neighbours: int64 (N, K), the images nearest to each.
    """

    settings: NearTrainSettings
    context: int | str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    candidates: CandidateSets
    neighbours: NDArray[np.int64]


@dataclass(frozen=True)
class NearTrained:
    """What came of training.

    Attributes:
        matrix: text features of the names, float32 (L, D), unit rows.
        logit_scale: of the model.
        epochs: the figures of each epoch.
    """

    matrix: NDArray[np.float32]
    logit_scale: float
    epochs: list[Figures]


def train_prompt(run: RunFolder, task: NearTask, workers: ReplicaPool) -> NearTrained:
    """Train on the cluster, with at most one worker a name; resumes where it was stopped."""
    busy = replace(workers, replicas=min(workers.replicas, len(task.names)))
    result, epochs = train_on_cluster(run, train_loop, task, busy, epoch_line)
    return NearTrained(result["matrix"], float(result["logit_scale"]), epochs)


def train_loop(task: NearTask, world: World) -> None:
    """What each worker runs."""
    import torch

    from actors.clip.text_tower import text_tower
    from methods.near.prompt_learner import PromptLearner
    from methods.near.shared_learner import SharedLearner
    from methods.near.training import train

    encoder = task.encoder()
    learner = PromptLearner(
        text_tower(encoder), task.names, context=task.context, seed=task.settings.seed
    )
    progress = task.progress(world, encoder.device)

    def result() -> dict[str, Any]:
        with torch.no_grad():
            matrix = learner.text_features().cpu().numpy()
        return {"matrix": matrix, "logit_scale": learner.logit_scale}

    reports = train(
        SharedLearner(learner) if world.several else learner,
        task.features,
        task.labels,
        task.candidates,
        task.settings,
        neighbours=task.neighbours,
        state=progress.state,
    )
    for report in reports:
        progress.add(epoch_figures(report), report.state, result)


def epoch_figures(report: NearEpochReport) -> Figures:
    """The figures of an epoch, as plain values."""
    split = report.split
    return {
        **common_figures(report),
        "images": report.images,
        "clean": None if report.clean is None else round(report.clean, 4),
        "threshold": None if split is None else split.threshold,
        "names": report.names,
        "top_share": round(report.top_share, 4),
        "note": report.note,
    }


def epoch_line(figures: Figures, epochs: int) -> str:
    """One epoch in a line."""
    text = f"{loss_line(figures, epochs)}, {figures['names']} names"
    if figures["clean"] is not None:
        text += f", {figures['clean']:.0%} of the names clean"
        if figures["threshold"] is not None:
            text += f" (scaled loss up to {figures['threshold']:.2f})"
    return text + (f"; {figures['note']}" if figures["note"] else "")
