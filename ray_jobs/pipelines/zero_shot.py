"""Zero-shot CLIP, the baseline: class names and templates make the classifier, which labels.

fit: names -> prompts -> CLIP text features -> class matrix -> classifier folder.
label: fit into the run folder, then the pass of `ray_jobs.pipelines.classifier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.classifier_store import save_classifier
from actors.clip.model import ClipModel, resolve_clip
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from methods.classifier import CONFIG_FILE, WEIGHTS_FILE, Classifier
from methods.drift import REFERENCE_FILE
from methods.errors import InputError
from methods.prompt_templates import SIMPLE_TEMPLATES, parse_templates
from ray_jobs.config import FitZeroShotConfig, LabelZeroShotConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.run_pass import Call, Pass
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.pipelines.classifier import label_pass, make_once, remember_archive
from ray_jobs.runs.class_names import read_classes, warn_builtin_models
from ray_jobs.runs.folder import versions

Config = FitZeroShotConfig | LabelZeroShotConfig


@dataclass(frozen=True)
class ZeroShotInputs:
    """What zero-shot CLIP works with.

    Attributes:
        names: of the classes.
        templates: of the prompts, each with ``{}`` for a name.
        clip: the model.
    """

    names: list[str]
    templates: tuple[str, ...]
    clip: ClipModel
    mllm: None = None

    def identity(self, config: Config) -> dict[str, Any]:
        """What decides the rows."""
        return {
            "clip": self.clip.fingerprint,
            "classes": self.names,
            "templates": list(self.templates),
            "precision": config.precision,
        }


def resolve_inputs(config: Config) -> ZeroShotInputs:
    """Read the files and find the model that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    names = read_classes(config.classes, "zero_shot")
    return ZeroShotInputs(names, read_templates(config.templates), resolve_clip(config.clip))


def passes(config: LabelZeroShotConfig, inputs: ZeroShotInputs) -> Sequence[Pass | Call]:
    """Make the classifier, label with it."""
    return [
        Call("classifier", make_once(lambda job: make_classifier(config, inputs, job.capacity))),
        label_pass(inputs.clip),
    ]


def fit(config: FitZeroShotConfig) -> dict[str, Any]:
    """Make a zero-shot classifier and write its folder.

    Raises:
        InputError: the classes, the templates, the model or the output folder cannot work.
    """
    inputs = resolve_inputs(config)
    out = storage.absolute(config.out)
    check_classifier_folder(out, config.out)
    warn_builtin_models(inputs.clip, None, inputs.names)
    save_classifier(make_classifier(config, inputs, start_ray()), out)
    return {
        "classifier": out,
        "method": "zero_shot",
        "labels": len(inputs.names),
        "clip": inputs.clip.name,
    }


def read_templates(name: str) -> tuple[str, ...]:
    """Find the prompt templates a name means: simple, imagenet, or a file.

    Raises:
        InputError: no such file, or bad templates.
    """
    if name == "simple":
        return SIMPLE_TEMPLATES
    if name == "imagenet":
        import open_clip

        return tuple(template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES)
    try:
        text = storage.read_bytes(name).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--templates {name}: neither simple nor imagenet nor a readable file ({error})"
        ) from error
    return parse_templates(text, f"--templates {name}")


def check_classifier_folder(uri: str, out: str) -> None:
    """Refuse to write a classifier over something that is none.

    Raises:
        InputError: a file is there, a folder with other things, or it cannot be written.
    """
    names = {path.rpartition("/")[2] for path in storage.list_files(uri)}
    if names - {CONFIG_FILE, WEIGHTS_FILE, REFERENCE_FILE}:
        raise InputError(f"--out {out} holds other things; give a new folder for the classifier")
    try:
        storage.write_bytes(storage.join(uri, WEIGHTS_FILE), b"")
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from error


def make_classifier(config: Config, inputs: ZeroShotInputs, capacity: Capacity) -> Classifier:
    """Encode the prompts of the class names."""
    matrix, record = encode_names(config, inputs.clip, inputs.names, inputs.templates, capacity)
    made = {
        "config": config.public(),
        "templates": list(inputs.templates),
        "versions": versions(),
    }
    return Classifier(
        labels=tuple(inputs.names),
        matrix=matrix,
        clip=record,
        method="zero_shot",
        logit_scale=record["logit_scale"],
        made=made,
    )


METHOD = LabelMethod(
    name="zero_shot",
    columns=CLASSIFIER_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    finish=remember_archive,
)
