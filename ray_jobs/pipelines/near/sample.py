"""The sample that is named: drawn from the listing alone, or spread over clusters of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from actors import storage
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.read_images import Images, images_of
from ray_jobs.pipelines.near.features import Features
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.manifest import write_rows
from ray_jobs.runs.subsample import draw_sample

_CHOSEN = "sample.parquet"


def draw_images(run: RunFolder, config: FitNearConfig) -> None:
    """List the archive and write the manifest of the images drawn; no image is read.

    Raises:
        InputError: the archive is not there or is empty.
    """
    draw_sample(run, config, config.sample * config.spread)


def choose_spread(run: RunFolder, config: FitNearConfig, features: Features) -> Images:
    """Return the images to name: all that were drawn, or one of each cluster of features."""
    if config.spread == 1 or len(features.ids) <= config.sample:
        return images_of(run)
    path = storage.join(run.uri, _CHOSEN)
    chosen = np.sort(features.ids[nearest_to_centres(features.matrix, config.sample, config.seed)])
    write_rows(run.manifest, path, chosen)
    return Images(path, len(chosen))


def nearest_to_centres(
    features: NDArray[np.float32], clusters: int, seed: int
) -> NDArray[np.int64]:
    """Find one image for each of k clusters (k-means): the one nearest to the cluster's centre.

    Args:
        features: unit image features, float32 (N, D).
        clusters: k, at most N.
        seed: of the first centres.

    Returns:
        Image indices, int64 (k,), each once.
    """
    from sklearn.cluster import KMeans

    means = KMeans(clusters, random_state=seed, n_init=1)  # mini-batches miss small clusters
    labels = means.fit_predict(features)
    distances = np.linalg.norm(features - means.cluster_centers_[labels], axis=1)
    order = np.lexsort((distances, labels))
    first = np.unique(labels[order], return_index=True)[1]
    chosen = order[first]
    # a cluster may have become empty: the images farthest from their centres stand in
    rest = np.setdiff1d(np.argsort(-distances, kind="stable"), chosen, assume_unique=True)
    return np.concatenate([chosen, rest[: clusters - len(chosen)]]).astype(np.int64)
