"""One prompt learner on several processes ends where one process does.

Run as a program, this file is one of the processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.text_tower import text_tower
from methods.class_matrix import unit_rows
from methods.near.candidates import candidate_sets, nearest_neighbours
from methods.near.prompt_learner import PromptLearner
from methods.near.settings import NearTrainSettings
from methods.near.shared_learner import SharedLearner
from methods.near.training import Learner, train

pytestmark = pytest.mark.slow

NAMES = ["kaldo dornet", "brund tarrow", "lissick tarrow", "faskin dornet", "quarvo pelloc"]


def prompt_learner(names: list[str]) -> PromptLearner:
    """Of the field guide's CLIP, on one thread."""
    encoder = ClipEncoder(resolve_clip("fieldguide"), device="cpu", threads=1)
    return PromptLearner(text_tower(encoder), names, context="a photo of a")


def train_some(learner: Learner) -> list[float]:
    """Train on images of noise around the names, a quarter of them with a wrong name."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % len(NAMES)
    centres = ClipEncoder(resolve_clip("fieldguide"), device="cpu").encode_texts(NAMES)
    noise = 0.05 * rng.standard_normal((30, centres.shape[1])).astype(np.float32)
    features = unit_rows(centres[labels] + noise)
    labels[::4] = 0
    near = nearest_neighbours(features, 3)
    sets = candidate_sets(labels, near)
    settings = NearTrainSettings(epochs=4, train_batch=8, learning_rate=0.05)
    reports = train(learner, features, labels, sets, settings, neighbours=near)
    return [report.loss for report in reports]


def work(rank: int, processes: int, folder: Path) -> None:
    """What each process does; writes what it ended with, and what too many processes hear."""
    store = dist.FileStore(str(folder / "store"), processes)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=processes)
    learner = prompt_learner(NAMES)
    start = learner.ctx.detach().numpy().copy()
    losses = train_some(SharedLearner(learner))
    try:
        SharedLearner(prompt_learner(NAMES[:1]))
        refusal = ""
    except ValueError as error:
        refusal = str(error)
    context, matrix = learner.ctx.detach().numpy(), learner.text_features().detach().numpy()
    np.savez(
        folder / f"{rank}.npz",
        start=start,
        context=context,
        matrix=matrix,
        losses=losses,
        refusal=refusal,
    )
    dist.barrier()
    dist.destroy_process_group()


def processes_end_with(folder: Path, processes: int) -> list[dict[str, NDArray[np.float32]]]:
    """Run the processes and read what each wrote."""
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), str(processes), str(folder)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    for process in started:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    return [dict(np.load(folder / f"{rank}.npz")) for rank in range(processes)]


@pytest.mark.extended
def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    alone = prompt_learner(NAMES)
    losses = train_some(alone)
    torch.set_num_threads(threads)
    one, two = processes_end_with(tmp_path, 2)
    assert np.array_equal(one["context"], two["context"])
    assert np.array_equal(one["losses"], two["losses"])
    context = alone.ctx.detach().numpy()
    assert np.abs(context - one["start"]).max() > 1e-2, "something was learned"
    assert np.allclose(one["context"], context, atol=1e-4)
    assert np.allclose(one["losses"], losses, atol=1e-4)
    assert np.allclose(one["matrix"], alone.text_features().detach().numpy(), atol=1e-4)
    assert str(one["refusal"]) == "2 processes for 1 names; use at most one a name"


if __name__ == "__main__":
    work(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
