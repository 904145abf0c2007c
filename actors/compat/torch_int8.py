"""Linear layers in int8 on a CPU, by the part of torch that is to move to another package.

Why: torch 2.13 has `torch.ao.quantization.quantize_dynamic` and warns that it will be gone; its
successor, torchao, is a large package of kernels for GPUs. Once torch drops it, this is the place.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from torch import nn


def quantise_linear(module: nn.Module, names: Iterable[str]) -> None:
    """Put some `torch.nn.Linear` of a module in int8, in place.

    Weights get a scale for each row, activations one for each call (dynamic quantisation).

    Args:
        module: in float32, on the CPU.
        names: of layers, as ``named_modules`` has them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "torch.quantize_per", UserWarning)
        from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

        config = dict.fromkeys(names, per_channel_dynamic_qconfig)
        quantize_dynamic(module, config, inplace=True)
