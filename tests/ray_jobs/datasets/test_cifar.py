"""CIFAR's arrays, and pickles that are more than arrays."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from methods.errors import InputError
from ray_jobs.datasets.base import Wanted
from ray_jobs.datasets.registry import DATASETS
from tests.helpers import dataset_folders as layouts


@pytest.mark.parametrize("protocol", range(6))
def test_planes_become_images_whatever_the_pickles_protocol(protocol: int, tmp_path: Path) -> None:
    layouts.cifar10(tmp_path, protocol)
    table = DATASETS["cifar10"].read(tmp_path, Wanted())
    assert table.pixels is not None
    assert table.pixels.shape == (3, 32, 32, 3)
    assert table.pixels[2, 0, 31].tolist() == [21, 0, 200]
    assert table.pixels[2, 1, 0].tolist() == [0, 0, 200]
    assert table.labels == (("automobile",), ("airplane",), ("automobile",))


def test_cifar_100_goes_by_its_fine_labels(tmp_path: Path) -> None:
    layouts.cifar100(tmp_path)
    table = DATASETS["cifar100"].read(tmp_path, Wanted())
    assert table.labels == (("baby",), ("apple",))


class Hostile:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> object:
        return os.system, ("touch harmed",)


def test_a_pickle_that_names_a_function_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layouts.cifar10(tmp_path)
    data = pickle.dumps({"labels": [0], "data": Hostile()})
    layouts.put(tmp_path, "cifar-10-batches-py/test_batch", data)
    with pytest.raises(InputError, match=r"names (posix|nt)\.system, and arrays need no such"):
        DATASETS["cifar10"].read(tmp_path, Wanted())
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"labels": [0], "data": np.array([{}], dtype=object)}),
        pickle.dumps({"labels": [0], "data": np.zeros(1, dtype=[("a", object)])}),
        b"cnumpy\nndarray\n((I99999999999\nttR.",
        b"\x80\x04not a pickle",
        b"",
        pickle.dumps([1, 2]),
        pickle.dumps({"labels": [0], "data": np.zeros((1, 5), np.uint8)}),
        pickle.dumps({"labels": [7], "data": np.zeros((1, 3072), np.uint8)}),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8)}),
    ],
    ids=["objects", "fields", "call", "garbage", "empty", "list", "shape", "label", "no labels"],
)
def test_pickles_of_other_things_are_one_sentence(content: bytes, tmp_path: Path) -> None:
    layouts.cifar10(tmp_path)
    layouts.put(tmp_path, "cifar-10-batches-py/test_batch", content)
    with pytest.raises(InputError, match="test_batch") as raised:
        DATASETS["cifar10"].read(tmp_path, Wanted())
    assert "\n" not in str(raised.value)
