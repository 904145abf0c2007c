"""Which model a name means: the file that is loaded is the file that is named, wherever it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file

from actors.clip.encoder import ClipEncoder
from actors.clip.model import ClipModel, resolve_clip
from methods.errors import InputError
from tests.zoo_clip.tiny import rewrite_config, tiny_config, tiny_folder

WEIGHTS = "open_clip_model.safetensors"
TEXTS = ["a gull", "a red owl"]


def features(model: ClipModel) -> np.ndarray:
    return ClipEncoder(model, device="cpu", threads=1).encode_texts(TEXTS)


def open_clip_s(folder: str) -> np.ndarray:
    model = open_clip.create_model(f"local-dir:{folder}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    with torch.inference_mode():
        return model.encode_text(tokens, normalize=True).numpy()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return tiny_folder(tmp_path / "clip")


def test_of_two_files_of_weights_the_one_that_is_loaded_is_named(tmp_path: Path) -> None:
    one, two = (tiny_folder(tmp_path / str(seed), seed) for seed in (1, 2))
    both = tmp_path / "both"
    shutil.copytree(one, both)
    (both / WEIGHTS).rename(both / "model.safetensors")
    torch.save(load_file(Path(two) / WEIGHTS), both / "open_clip_pytorch_model.bin")
    found = resolve_clip(str(both))
    assert np.allclose(features(found), open_clip_s(str(both)), atol=1e-6)
    assert np.allclose(features(found), features(resolve_clip(two)), atol=1e-6)
    assert not np.allclose(features(found), features(resolve_clip(one)), atol=1e-2)
    torch.save(load_file(Path(one) / WEIGHTS), both / "open_clip_pytorch_model.bin")
    assert resolve_clip(str(both)).fingerprint != found.fingerprint, "weights saved over others"


@pytest.mark.parametrize(
    "name",
    ["open_clip_pytorch_model.safetensors", "mine.safetensors", "pytorch_model.bin", "mine.pth"],
)
def test_names_of_weights_that_open_clip_loads(folder: str, name: str) -> None:
    right = features(resolve_clip(folder))
    state = load_file(Path(folder) / WEIGHTS)
    if name.endswith("safetensors"):
        (Path(folder) / WEIGHTS).rename(Path(folder) / name)
    else:
        (Path(folder) / WEIGHTS).unlink()
        torch.save(state, Path(folder) / name)
    assert np.array_equal(features(resolve_clip(folder)), right)


def test_a_checkpoint_of_open_clip_s_training(folder: str) -> None:
    right = features(resolve_clip(folder))
    state = {f"module.{key}": value for key, value in load_file(Path(folder) / WEIGHTS).items()}
    (Path(folder) / WEIGHTS).unlink()
    whole = {"epoch": 32, "name": "run", "state_dict": state, "optimizer": {"state": {}}}
    torch.save(whole, Path(folder) / "epoch_32.pt")
    assert np.array_equal(features(resolve_clip(folder)), right)
    shutil.copy(Path(folder) / "epoch_32.pt", Path(folder) / "epoch_31.pt")
    with pytest.raises(InputError, match=r"several checkpoints \(epoch_31.pt, epoch_32.pt\)"):
        resolve_clip(folder)


def test_a_snapshot_of_the_hub_s_cache_as_a_folder(folder: str, tmp_path: Path) -> None:
    """Its files are links to others, whose names say nothing."""
    model = resolve_clip(folder)
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for index, file in enumerate(sorted(Path(folder).iterdir())):
        blob = file.rename(tmp_path / f"blob{index}")
        (snapshot / file.name).symlink_to(blob)
    linked = resolve_clip(str(snapshot))
    assert linked.fingerprint == model.fingerprint
    assert features(linked).shape == (2, 16)


def test_weights_that_cannot_be_read_are_told_in_a_sentence(folder: str) -> None:
    weights = Path(folder) / WEIGHTS
    weights.rename(weights.with_name("model-00001-of-00002.safetensors"))
    with pytest.raises(InputError, match="its weights are in several files"):
        resolve_clip(folder)
    weights.with_name("model-00001-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no weights.*\*\.pth"):
        resolve_clip(folder)
    scripted = torch.jit.script(torch.nn.Linear(2, 2))
    torch.jit.save(scripted, str(weights.with_name("model.pth")))
    with pytest.raises(InputError, match=r"TorchScript archive.*ViT-B-32/openai"):
        resolve_clip(folder)
    torch.save({"state_dict": torch.nn.Linear(2, 2)}, weights.with_name("model.pth"))
    with pytest.raises(InputError, match=r"pickled objects.*save its state_dict") as caught:
        features(resolve_clip(folder))
    assert "weights_only" not in str(caught.value)


def test_weights_of_another_architecture(folder: str) -> None:
    rewrite_config(folder, model_cfg=tiny_config(text_cfg={"layers": 2}))
    with pytest.raises(
        InputError, match=r"does not fit.*12 parameters are missing \(first"
    ) as told:
        features(resolve_clip(folder))
    assert len(str(told.value)) < 400


def test_weights_that_change_after_a_job_began(folder: str, tmp_path: Path) -> None:
    model = resolve_clip(folder)
    shutil.copy(Path(tiny_folder(tmp_path / "other", 5)) / WEIGHTS, Path(folder) / WEIGHTS)
    with pytest.raises(InputError, match="not those that this job began with"):
        features(model)


@pytest.fixture
def published(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ClipModel]:
    """The same model by tag, from the hub's cache and as a folder."""
    from huggingface_hub import constants
    from open_clip import pretrained

    config = json.loads((Path(folder) / "open_clip_config.json").read_text())["model_cfg"]
    (tmp_path / "zoo-tiny.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "zoo-tiny.json")
    weights = str(Path(folder) / WEIGHTS)
    tags = {"drawn": {"file": weights, "quick_gelu": True, "interpolation": "bicubic"}}
    monkeypatch.setitem(pretrained._PRETRAINED, "zoo-tiny", tags)
    rewrite_config(folder, model_cfg={**config, "quick_gelu": True})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--drawn--tiny"
    shutil.copytree(folder, repository / "snapshots" / ("1" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1" * 40)
    names = {"tag": "zoo-tiny/drawn", "hub": "hf-hub:drawn/tiny", "folder": folder}
    return {kind: resolve_clip(name) for kind, name in names.items()}


def test_one_model_by_tag_from_the_hub_or_as_a_folder_is_one(
    published: dict[str, ClipModel],
) -> None:
    assert len({model.fingerprint for model in published.values()}) == 1
    found = [features(model) for model in published.values()]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"preprocess_cfg": {"interpolation": "bicubic", "fill_color": 9, "size": 99}}, True),
        ({"model_cfg": tiny_config(text_cfg={"eos_id": 2, "mlp_ratio": 4.0})}, True),
        ({"preprocess_cfg": {"interpolation": "bilinear"}}, False),
        ({"preprocess_cfg": {"mean": 0.5}}, False),
        ({"model_cfg": tiny_config(quick_gelu=True)}, False),
        ({"model_cfg": tiny_config(vision_cfg={"head_width": 32})}, False),
    ],
)
def test_what_decides_features_is_in_the_identity(
    folder: str, changes: dict[str, Any], same: bool
) -> None:
    """How the JSON is written does not count, nor what says the default."""
    before = resolve_clip(folder).fingerprint
    rewrite_config(folder, **changes)
    assert (resolve_clip(folder).fingerprint == before) == same


