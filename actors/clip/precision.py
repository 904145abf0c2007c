"""In which numbers CLIP computes; settings name it, so nothing else is imported here."""

from __future__ import annotations

from typing import Literal

Precision = Literal["auto", "fp32", "bf16"]
"""``auto`` is bf16 on a GPU and fp32 on a CPU."""
