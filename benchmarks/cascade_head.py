"""What a fifth of an archive's questions teach CLIP: a head of the answers labels the rest.

    uv run python -m benchmarks.cascade_head [--seeds 9501 9502] [--count 1000] [--draws 5] \
        [--edition 2 --clip CLIP --mllm MLLM]

The cascade uses an answer for the image that it is about, and nothing else. Here the answers also
train a head, a class matrix that starts at CLIP's own, and the head labels the images that were not
asked about. No label is read: what the head learns from is what the model said. Each archive is
labelled once by the real command with every image asked about and embedded once by the real
command; who is asked in a row of the table follows from that run. An experiment: ``onoma label
cascade`` does not do this.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.cascade import BUDGETS, Archive, archive_parser
from benchmarks.machine import describe
from methods.cascade.budget import parse_budget
from methods.cascade.pilot import NOTHING_KNOWN

STRENGTHS: Final = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
"""Of the pull to CLIP's own matrix; which is taken is decided by the answers alone."""
_FOLDS: Final = 5
_STEPS: Final = 300

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def log_probabilities(matrix: Floats, features: Floats, scale: float) -> Floats:
    """Log-softmax of scaled cosines: float64 (n, C)."""
    from scipy.special import log_softmax

    return np.asarray(log_softmax(scale * features @ matrix.T, axis=1))


def fit_head(
    features: Floats, said: Places, start: Floats, scale: float, strength: float
) -> Floats:
    """The matrix that explains what was said, pulled to the one that it starts at.

    Cross-entropy, the mean over images, and ``strength`` times half the squared distance of the
    scaled matrices; convex, so its minimum depends on nothing else.

    Args:
        features: of the images with an answer, float64 (n, D), unit rows.
        said: place of the class that each answer names, int64 (n,).
        start: CLIP's own matrix, float64 (C, D).
        scale: factor on cosines.
        strength: of the pull.
    """
    from scipy.optimize import minimize

    wanted = np.eye(len(start))[said]

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(start.shape)
        logs, moved = log_probabilities(matrix, features, scale), scale * (matrix - start)
        value = -(wanted * logs).sum() / len(said) + strength * (moved**2).sum() / 2
        slope = (np.exp(logs) - wanted).T @ features / len(said) + strength * moved
        return float(value), scale * slope.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return np.asarray(found.x.reshape(start.shape))


def learned_head(features: Floats, said: Places, start: Floats, scale: float) -> Floats:
    """`fit_head` with the strength under which answers left out are the least surprising."""
    folds = np.arange(len(said)) % _FOLDS  # the images come in no order

    def likelihood(strength: float) -> float:
        total = 0.0
        for fold in range(_FOLDS):
            kept, out = folds != fold, folds == fold
            matrix = fit_head(features[kept], said[kept], start, scale, strength)
            logs = log_probabilities(matrix, features[out], scale)
            total += float(np.take_along_axis(logs, said[out, None], axis=1).sum())
        return total

    return fit_head(features, said, start, scale, max(STRENGTHS, key=likelihood))


class Asked:
    """An archive with features and every answer, to try who is asked about."""

    def __init__(self, root: Path, seed: int, options: argparse.Namespace) -> None:
        """Label it and embed it by the real commands.

        Args:
            root: folder that keeps archives, runs and features.
            seed: of the archive.
            options: of the benchmark.
        """
        from actors.classifier_store import load_classifier
        from ray_jobs.config import EmbedConfig
        from ray_jobs.verbs.embed import embed

        self.whole = Archive(root, seed, options)
        exported = root / f"features{seed}"
        embed(
            EmbedConfig(
                images=str(self.whole.images),
                out=str(root / f"store{seed}"),
                clip=options.clip,
                dtype="float32",
                export_numpy=str(exported),
            )
        )
        ids = np.load(exported / "ids.npy")
        order = np.argsort(ids)
        assert np.array_equal(ids[order], self.whole.ids)
        self.features = np.load(exported / "features.npy")[order].astype(np.float64)
        classifier = load_classifier(self.whole.run.classifier)
        self.start, self.scale = classifier.matrix.astype(np.float64), classifier.logit_scale
        names = list(classifier.labels)
        said = [self.whole.said[each] for each in ids[order].tolist()]
        self.said = np.array([-1 if name is None else names.index(name) for name in said])
        self.true = np.array([names.index(each) for each in self.whole.true])

    def accuracy(self, asked: Places) -> tuple[float, float]:
        """With some images asked about: by the cascade, and with a head for the others."""
        decided = np.zeros(len(self.said), np.bool_)
        decided[asked[self.said[asked] >= 0]] = True
        own = np.random.default_rng(0).permutation(np.flatnonzero(decided))
        head = learned_head(self.features[own], self.said[own], self.start, self.scale)
        told = log_probabilities(head, self.features, self.scale).argmax(axis=1)
        labels = np.where(decided, self.said, told)
        return self.whole.accuracy(decided), float((labels == self.true).mean())

    def asked(self, budget: str, draw: int | None) -> Places:
        """Who is asked about: as the cascade chooses, or at random by a draw."""
        if draw is None:
            return np.flatnonzero(self.whole.chosen("gain", NOTHING_KNOWN, budget))
        most = parse_budget(budget).images(len(self.said))
        return np.random.default_rng(draw).permutation(len(self.said))[:most]


def print_table(archives: Sequence[Asked], draws: int) -> None:
    """Accuracy by who is asked about and how many, without and with the head."""
    clip = float(np.mean([each.whole.clip.mean() for each in archives]))
    every = float(np.mean([each.whole.asked.mean() for each in archives]))

    def cell(value: float) -> str:
        return f"{value:.3f} ({(value - clip) / (every - clip):.0%})"

    print("| asked about | share | cascade | the others by a head |\n|---|---|---|---|")
    ways: dict[str, Sequence[int | None]] = {"gain": [None], "at random": range(draws)}
    for name, tries in ways.items():
        for budget in BUDGETS:
            pairs = [each.accuracy(each.asked(budget, one)) for each in archives for one in tries]
            plain, headed = np.mean(pairs, axis=0).tolist()
            print(f"| {name} | {budget} | {cell(plain)} | {cell(headed)} |", flush=True)
    print(f"CLIP alone {clip:.3f}, every image asked about {every:.3f}")


def main() -> None:
    """Label, embed, learn heads, print what each gives."""
    parser = archive_parser(__doc__)
    parser.set_defaults(
        seeds=[9501, 9502], count=1000, edition="2", clip="fieldguide-2", mllm="fieldguide-2"
    )
    parser.add_argument("--draws", type=int, default=5, help="of who is asked at random")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas(options.mllm):
        root = options.work or Path(temporary)
        archives = [Asked(root, seed, options) for seed in options.seeds]
        print(describe())
        print_table(archives, options.draws)


if __name__ == "__main__":
    main()
