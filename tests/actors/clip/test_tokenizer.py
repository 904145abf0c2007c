"""Tokenizers of transformers: their files, whether a text fits, and what is said without them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from actors.clip.encoder import ClipEncoder
from actors.clip.model import resolve_clip
from methods.errors import InputError
from tests.zoo_clip.folders import save_model
from tests.zoo_clip.tiny import rewrite_config, tiny_config
from tests.zoo_clip.tokenizers import write_tokenizer

KINDS = ("siglip", "siglip2", "bert", "xlm", "nllb", "clips")
CONTEXT = 12


def folder_of(tmp_path: Path, kind: str) -> str:
    """A tiny model with a tokenizer of a kind."""
    folder = tmp_path / kind
    folder.mkdir()
    text: dict[str, Any] = {"hf_tokenizer_name": "drawn/tokens", "context_length": CONTEXT}
    if kind == "bert":
        text["tokenizer_kwargs"] = {"strip_sep_token": True}
    if kind == "clips":
        text["tokenizer_mode"] = "clips"
    text["vocab_size"] = write_tokenizer(folder, "xlm" if kind == "clips" else kind)
    return save_model(tiny_config(text_cfg=text), {}, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_fits_as_long_as_all_its_tokens_are_there(tmp_path: Path, kind: str) -> None:
    """Counted by what the tokenizer gives with more room: its marks, and one token a word."""
    encoder = ClipEncoder(resolve_clip(folder_of(tmp_path, kind)), device="cpu")
    marks = {"siglip": 1, "siglip2": 1, "bert": 2, "xlm": 2, "nllb": 2, "clips": 3}[kind]
    tokens = encoder.tokenizer.tokenizer
    for words in range(3 * CONTEXT):
        text = " ".join(["a"] * words)
        count = len(tokens(text, add_special_tokens=False).input_ids)
        assert encoder.fits(text) == (count + marks <= CONTEXT), words


def test_missing_tokenizer_files_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "siglip")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (Path(folder) / name).unlink()
    with pytest.raises(InputError) as told:
        resolve_clip(folder)
    says = f"tokenizer.json, tokenizer_config.json of drawn/tokens; put them into {folder}"
    assert str(told.value) == f"--clip {folder}: its tokenizer files are missing: {says}"
    (Path(folder) / "tokenizer.json").write_text("{}")
    (Path(folder) / "tokenizer_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"cannot be read .*; copy drawn/tokens's there again"):
        resolve_clip(folder)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub that a download of snapshots left: without marks of absent files."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def keep(cache: Path, repository: str, folder: Path) -> Path:
    """Lay a folder out as a snapshot of a repository."""
    root = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, root / "snapshots" / ("1" * 40))
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("1" * 40)
    return root / "snapshots" / ("1" * 40)


def test_a_model_of_the_cache_finds_its_tokenizer_there(tmp_path: Path, cache: Path) -> None:
    folder = folder_of(tmp_path, "siglip")
    right = ClipEncoder(resolve_clip(folder), device="cpu").encode_texts(["a gull"])
    kept = keep(cache, "drawn/model", Path(folder))
    found = resolve_clip("hf-hub:drawn/model")
    assert (ClipEncoder(found, device="cpu").encode_texts(["a gull"]) == right).all()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.move(kept / name, tmp_path / name)
    with pytest.raises(InputError) as told:
        resolve_clip("hf-hub:drawn/model")
    assert "tokenizer.json, tokenizer_config.json of drawn/tokens are not in the" in str(told.value)
    assert "\n" not in str(told.value)
    keep(cache, "drawn/tokens", _with(tmp_path))
    again = ClipEncoder(resolve_clip("hf-hub:drawn/model"), device="cpu")
    assert (again.encode_texts(["a gull"]) == right).all()


def _with(tmp_path: Path) -> Path:
    folder = tmp_path / "tokens"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tmp_path / name, folder / name)
    return folder


@pytest.mark.usefixtures("cache")
def test_a_text_tower_whose_configuration_is_not_there(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "xlm")
    text = {"hf_model_name": "drawn/tower", "hf_tokenizer_name": "drawn/tokens"}
    rewrite_config(folder, model_cfg={**tiny_config(), "text_cfg": text})
    with pytest.raises(InputError, match="its text tower is drawn/tower, whose config"):
        resolve_clip(folder)
