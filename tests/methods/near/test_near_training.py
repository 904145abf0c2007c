"""The training loop: resume, ablations, failure modes, and a toy world where NeaR must win."""

from __future__ import annotations

import io
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from methods.class_matrix import unit_rows
from methods.near.candidates import CandidateSets, candidate_sets, nearest_neighbours
from methods.near.settings import TRAININGS, NearTrainSettings, Training
from methods.near.training import NearEpochReport, train

Matrix = NDArray[np.float32]


class Head(nn.Module):
    """A learner whose name vectors train directly."""

    def __init__(self, names: Matrix, logit_scale: float = 30.0) -> None:
        super().__init__()
        self.names = nn.Parameter(torch.from_numpy(names.copy()))
        self.logit_scale = logit_scale

    def text_features(self) -> Tensor:
        return nn.functional.normalize(self.names, dim=1)


class World:
    """Families of classes, a few images each, names that are often wrong (drawn, not real)."""

    def __init__(self, seed: int = 0, classes: int = 20, per_class: int = 3) -> None:
        rng = np.random.default_rng(seed)
        family = np.arange(classes) // 4
        means = rng.standard_normal((family[-1] + 1, 64))[family]
        centres = means + 0.8 * rng.standard_normal((classes, 64))

        def draw(truth: NDArray[np.int64]) -> Matrix:
            noise = rng.standard_normal((len(truth), 64))
            return unit_rows((centres[truth] + 0.9 * noise).astype(np.float32))

        self.truth = np.repeat(np.arange(classes), per_class)
        self.test_truth = np.repeat(np.arange(classes), 50)
        self.features, self.test_features = draw(self.truth), draw(self.test_truth)
        self.labels, extra = self.truth.copy(), []
        for i, dice in enumerate(rng.random(len(self.truth))):
            if 0.55 <= dice < 0.70:  # a name nobody else has
                extra.append(self.truth[i])
                self.labels[i] = classes + len(extra) - 1
            elif dice >= 0.70:
                siblings = np.flatnonzero(family == family[self.truth[i]])
                self.labels[i] = rng.choice(siblings[siblings != self.truth[i]])
        self.meant = np.concatenate([np.arange(classes), np.array(extra, int)])
        noise = rng.standard_normal((len(self.meant), 64))
        self.names = unit_rows((centres[self.meant] + 1.2 * noise).astype(np.float32))

    def neighbours(self, k: int = 3) -> NDArray[np.int64]:
        return nearest_neighbours(self.features, k)

    def candidates(self, k: int = 3) -> CandidateSets:
        return candidate_sets(self.labels, self.neighbours(k))


def run(
    world: World, k: int = 3, head: Head | None = None, **changes: Any
) -> tuple[Head, list[NearEpochReport]]:
    """Train from the start."""
    head = head or Head(world.names)
    usual = {"epochs": 6, "train_batch": 16, "learning_rate": 0.02}
    settings = NearTrainSettings(**{**usual, **changes})
    inputs = world.features, world.labels, world.candidates(k)
    reports = list(train(head, *inputs, settings, neighbours=world.neighbours(k)))
    return head, reports


def cluster_accuracy(world: World, head: Head) -> float:
    from scipy.optimize import linear_sum_assignment

    predicted = (world.test_features @ head.text_features().detach().numpy().T).argmax(axis=1)
    counts = np.zeros((len(world.names), world.test_truth.max() + 1))
    np.add.at(counts, (predicted, world.test_truth), 1)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(predicted))


@pytest.mark.slow
def test_in_the_toy_world_near_beats_the_noisy_labels() -> None:
    """Means over seeds; after a long warm-up on the labels themselves no split finds what is
    noisy."""
    toy = {"epochs": 60, "train_batch": 60, "first_epochs": 0, "weight_decay": 0.0}
    accuracy: dict[str, list[float]] = defaultdict(list)
    early, late = [], []
    for seed in range(4):
        world = World(seed)
        right = world.meant[world.labels] == world.truth
        accuracy["zero_shot"].append(cluster_accuracy(world, Head(world.names)))
        for training in TRAININGS:
            head, reports = run(world, training=training, **toy)
            accuracy[training].append(cluster_accuracy(world, head))
            if training == "near":
                early.append(area(right, reports))
        head, reports = run(world, warmup=10, warmup_on="labels", trust=1.0, sharpening=2.0, **toy)
        late.append(area(right, reports))
        accuracy["late"].append(cluster_accuracy(world, head))
    mean = {method: float(np.mean(values)) for method, values in accuracy.items()}
    assert mean["near"] > mean["ce"] + 0.08, mean
    assert mean["near"] > mean["proden"], mean
    assert mean["near"] > mean["zero_shot"], mean
    assert mean["proden"] > mean["ce"] + 0.05, mean
    assert mean["late"] < mean["near"] - 0.08, mean
    assert np.mean(early) > 0.8, early
    assert np.mean(late) < 0.7, late


