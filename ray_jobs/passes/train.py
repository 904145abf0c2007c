"""Training on the cluster, which goes on where it was stopped.

One worker is a Ray task; several, which exchange tensors, are a Ray Train job, whose processes take
half a minute of two cores to come. Either gets what is trained on through the object store, keeps
its checkpoint and the figures of each epoch in the fit's folder (`ray_jobs.passes.train_progress`),
and starts again from there when it dies; so does a fit that is run again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from numpy.typing import NDArray

from actors import storage
from actors.clip.model import ClipModel
from actors.compat.ray import set_environment
from methods.training_loop import EpochReport, LoopSettings
from ray_jobs.passes.remote_tasks import start_task
from ray_jobs.passes.resources import ReplicaPool, pinned_to
from ray_jobs.passes.train_progress import (
    Figures,
    Progress,
    World,
    read_epochs,
    read_result,
)
from ray_jobs.runs.folder import RunFolder

if TYPE_CHECKING:
    from actors.clip.encoder import ClipEncoder

logger = logging.getLogger(f"onoma.{__name__}")

EPOCHS: Final = "epochs.jsonl"
"""File of the figures of each epoch, one JSON object a line."""

_STORAGE: Final = "training"
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
        run: folder of the fit.
        checkpoint_seconds: between checkpoints, at least.
    """

    clip: ClipModel
    names: tuple[str, ...]
    settings: LoopSettings
    device: str
    threads: int | None
    run: str
    checkpoint_seconds: float

    def encoder(self) -> ClipEncoder:
        """The model, in float32: context tokens lose their gradients in half precision."""
        from actors.clip.encoder import ClipEncoder

        return ClipEncoder(self.clip, precision="fp32", device=self.device, threads=self.threads)

    def progress(self, world: World, device: Any) -> Progress:
        """What training goes on from, where workers exchange tensors on ``device``."""
        files = epochs_file(self.run), training_folder(self.run)
        return Progress(*files, self.settings.epochs, self.checkpoint_seconds, world, device)


Task = TypeVar("Task", bound=TrainTask)


def train_on_cluster(
    run: RunFolder,
    loop: Callable[[Task, World], None],
    task: Task,
    workers: ReplicaPool,
    line: Callable[[Figures, int], str],
) -> tuple[dict[str, NDArray[Any]], list[Figures]]:
    """Train; resumes from the last checkpoint that the fit's folder holds.

    Args:
        run: the fit.
        loop: what each worker runs; it keeps its epochs by `Progress`.
        task: what is trained.
        workers: how many, and the GPUs of each.
        line: says the figures of an epoch, of so many, in a line.

    Returns:
        The arrays that the last epoch was kept with, and the figures of every epoch.
    """
    file, folder = epochs_file(run.uri), training_folder(run.uri)
    with _epochs_logged(file, task.settings.epochs, line):
        if workers.replicas == 1:
            start_task(loop, task, World(), gpus=workers.gpus, resource=workers.resource)()
        else:
            _train_together(folder, loop, task, workers)
    return read_result(folder), read_epochs(file)


def _train_together(
    folder: str, loop: Callable[[Task, World], None], task: Task, workers: ReplicaPool
) -> None:
    """Train on several workers, which Ray Train connects and starts again when one dies."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    set_environment("train")
    filesystem, path = storage.resolve(folder)
    per_worker = {"CPU": 1.0} | ({"GPU": workers.gpus} if workers.gpus else {})
    per_worker |= pinned_to(workers.resource)
    TorchTrainer(
        _worker,
        train_loop_config={"loop": loop, "task": ray.put(task)},
        scaling_config=ScalingConfig(
            num_workers=workers.replicas,
            use_gpu=bool(workers.gpus),
            resources_per_worker=per_worker,
        ),
        run_config=RunConfig(
            name="prompt",
            storage_path=path,
            storage_filesystem=filesystem,
            failure_config=FailureConfig(max_failures=_FAILURES),
        ),
    ).fit()


def _worker(config: dict[str, Any]) -> None:
    """What a worker of Ray Train runs."""
    import ray
    import ray.train

    context = ray.train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    config["loop"](ray.get(config["task"]), world)


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


def epochs_file(run: str) -> str:
    """Where the figures of a fit's epochs are, by the fit's folder."""
    return storage.join(run, EPOCHS)


def training_folder(run: str) -> str:
    """Where the checkpoint of a fit is, by the fit's folder."""
    return storage.join(run, _STORAGE)


def forget_training(run: RunFolder) -> None:
    """Delete the checkpoint of a fit that has its classifier."""
    storage.delete_folder(training_folder(run.uri))


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
