"""LoRA adapters by name: what is read of one, and which are told before a model is loaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import load_file, save_file

import fieldguide
from actors.mllm.engines.vllm_settings import engine_arguments
from actors.mllm.model import EngineOptions, resolve_mllm
from methods.errors import InputError
from tests.helpers.fake_hub import put_in_cache
from tests.helpers.random_adapter import write_adapter

MODEL = Path(fieldguide.MLLM_FOLDER)


def with_adapter(out: Path, **settings: Any) -> str:
    """The name of the field guide's model with a new adapter."""
    return f"fieldguide+{write_adapter(MODEL, out, **settings)}"


@pytest.mark.parametrize(("rank", "room"), [(1, 1), (8, 8), (9, 16), (64, 64), (300, 320)])
def test_vllm_keeps_room_for_the_adapter_s_own_rank(tmp_path: Path, rank: int, room: int) -> None:
    given = engine_arguments(resolve_mllm(with_adapter(tmp_path / "a", rank=rank)), EngineOptions())
    assert given["enable_lora"]
    assert (given["max_lora_rank"], given["max_loras"]) == (room, 1)
    assert "enable_tower_connector_lora" not in given
    plain = engine_arguments(resolve_mllm("fieldguide"), EngineOptions())
    assert plain.items() < given.items()


def test_the_largest_rank_of_any_module_counts(tmp_path: Path) -> None:
    name = with_adapter(tmp_path / "a", rank=8, rank_pattern={"q_proj": 40})
    assert engine_arguments(resolve_mllm(name), EngineOptions())["max_lora_rank"] == 64


def test_an_adapter_of_the_image_tower_is_told_to_vllm(tmp_path: Path) -> None:
    name = with_adapter(tmp_path / "a", chosen=lambda module: module.endswith("q_proj"))
    given = engine_arguments(resolve_mllm(name), EngineOptions())
    assert given["enable_tower_connector_lora"] is True


def test_the_adapter_is_part_of_what_answers_are_filed_under(tmp_path: Path) -> None:
    name = with_adapter(tmp_path / "a")
    before = resolve_mllm(name)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert resolve_mllm(f"fieldguide+{tmp_path / 'b'}").fingerprint == before.fingerprint
    assert before.fingerprint != resolve_mllm("fieldguide").fingerprint
    path = tmp_path / "a" / "adapter_model.safetensors"
    tensors = load_file(path)
    tensors[next(iter(tensors))][0, 0] += 1
    save_file(tensors, path)
    assert resolve_mllm(name).fingerprint != before.fingerprint


def test_folders_may_have_a_plus_in_their_names(tmp_path: Path) -> None:
    model = tmp_path / "a+b" / "mo+del"
    shutil.copytree(MODEL, model)
    assert resolve_mllm(str(model)).adapter is None
    write_adapter(MODEL, tmp_path / "c+d")
    found = resolve_mllm(f"{model}+{tmp_path / 'c+d'}")
    assert found.source == str(model)
    assert found.adapter is not None
    assert found.adapter.source == str(tmp_path / "c+d")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shrunk": 2}, r"one of another model: its layers\.0\.self_attn\.q_proj is for 128 x 128"),
        (
            {"renamed": lambda name: name.replace("layers.4", "layers.40")},
            r"there is no layers\.40\.self_attn\.q_proj in this one",
        ),
        (
            {"renamed": lambda name: name.replace("self_attn", "mixer")},
            r"there is no layers\.0\.mixer\.q_proj in this one",
        ),
        ({"rank": 520}, "rank 520, vLLM takes 512 at most"),
        ({"use_dora": True}, "has use_dora True, which vLLM does not apply"),
        ({"bias": "all"}, "has bias all, which vLLM does not apply"),
        ({"peft_type": "LOHA"}, "is one of LOHA; vLLM knows LORA"),
        ({"r": "many"}, "has the rank 'many'"),
    ],
)
def test_an_adapter_that_cannot_work_is_one_sentence(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    name = with_adapter(tmp_path / "a", **settings)
    with pytest.raises(InputError, match=said) as caught:
        resolve_mllm(name, "--optimizer-mllm")
    assert str(caught.value).startswith(f"--optimizer-mllm {name}: the adapter {tmp_path / 'a'} ")


def test_names_differ_between_checkpoints_of_one_model(tmp_path: Path) -> None:
    renamed = with_adapter(
        tmp_path / "a",
        renamed=lambda name: name.replace("language_model.model", "model.language_model"),
    )
    assert resolve_mllm(renamed).adapter is not None


def test_a_quantized_model_is_no_other_one(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    tensors = load_file(MODEL / "model.safetensors")
    for name in [name for name in tensors if name.endswith("_proj.weight")]:
        packed = np.zeros((4, tensors.pop(name).shape[0]), np.int32)
        tensors[name.removesuffix("weight") + "qweight"] = packed
    save_file(tensors, model / "model.safetensors")
    name = f"{model}+{write_adapter(MODEL, tmp_path / 'a')}"
    assert resolve_mllm(name).adapter is not None


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder as the adapter nowhere"):
        resolve_mllm("fieldguide+nowhere")
    folder = write_adapter(MODEL, tmp_path / "a")
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="holds no weights; expected adapter_model"):
        resolve_mllm(f"fieldguide+{folder}")
    (folder / "adapter_config.json").unlink()
    with pytest.raises(InputError, match=r"holds no adapter_config\.json; give a folder"):
        resolve_mllm(f"fieldguide+{folder}")


def test_an_adapter_of_the_hub_is_at_one_commit_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    written = write_adapter(MODEL, tmp_path / "a")
    files = {path.name: path.read_bytes() for path in written.iterdir()}
    put_in_cache(tmp_path / "hub", "org/adapter", "a" * 40, ("main", "v1"), files)
    put_in_cache(tmp_path / "hub", "org/model", "b" * 40, ("main",), {"config.json": b"{}"})
    for name in ("fieldguide+org/adapter", "org/model@main+org/adapter@v1"):
        adapter = resolve_mllm(name).adapter
        assert adapter is not None
        assert (adapter.revision, adapter.fingerprint) == ("a" * 40, f"hub:org/adapter@{'a' * 40}")
        assert Path(adapter.folder()).name == "a" * 40
    with pytest.raises(InputError, match="revision v2 is not in the cache"):
        resolve_mllm("fieldguide+org/adapter@v2")
