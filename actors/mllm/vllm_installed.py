"""Whether vLLM is there to run a model, told before Ray or anything else has started."""

from __future__ import annotations

import os
from importlib.util import find_spec

from actors.compat.ray import started_address
from methods.errors import InputError

HOW_TO_INSTALL = (
    'with a GPU, pip install "onoma[gpu]"; without one, uv sync in a checkout, or pip install '
    "./engine from there"
)
"""Where vLLM comes from, for whoever installed the package and for a checkout. Its CPU build is no
extra of the package: as published it asks for a torch that the usual index does not carry, which
engine/build.py mends."""


def check_vllm(flag: str, name: str) -> None:
    """Refuse a model that vLLM would run where vLLM is not installed.

    Of a cluster only its own machines can tell, so there the replica does.

    Args:
        flag: which gave the name.
        name: of the model.

    Raises:
        InputError: with what to install, and what works without it.
    """
    if find_spec("vllm") is not None or _joins_a_cluster():
        return
    raise InputError(
        f"{flag} {name}: vLLM runs this model and is not installed here: {HOW_TO_INSTALL}. Without "
        f"vLLM there are endpoints, {flag} openai:MODEL@BASE_URL, and label zero_shot, which asks "
        "no MLLM"
    )


def _joins_a_cluster() -> bool:
    """Whether the job will run on a Ray that is there already; asked only where vLLM is not."""
    given = os.environ.get("RAY_ADDRESS")
    return given != "local" if given else started_address() is not None
