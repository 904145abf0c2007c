"""A model's folder: whichever file can change an answer is part of what it is filed under."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from actors.mllm.engines.vllm_settings import engine_arguments
from actors.mllm.model import EngineOptions, layout_of, resolve_mllm
from methods.errors import InputError

DECIDING = (
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "merges.txt",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "qwen.tiktoken",
    "chat_template.jinja",
    "chat_template.json",
    "processor_config.json",
    "preprocessor_config.json",
    "modeling_own.py",
    "own/image_processing.py",
    "additional_chat_templates/tool_use.jinja",
)
OTHERS = ("README.md", "LICENSE.txt", "picture.png", ".cache/huggingface/a.py", "figures/a.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds a file of each kind; nothing of it is read but its configuration."""
    made = tmp_path / "model"
    for number, name in enumerate((*DECIDING, *OTHERS)):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"number": number}) if name.endswith(".json") else "x" * (number + 1)
        (made / name).write_text(text)
    for number, name in enumerate(DECIDING[:2]):
        (made / name).write_bytes(bytes([number]) * 3_000_000)
    return made


def fingerprint(folder: Path) -> str:
    return resolve_mllm(str(folder)).fingerprint


@pytest.mark.parametrize("name", DECIDING)
def test_a_change_of_any_file_that_decides_is_noticed(folder: Path, name: str) -> None:
    before = fingerprint(folder)
    path = folder / name
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle] = data[middle] ^ 1 if not name.endswith(".json") else ord(" ")
    if name.endswith(".json"):
        data = bytearray(json.dumps({"number": 1000}).encode())
    path.write_bytes(data)
    assert fingerprint(folder) != before
    path.unlink()
    if name != "config.json":
        assert fingerprint(folder) != before


def test_one_byte_in_the_middle_counts_even_where_size_and_time_stay(folder: Path) -> None:
    before, path = fingerprint(folder), folder / DECIDING[0]
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(1_500_000)
        file.write(b"\xff")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert fingerprint(folder) != before


def test_two_files_that_were_swapped_are_another_model(folder: Path) -> None:
    before = fingerprint(folder)
    first, second, aside = (folder / name for name in (*DECIDING[:2], "aside"))
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert fingerprint(folder) != before


def test_a_copy_is_the_same_model_and_what_decides_nothing_is_not_looked_at(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for name in OTHERS:
        (copy / name).write_text("changed")
    (copy / "broken.json").symlink_to(tmp_path / "nowhere")
    assert fingerprint(copy) == fingerprint(folder)


def mistral_folder(folder: Path) -> Path:
    """A model in Mistral's own format, by its names."""
    folder.mkdir()
    (folder / "params.json").write_text(json.dumps({"dim": 8}))
    (folder / "tekken.json").write_text("{}")
    save_file({"norm.weight": np.zeros(8, np.float32)}, folder / "consolidated.safetensors")
    return folder


def test_mistral_s_own_format_is_handed_to_vllm_with_what_it_needs(tmp_path: Path) -> None:
    folder = mistral_folder(tmp_path / "pixtral")
    model = resolve_mllm(str(folder))
    names = ("tokenizer_mode", "config_format", "load_format")
    given = engine_arguments(model, EngineOptions())
    assert [given[name] for name in names] == ["mistral"] * 3
    own = engine_arguments(model, EngineOptions(extra={"load_format": "dummy"}))
    assert [own[name] for name in names] == ["mistral", "mistral", "dummy"]
    shutil.copy(folder / "params.json", folder / "config.json")  # transformers' files as well
    assert not set(names) & engine_arguments(resolve_mllm(str(folder)), EngineOptions()).keys()


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("params.json", r"holds no config\.json or params\.json; give a model's folder"),
        ("consolidated.safetensors", r"no weights; expected consolidated\*\.safetensors"),
        ("tekken.json", r"no tokenizer; expected tekken\.json"),
    ],
)
def test_what_mistral_s_format_lacks_is_said(tmp_path: Path, lost: str, said: str) -> None:
    folder = mistral_folder(tmp_path / "pixtral")
    (folder / lost).unlink()
    with pytest.raises(InputError, match=said):
        resolve_mllm(str(folder))


def test_a_folder_says_where_images_stood_in_training(folder: Path) -> None:
    auto, first, last = (
        EngineOptions(image_position=position)  # type: ignore[arg-type]
        for position in ("auto", "first", "last")
    )
    plain, settings = resolve_mllm(str(folder)), folder / "onoma.json"
    assert layout_of(plain, auto) == "first"
    settings.write_text(json.dumps({"image_position": "last"}))
    model = resolve_mllm(str(folder))
    assert layout_of(model, auto) == "last"
    assert layout_of(model, first) == "first"
    assert layout_of(plain, last) == "last"
    assert layout_of(resolve_mllm("fieldguide"), auto) == "last"
    settings.write_text(json.dumps({"image_position": "middle"}))
    with pytest.raises(InputError, match=r"image_position 'middle' in .*; it is first or last"):
        resolve_mllm(str(folder))
