"""In which numbers CLIP computes; settings name it, so nothing else is imported here."""

from __future__ import annotations

from typing import Final, Literal

Precision = Literal["auto", "fp32", "bf16", "int8"]
"""``auto`` is bf16 on a GPU and fp32 on a CPU; ``int8`` is of the image tower, on a CPU."""

PRECISION_HELP: Final = (
    "auto is bf16 on a GPU and fp32 on a CPU; int8 is for CPUs, of the image tower's linear "
    "layers: faster, not equal, and the job says how close it is"
)

INT8_ON_GPU: Final = (
    "--precision int8 is for CPUs; leave it out on a GPU, where bf16 is the default, or give the "
    "GPUs to others"
)
