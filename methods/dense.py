"""Which features of an image's positions a method asks for."""

from __future__ import annotations

from typing import Literal

DenseMode = Literal["auto", "plain", "value_only", "value_residual"]
"""How features of positions come about: `actors.clip.dense` says what each is."""
