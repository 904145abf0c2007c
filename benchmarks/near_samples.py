"""What the NeaR benchmarks share: archives whose images all have a name, and fits on samples.

A fit here is the one of ``onoma fit near`` without its job: same sample, names, candidates and
training, on features and answers that are there already, so that many can be compared.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from actors.clip.text_tower import text_tower
from actors.images.decode import decode_image, to_input_size
from methods.discovered_names import build_vocabulary
from methods.image_ids import image_id
from methods.metrics_cluster import cluster_accuracy
from methods.near.candidates import candidate_sets, nearest_neighbours
from methods.near.prompt_learner import PromptLearner
from methods.near.settings import NearTrainSettings
from methods.near.training import train
from methods.text_tower import TextTower
from ray_jobs.pipelines.near.sample import nearest_to_centres
from ray_jobs.runs.reservoir import random_keys

_BATCH = 256


@dataclass(frozen=True)
class Archive:
    """A drawn archive that the MLLM has named whole.

    Attributes:
        ids: int64 (N,), ascending.
        names: what the MLLM called each image; None without a name.
        truth: int64 (N,), the true class of each, to score with.
        features: unit CLIP features, float32 (N, D).
    """

    ids: NDArray[np.int64]
    names: list[str | None]
    truth: NDArray[np.int64]
    features: NDArray[np.float32]

    def named_by_mllm(self) -> float:
        """The cACC of the MLLM's own names."""
        _, labels = build_vocabulary(self.names)
        return cluster_accuracy(self.truth, labels)


def name_archive(root: Path, seed: int, count: int) -> tuple[Path, Path]:
    """Draw an archive and have the MLLM name every image; returns the archive and the run."""
    from fieldguide.archive import draw_archive
    from ray_jobs.config import LabelMllmNamesConfig
    from ray_jobs.verbs.label import label

    archive, run = root / f"archive{seed}", root / f"mllm_names{seed}"
    if not archive.exists():
        draw_archive(archive, count, seed)
    images = str(archive / "images")
    label(LabelMllmNamesConfig(images=images, category="bird", unit="species", out=str(run)))
    return archive, run


def read_archive(archive: Path, run: Path, encoder: ClipEncoder) -> Archive:
    """Read what a run named, and encode the images."""
    import pyarrow.parquet as pq

    with (archive / "truth.csv").open(newline="", encoding="utf-8") as file:
        true = {row["path"]: row["label"] for row in csv.DictReader(file)}
    table = pq.read_table(run / "labels", columns=["path", "label"], partitioning=None).to_pydict()
    named = dict(zip(table["path"], table["label"], strict=True))
    paths = sorted(true, key=image_id)
    _, codes = np.unique([true[path] for path in paths], return_inverse=True)
    how = encoder.model_info.preprocessing
    pieces = []
    for start in range(0, len(paths), _BATCH):
        files = [archive / "images" / path for path in paths[start : start + _BATCH]]
        pixels = [np.asarray(to_input_size(decode_image(file.read_bytes()), how)) for file in files]
        pieces.append(encoder.encode_pixels(np.stack(pixels)))
    ids = np.array([image_id(path) for path in paths], np.int64)
    return Archive(ids, [named[path] for path in paths], codes, np.concatenate(pieces))


def field_guide_tower() -> tuple[ClipEncoder, TextTower]:
    """The field guide's CLIP."""
    encoder = ClipEncoder(resolve_clip("fieldguide"), precision="fp32")
    return encoder, text_tower(encoder)


def sample_of(archive: Archive, size: int, seed: int, spread: int = 1) -> NDArray[np.int64]:
    """Which images ``--sample`` and ``--spread`` draw: positions, int64 (size,), ascending."""
    order = np.argsort(random_keys(archive.ids, seed), kind="stable")
    drawn = np.sort(order[: size * spread])
    if spread > 1:
        drawn = np.sort(drawn[nearest_to_centres(archive.features[drawn], size, seed)])
    return drawn


def fit_sample(
    archive: Archive,
    tower: TextTower,
    chosen: NDArray[np.int64],
    settings: NearTrainSettings,
    k: int = 3,
    noise: float = 0.0,
) -> float:
    """Fit on a sample and label all images; returns cACC.

    Args:
        archive: with its names.
        tower: whose prompt is learned.
        chosen: int64 (n,), the images of the sample.
        settings: of training.
        k: neighbours.
        noise: share of the sample's labels that are replaced by any of the names at random.
    """
    size = len(chosen)
    vocabulary, labels = build_vocabulary([archive.names[index] for index in chosen])
    rng = np.random.default_rng([settings.seed, 7])
    replaced = rng.random(size) < noise
    labels = np.where(replaced, rng.integers(0, len(vocabulary.keys), size), labels)
    features = archive.features[chosen]
    neighbours = nearest_neighbours(features, k)
    candidates = candidate_sets(labels, neighbours)
    learner = PromptLearner(tower, vocabulary.forms, context=16, seed=settings.seed)
    for _ in train(learner, features, labels, candidates, settings, neighbours=neighbours):
        pass
    with torch.no_grad():
        matrix = learner.text_features().numpy()
    return cluster_accuracy(archive.truth, (archive.features @ matrix.T).argmax(axis=1))
