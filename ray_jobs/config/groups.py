"""In which group of ``--help`` a setting stands: what is needed first, experts' settings last."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, get_args

from ray_jobs.config.base import VerbConfig

NEEDED, ARCHIVE, MODEL, METHOD, CLUSTER, OTHERS, EXPERT = (
    *("needed", "archive", "model", "method", "cluster", "of every verb"),
    "for experts",
)
ORDER: Final = (NEEDED, ARCHIVE, MODEL, METHOD, CLUSTER, OTHERS, EXPERT)
"""The groups in the order in which they are shown."""

_HOMES: Final = {
    "VerbConfig": OTHERS,
    "ArchiveConfig": ARCHIVE,
    "GrowingConfig": ARCHIVE,
    "ClipConfig": MODEL,
    "MllmConfig": MODEL,
    "AskingConfig": MODEL,
}
"""By the class that declares a setting first."""

_CLUSTER: Final = re.compile(
    r"(_replicas|_replicas_max|_resource|_gpus|_cpus)$|^(decode_tasks|mllm_tensor_parallel_size|"
    r"mllm_concurrency|mllm_rate|train_workers|replicas|max_replicas|gpus|threads|driver_.*)$"
)
_NEED_CLASSES: Final = frozenset(
    {"zero_shot", "slac", "tlac", "autosep", "what_do_you_see", "data_free"}
)
_FIRST: Final = ("images", "classes", "classifier", "out")

EXPERT_SETTINGS: Final = frozenset(
    (
        "exact_decode as_stored rows_per_block max_bytes max_pixels "
        "mllm_chat_template mllm_image_position mllm_batch mllm_max_num_seqs mllm_engine mllm_chat "
        "mllm_gpu_memory_utilization mllm_deadline mllm_extra mllm_image_format mllm_retries "
        "mllm_timeout top_p upstream_compat class_prompts class_temperature class_rounds long_text "
        "class_parts class_answers published_pixels predict_temperature image_weight "
        "description_weight prediction_weight class_list vote_temperature reading answer_tokens "
        "classify_prompt vanilla_prompt few_shot_prompt shots shot_labels choices "
        "max_batch max_ongoing max_queued retry_after max_body max_held max_images upload_seconds "
        "answer_seconds drift_window ingress_replicas check_drift check_images "
        "runtime_env exclude upload_data resamples"
    ).split()
)
"""Settings that few need; those of a fit are all but `_MAIN`."""

_MAIN: Final = frozenset(
    (
        "as_published category unit sample names name_prompt epochs training "
        "objective rounds beam improvements optimizer_mllm describe_prompt "
        "synonyms hierarchy groups group_count sentences descriptions templates checkpoint_seconds"
    ).split()
)
_LONG_FITS: Final = frozenset({"near", "autosep", "data_free"})
_NOT_READ: Final = "not read"


def groups_of(kind: type[VerbConfig], first: Iterable[str] = ()) -> dict[str, list[str]]:
    """The settings of a config class by group.

    Args:
        kind: the class.
        first: those that come before all others, such as what needs no flag.

    Returns:
        Names of settings by group, in the order to show them; groups without one are left out.
        What a command fixes (its method) is in none.
    """
    found: dict[str, list[str]] = {group: [] for group in ORDER}
    for name in kind.model_fields:
        if (group := _group(kind, name, frozenset(first))) is not None:
            found[group].append(name)
    before = [*first, *_FIRST]
    found[NEEDED].sort(key=lambda name: before.index(name) if name in before else len(before))
    found[MODEL].sort(key=lambda name: name not in ("mllm", "clip"))
    return {group: names for group, names in found.items() if names}


def _group(kind: type[VerbConfig], name: str, first: frozenset[str]) -> str | None:
    info = kind.model_fields[name]
    method = _method(kind)
    if name == "method" and method:
        return None
    if info.is_required() or name in first or (name == "classes" and method in _NEED_CLASSES):
        return NEEDED
    home = _HOMES.get(_home(kind, name), METHOD)
    if _CLUSTER.search(name):
        return CLUSTER
    if name in EXPERT_SETTINGS or (info.description or "").startswith(_NOT_READ):
        return EXPERT
    long = method in _LONG_FITS and kind.__name__.startswith("Fit")
    return EXPERT if home == METHOD and long and name not in _MAIN else home


def _home(kind: type[VerbConfig], name: str) -> str:
    """Name of the class that declares a setting first."""
    declared = (
        each for each in reversed(kind.__mro__) if name in vars(each).get("__annotations__", {})
    )
    return next(declared).__name__


def _method(kind: type[VerbConfig]) -> str:
    """The method that a config class is for; empty where it is for none."""
    info = kind.model_fields.get("method")
    names = get_args(info.annotation) if info else ()
    return str(names[0]) if len(names) == 1 else ""