def area(right: NDArray[np.bool_], reports: list[NearEpochReport]) -> float:
    """Area under the curve of the first split's weights against which labels are right."""
    split = next(report.split for report in reports if report.split is not None)
    return float(roc_auc_score(right, split.weights))


def test_neighbours_bring_a_name_of_the_true_class_among_the_candidates() -> None:
    coverage = {}
    for k in (0, 1, 3):
        worlds = [World(seed) for seed in range(4)]
        coverage[k] = np.mean([
            (world.meant[candidates.nonzero()[0]] == truth).any()
            for world in worlds
            for candidates, truth in zip(
                world.candidates(k).mask(np.arange(60), len(world.names)), world.truth, strict=True
            )
        ])  # fmt: skip
    assert coverage[0] < 0.75
    assert coverage[1] > 0.85
    assert coverage[3] > 0.95


@pytest.mark.parametrize("training", TRAININGS)
def test_a_run_that_stops_and_goes_on_ends_where_it_would_have(training: Training) -> None:
    world = World()
    settings = NearTrainSettings(training=training, epochs=6, train_batch=16, learning_rate=0.02)
    inputs = world.features, world.labels, world.candidates()
    near = {"neighbours": world.neighbours()}
    head = Head(world.names)
    reports = list(train(head, *inputs, settings, **near))
    for stop in (1, 3):
        broken_off = Head(world.names)
        *_, last = itertools.islice(train(broken_off, *inputs, settings, **near), stop)
        file = io.BytesIO()
        torch.save(last.state, file)
        file.seek(0)
        state = torch.load(file, weights_only=True)
        other = Head(np.zeros_like(world.names))
        rest = list(train(other, *inputs, settings, state=state, **near))
        assert [report.epoch for report in rest] == list(range(stop, 6))
        assert torch.equal(other.names, head.names)
        assert [report.loss for report in rest] == [report.loss for report in reports[stop:]]
        assert torch.equal(rest[-1].state["history"], reports[-1].state["history"])
    assert list(train(head, *inputs, settings, state=reports[-1].state, **near)) == []
    assert torch.equal(reports[0].state["learner"]["names"], state_after_one(world, settings))


def state_after_one(world: World, settings: NearTrainSettings) -> Tensor:
    """The names after one epoch; a state must not change when training goes on."""
    head = Head(world.names)
    inputs = world.features, world.labels, world.candidates()
    next(train(head, *inputs, settings, neighbours=world.neighbours()))
    return head.names.detach()


def test_a_state_of_other_settings_is_refused() -> None:
    world, head = World(), Head(World().names)
    inputs = world.features, world.labels, world.candidates()
    near = {"neighbours": world.neighbours()}
    state = next(train(head, *inputs, NearTrainSettings(), **near)).state
    with pytest.raises(ValueError, match="other settings"):
        next(train(head, *inputs, NearTrainSettings(seed=1), state=state, **near))


def test_same_seed_same_result_and_the_global_state_of_torch_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    one, _ = run(World())
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(3)
    two, _ = run(World())
    three, _ = run(World(), seed=1)
    assert torch.equal(one.names, two.names)
    assert not torch.equal(one.names, three.names)


def test_reports_say_what_happened() -> None:
    world = World()
    _, reports = run(world, warmup=2)
    assert [report.epoch for report in reports] == list(range(6))
    assert [report.split is None for report in reports] == [True, True] + [False] * 4
    assert reports[0].clean is None
    assert reports[0].lr == 1e-5
    assert reports[1].lr == 0.02
    assert all(report.images == 60 and 0 < report.top_share < 0.5 for report in reports)
    split = reports[3].split
    assert split is not None
    assert reports[3].clean == split.clean.mean()
    assert split.history.shape == (2, 60)
    assert all(report.split is None for report in run(world, training="ce")[1])


def test_half_of_the_images_have_no_name() -> None:
    world = World()
    world.labels[::2] = -1
    sizes = world.candidates().sizes
    _, reports = run(world)
    assert reports[0].images == (sizes > 0).sum()
    assert all(np.isfinite(report.loss) for report in reports)
    split = reports[-1].split
    assert split is not None
    assert not split.weights[::2].any()
    _, plain = run(world, training="ce")
    assert plain[0].images == 30
    _, alone = run(world, k=0)
    assert alone[0].images == 30, "an image with no candidate at all takes no part"


