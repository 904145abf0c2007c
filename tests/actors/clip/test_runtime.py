"""How CLIP is run, in one object that travels to replicas."""

from __future__ import annotations

import pickle

import torch

from actors.clip.model import resolve_clip
from actors.clip.runtime import ClipRuntime


def test_a_runtime_travels_and_loads_as_it_says() -> None:
    runtime = ClipRuntime(resolve_clip("fieldguide"), "bf16", device="cpu", threads=1)
    again = pickle.loads(pickle.dumps(runtime))
    assert again == runtime
    encoder = again.load()
    assert encoder.dtype == torch.bfloat16
    assert encoder.device.type == "cpu"
    assert torch.get_num_threads() == 1
    assert again.in_single_precision() == ClipRuntime(runtime.model, "fp32", "cpu", 1)
