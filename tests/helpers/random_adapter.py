"""A LoRA adapter of random numbers in peft's format, for any model of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def attention_of_the_language_model(name: str) -> bool:
    """Choose the modules that most adapters change."""
    return "language_model" in name and name.endswith(("q_proj", "v_proj"))


def write_adapter(
    model: Path,
    out: Path,
    rank: int = 8,
    chosen: Callable[[str], bool] = attention_of_the_language_model,
    strength: float = 0.3,
    shrunk: int = 1,
    renamed: Callable[[str], str] = str,
    **settings: Any,
) -> Path:
    """Write an adapter of a model's linear modules.

    Args:
        model: folder of the model.
        out: folder of the adapter.
        rank: of its matrices.
        chosen: whether a module, by name, is changed.
        strength: standard deviation of the second matrix.
        shrunk: what the sizes of the modules are divided by: 2 makes one of another model.
        renamed: what a module is called in the adapter.
        settings: more of ``adapter_config.json``.
    """
    random, tensors = np.random.default_rng(5), {}
    with safe_open(model / "model.safetensors", "np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    for name, shape in shapes.items():
        module, _, part = name.rpartition(".")
        if part == "weight" and len(shape) == 2 and chosen(module):
            rows, columns = (size // shrunk for size in shape)
            key = f"base_model.model.{renamed(module)}"
            first = random.normal(0, 0.05, (rank, columns))
            second = random.normal(0, strength, (rows, rank))
            tensors[f"{key}.lora_A.weight"] = first.astype(np.float32)
            tensors[f"{key}.lora_B.weight"] = second.astype(np.float32)
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "adapter_model.safetensors")
    names = sorted({name.split(".lora_")[0].rpartition(".")[2] for name in tensors})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "a model of tests",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": names,
        "bias": "none",
        **settings,
    }
    (out / "adapter_config.json").write_text(json.dumps(config))
    return out
