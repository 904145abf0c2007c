"""Names that are not there: what a setting is called now, and what a wrong word may mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from types import MappingProxyType

RENAMED = MappingProxyType(
    {
        "answers": "response_cache",
        "clip_node": "clip_resource",
        "decode_node": "decode_resource",
        "driver_node": "driver_resource",
        "mllm_context": "mllm_max_model_len",
        "mllm_gpu_memory": "mllm_gpu_memory_utilization",
        "mllm_gpus": "mllm_tensor_parallel_size",
        "mllm_node": "mllm_resource",
        "mllm_sequences": "mllm_max_num_seqs",
    }
)
"""Settings of version 0.1.0 that have another name since."""


def flag_of(name: str) -> str:
    """How the command line spells a setting: ``clip_batch`` is ``--clip-batch``."""
    return "--" + name.replace("_", "-")


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return `` (did you mean X?)`` for the closest of the words, or nothing if none is close."""
    close = difflib.get_close_matches(word, list(words), n=3, cutoff=0.7)
    if not close:
        return ""
    # two letters in each other's place are a slip more often than a wrong letter
    letters = sorted(word)
    meant = min(close, key=lambda each: sorted(each) != letters)
    return f" (did you mean {meant}?)"


def say_renamed(names: Iterable[str], settings: Iterable[str]) -> str | None:
    """Return a sentence on the names that have another one since, None if there is none of them.

    Args:
        names: of settings, as the user gave them, with ``_``.
        settings: that the command has; a setting that it never had is not renamed there.
    """
    known = set(settings)
    old = [n for n in dict.fromkeys(names) if n not in known and RENAMED.get(n) in known]
    return "; ".join(f"{flag_of(n)} is now {flag_of(RENAMED[n])}" for n in old) or None