def test_no_neighbours_means_plain_noisy_labels() -> None:
    world = World()
    for training in ("ce", "proden"):  # one candidate each: the same thing
        head, _ = run(world, k=0, training=training)
        if training == "ce":
            expected = head.names.detach().clone()
    assert torch.allclose(head.names, expected, atol=1e-6)


def test_one_name_for_all_is_no_loss_and_says_so() -> None:
    world = World()
    world.labels[:] = 0
    world.names = world.names[:1]
    _, reports = run(world)
    assert [report.loss for report in reports] == pytest.approx([0.0] * 6, abs=1e-6)
    assert reports[-1].top_share == 1
    assert "all losses are equal" in str(reports[-1].note)
    assert reports[0].note is None, "no split was tried in warm-up"
    assert reports[-1].clean == 1


def test_a_name_for_every_image() -> None:
    world = World()
    world.labels = np.arange(60)
    world.names = unit_rows(np.random.default_rng(0).standard_normal((60, 64)).astype(np.float32))
    head, reports = run(world)
    assert torch.isfinite(head.names).all()
    assert (world.candidates().sizes == 4).all()
    assert reports[-1].loss > 0


def test_few_images_copies_of_one_image_and_a_long_tail() -> None:
    few = World(classes=4, per_class=1)
    _, reports = run(few)
    assert "only 4 labelled images" in str(reports[-1].note)
    copies = World()
    copies.features[:] = copies.features[0]
    _, reports = run(copies)
    assert all(np.isfinite(report.loss) for report in reports)
    tail = World(per_class=10)
    keep = np.random.default_rng(0).random(200) < np.repeat(np.linspace(0.1, 1, 20), 10)
    tail.features, tail.labels = tail.features[keep], tail.labels[keep]
    _, reports = run(tail)
    assert all(report.note is None for report in reports)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_everything_clean_or_nothing(threshold: float) -> None:
    head, reports = run(World(), clean_threshold=threshold)
    assert threshold == 0 or reports[-1].clean == 0
    assert torch.isfinite(head.names).all()
    assert all(np.isfinite(report.loss) for report in reports)


def test_predictions_that_collapse_to_one_name_show() -> None:
    world = World()
    world.names[:] = -world.features.mean(axis=0)
    world.names[3] = world.features.mean(axis=0)
    _, reports = run(world, epochs=1)
    assert reports[0].top_share > 0.9
    assert reports[0].names < 8


def test_certainty_and_frequency_terms_change_training() -> None:
    world = World()
    head, _ = run(world)
    assert not torch.equal(head.names, run(world, entropy_weight=0.5)[0].names)
    assert not torch.equal(head.names, run(world, uniform_weight=0.5)[0].names)


def test_what_cannot_be_trained_on_is_refused() -> None:
    world = World()
    broken = World()
    broken.features[4, 2] = np.nan
    settings = NearTrainSettings()

    def start(w: World, labels: NDArray[np.int64], head: Head) -> NearEpochReport:
        sets = candidate_sets(labels, nearest_neighbours(world.features, 3))
        near = nearest_neighbours(world.features, 3)
        return next(train(head, w.features, labels, sets, settings, neighbours=near))

    with pytest.raises(ValueError, match="not finite"):
        start(broken, world.labels, Head(world.names))
    with pytest.raises(ValueError, match="nothing to learn"):
        start(world, np.full(60, -1), Head(world.names))
    world_of_less = World(classes=4)
    with pytest.raises(ValueError, match="different numbers"):
        start(world_of_less, world.labels, Head(world.names))
    with pytest.raises(FloatingPointError, match="loss of epoch 0 is not finite"):
        start(world, world.labels, Head(np.full_like(world.names, np.nan)))
    inputs = world.features, world.labels, world.candidates()
    with pytest.raises(ValueError, match="needs the neighbours"):
        next(train(Head(world.names), *inputs, settings))


@pytest.mark.parametrize(
    "bad",
    [{"training": "magic"}, {"warmup_on": "x"}, {"epochs": 0}, {"train_batch": 0}, {"warmup": -1}],
)
def test_settings_that_cannot_be_meant_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"use one of (near, ce, proden|candidates, labels)|must be [01] or more"
    ):
        NearTrainSettings(**bad)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny matrices are faster so, and sums are in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
