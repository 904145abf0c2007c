"""The finaliser of SplitMix64 (Steele, Lea and Flood 2014): mixes the bits of 64-bit integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix each value of uint64 (n,): one to one, every bit of a result hangs on every input bit."""
    with np.errstate(over="ignore"):  # products are modulo 2**64, as meant
        z = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
