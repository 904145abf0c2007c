"""The mixing function, against the generator's published values."""

from __future__ import annotations

import numpy as np

from methods.splitmix64 import splitmix64


def test_the_first_numbers_of_the_generator_with_seed_1234567() -> None:
    """The generator mixes a state that grows by the golden ratio each time."""
    states = [(1234567 + n * 0x9E3779B97F4A7C15) % (1 << 64) for n in (1, 2, 3)]
    assert splitmix64(np.array(states, np.uint64)).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