def test_classifiers_of_earlier_versions_find_their_model(
    published: dict[str, ClipModel],
) -> None:
    model = published["folder"]
    [files], [tagged] = model.earlier, published["tag"].earlier
    assert files.startswith("files:")
    assert tagged == f"weights:zoo-tiny:{model.weights_hash}"
    by_tag = {"name": "zoo-tiny/drawn", "fingerprint": tagged}
    by_folder = {"name": "/gone", "fingerprint": files}
    assert all(each.is_of(by_tag) for each in published.values())
    assert published["folder"].is_of(by_folder)
    assert published["hub"].is_of({"name": "hf-hub:drawn/tiny", "fingerprint": files})
    assert not model.is_of({**by_tag, "fingerprint": "weights:zoo-tiny:0123"})
    assert not model.is_of({**by_tag, "name": "ViT-B-32/openai"})


def test_a_folder_that_earlier_versions_may_have_read_otherwise_is_not_taken(folder: str) -> None:
    """They named model.safetensors where open_clip loaded the file beside it."""
    weights = Path(folder) / WEIGHTS
    weights.rename(weights.with_name("model.safetensors"))
    assert resolve_clip(folder).earlier
    torch.save({}, weights.with_name("other.bin"))
    assert not resolve_clip(folder).earlier


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ViT-B/32/no_such", "no weights 'no_such'; ViT-B-32 has openai, laion400m"),
        ("ViT-B/32", "say which weights, as ViT-B-32/TAG"),
        ("mt5-base-ViT-B-32", "open_clip has no weights for mt5-base-ViT-B-32"),
        ("mt5-base-ViT-B-32/x", "open_clip has no weights for mt5-base-ViT-B-32"),
        ("local-dir:/models/mine", "give the folder itself, /models/mine"),
        ("", "--clip is empty"),
        ("laion/CLIP-ViT-B-32", "write hf-hub:laion/CLIP-ViT-B-32"),
    ],
)
def test_names_that_are_nearly_right(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        resolve_clip(name)
    assert "\n" not in str(caught.value)
