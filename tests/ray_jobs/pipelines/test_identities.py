"""The identity of a run: another one wherever its models would say something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from methods.errors import InputError
from ray_jobs.commands import COMMANDS
from ray_jobs.pipelines.registry import METHODS, find, load

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
DECIDE: tuple[dict[str, Any], ...] = (
    {"mllm_engine": {"quantization": "fp8"}},
    {"mllm_engine": {"dtype": "bfloat16"}},
    {"mllm_engine": {"mm_processor_kwargs": {"max_pixels": 50176}}},
    {"mllm_engine": {"hf_overrides": {"num_crops": 4}}},
    {"mllm_image_position": "first"},
    {"mllm_chat_template": "own.jinja"},
)
ONLY_SPEED: tuple[dict[str, Any], ...] = (
    {"mllm_engine": {"gpu_memory_utilization": 0.5, "max_num_seqs": 4, "tensor_parallel_size": 2}},
    {"mllm_engine": {"hf_token": "secret"}},
    {"mllm_gpu_memory_utilization": 0.5},
    {"mllm_max_num_seqs": 4},
    {"mllm_tensor_parallel_size": 2},
    {"mllm_image_position": "auto"},
)
SETTINGS = {
    "images": "x", "out": "x", "category": "bird", "unit": "species", "sample": 20,
    "examples": 3,
}  # fmt: skip
ASKING = [
    f"{verb} {method.name}"
    for method in METHODS
    for verb, target in (("label", method.label), ("fit", method.fit))
    if target and "mllm_engine" in COMMANDS[f"{verb} {method.name}"].config.model_fields
]


def identity(verb: str, classes: Path, **changes: Any) -> dict[str, Any]:
    """What `onoma VERB` would file its run under; nothing starts."""
    kind, name = verb.split()
    settings = COMMANDS[verb].config
    given = {**SETTINGS, "classes": str(classes), **changes}
    config = settings(
        **{key: value for key, value in given.items() if key in settings.model_fields}
    )
    method = find(name)
    assert method is not None
    target = load(method.label if kind == "label" else f"{method.fit.partition(':')[0]}:FIT")
    inputs = target.resolve(config)
    return dict(inputs.identity(config))


@pytest.mark.parametrize("verb", ASKING)
def test_what_changes_answers_changes_the_run(
    verb: str, birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.jinja").write_text(TEMPLATE)
    classes = birds / "classes.txt"
    before = identity(verb, classes)
    for changes in DECIDE:
        assert identity(verb, classes, **changes) != before, changes
    for changes in ONLY_SPEED:
        assert identity(verb, classes, **changes) == before, changes
    Path("own.jinja").write_text(TEMPLATE + " ")
    own = identity(verb, classes, mllm_chat_template="own.jinja")
    Path("own.jinja").write_text(TEMPLATE)
    assert identity(verb, classes, mllm_chat_template="own.jinja") != own


def test_every_method_that_asks_is_looked_at() -> None:
    assert {"label slac", "label tlac", "fit autosep", "fit near", "fit data_free"} <= {*ASKING}


@pytest.mark.parametrize("name", ["model", "revision"])
def test_which_model_is_no_engine_argument(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is said by --mllm, as ORG/MODEL@REVISION"):
        COMMANDS["label slac"].config(images="x", out="x", classes="x", mllm_engine={name: "main"})


def test_a_template_that_cannot_work_is_told_before_anything_starts(birds: Path) -> None:
    with pytest.raises(InputError, match="--mllm-chat-template nowhere: no such file"):
        identity("label slac", birds / "classes.txt", mllm_chat_template="nowhere")
