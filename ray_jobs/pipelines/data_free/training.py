"""The training of hierarchical prompts: what it takes, what the worker does, what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.data_free.relations import Relation
from methods.data_free.settings import DataFreeTrainSettings
from methods.data_free.training import DataFreeEpochReport
from ray_jobs.passes.resources import ReplicaPool
from ray_jobs.passes.train import TrainTask, common_figures, loss_line, train_on_cluster
from ray_jobs.passes.train_progress import Figures, World
from ray_jobs.pipelines.data_free.features import read_texts
from ray_jobs.runs.folder import RunFolder


@dataclass(frozen=True)
class DataFreeTask(TrainTask):
    """What is trained.

    Attributes:
        settings: of the training.
        table: stage table of the texts' features.
        held_out: bool (n,), texts that tune thresholds and are not trained on.
        attribute_groups, context_groups: int64 (N,), of N classes.
        together: co-occurrence strengths, float64 (N, N).
        fusion: weight of the local score in thresholds.
    """

    settings: DataFreeTrainSettings
    table: str
    held_out: NDArray[np.bool_]
    attribute_groups: NDArray[np.int64]
    context_groups: NDArray[np.int64]
    together: Relation
    fusion: float


@dataclass(frozen=True)
class DataFreeTrained:
    """What came of training.

    Attributes:
        whole, local: unit features of prompts, float32 (N, D); ``local`` may be None.
        thresholds: float32 (N,), of centred scores, tuned on held-out sentences; None without any.
        logit_scale: of the model.
        epochs: the figures of each epoch.
    """

    whole: NDArray[np.float32]
    local: NDArray[np.float32] | None
    thresholds: NDArray[np.float32] | None
    logit_scale: float
    epochs: list[Figures]


def train_prompts(run: RunFolder, task: DataFreeTask, worker: ReplicaPool) -> DataFreeTrained:
    """Train on the cluster in one process, since the prompts are the work and cannot be shared out
    without giving the same to all; resumes where it was stopped."""
    result, epochs = train_on_cluster(run, train_loop, task, worker, epoch_line)
    return DataFreeTrained(
        result["whole"],
        result.get("local"),
        result.get("thresholds"),
        float(result["logit_scale"]),
        epochs,
    )


def train_loop(task: DataFreeTask, world: World) -> None:
    """What the worker runs."""
    import torch

    from actors.clip.text_tower import text_tower
    from methods.data_free.hierarchical_prompts import HierarchicalPrompts
    from methods.data_free.relations import implied_classes
    from methods.data_free.thresholds import text_thresholds
    from methods.data_free.training import fused_text_scores, train
    from methods.multi_label_scores import centred

    settings = task.settings
    encoder = task.encoder()
    prompts = HierarchicalPrompts(
        text_tower(encoder),
        task.names,
        settings.tokens,
        attribute_groups=task.attribute_groups,
        context_groups=task.context_groups,
        local=settings.local_prompts,
        seed=settings.seed,
    )
    texts, labels = read_texts(task.table, len(task.names))
    progress = task.progress(world, encoder.device)

    def result() -> dict[str, Any]:
        with torch.no_grad():
            whole, local = prompts.matrices()
        arrays = {"whole": whole.cpu().numpy(), "logit_scale": encoder.logit_scale}
        if local is not None:
            arrays["local"] = local.cpu().numpy()
        if task.held_out.any():
            out = np.flatnonzero(task.held_out)
            scores = fused_text_scores(texts, out, whole, local, settings, task.fusion)
            arrays["thresholds"] = text_thresholds(centred(scores), labels[out])
        return arrays

    def keep(report: DataFreeEpochReport, state: dict[str, Any]) -> None:
        progress.add(epoch_figures(report), state, result)

    trained = train(
        prompts,
        texts,
        labels,
        settings,
        held_out=task.held_out,
        implied=implied_classes(labels, task.together, settings.implied_strength),
        state=progress.state,
        on_epoch=keep,
    )
    if settings.selection == "best_held_out":
        # the tokens that are kept may be those of another epoch than the last checkpoint's
        figures = {**epoch_figures(trained.epochs[-1]), "kept": trained.kept_epoch + 1}
        progress.finish(figures, trained.state, result)


def epoch_figures(report: DataFreeEpochReport) -> Figures:
    """The figures of an epoch, as plain values."""
    held_out = {"held_out_loss": report.held_out_loss, "held_out_map": report.held_out_map}
    rounded = {name: None if value is None else round(value, 6) for name, value in held_out.items()}
    return {**common_figures(report), **rounded, "note": ""}


def epoch_line(figures: Figures, epochs: int) -> str:
    """One epoch in a line."""
    text = loss_line(figures, epochs)
    if figures["held_out_loss"] is not None:
        text += f", of held-out sentences {figures['held_out_loss']:.3f}"
        text += f" (mAP {figures['held_out_map']:.3f})"
    return text
