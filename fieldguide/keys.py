"""Counter-based randomness: every image is a pure function of (domain, seed, kind, index).

Models train on `train`, are developed on `dev`, and users draw `archive`. The domain is part of
the hashed key, so no seed a user can pass brings back an image a model was trained on.
"""

from typing import Literal, get_args

import numpy as np
import xxhash

Domain = Literal["train", "dev", "archive"]
DOMAINS: tuple[str, ...] = get_args(Domain)


def generator(domain: Domain, seed: int, kind: str, index: int) -> np.random.Generator:
    """The random numbers of one image; equal keys give equal numbers in any process and order."""
    if domain not in DOMAINS:
        raise ValueError(f"domain is {domain!r}; known domains: {', '.join(DOMAINS)}")
    key = xxhash.xxh3_128_intdigest(f"{domain}|{seed}|{kind}|{index}".encode())
    return keyed(key)


def keyed(key: int) -> np.random.Generator:
    """Random numbers from a key of up to 128 bits that was drawn or hashed before."""
    return np.random.Generator(np.random.Philox(key=key))
