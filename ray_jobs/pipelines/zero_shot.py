"""Zero-shot CLIP, the baseline: class names and templates make the classifier, which labels.

fit: names -> prompts -> CLIP text features -> class matrix -> classifier folder.
label: fit into the run folder, then the labelling pass.
"""

from __future__ import annotations

from typing import Any

from actors import storage
from actors.classifier_store import save_classifier
from actors.clip.model import ClipModel, resolve_clip
from methods.classifier import CONFIG_FILE, WEIGHTS_FILE, Classifier
from methods.drift import REFERENCE_FILE
from methods.errors import InputError
from methods.zero_shot import SIMPLE_TEMPLATES, parse_templates
from ray_jobs.config import FitZeroShotConfig, LabelZeroShotConfig
from ray_jobs.passes.classify import classifier_work
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.label_job import label_archive
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.runs.class_names import read_classes, say_what_the_field_guide_knows
from ray_jobs.runs.folder import versions


def fit(config: FitZeroShotConfig) -> dict[str, Any]:
    """Make a zero-shot classifier and write its folder.

    Raises:
        InputError: the classes, the templates, the model or the output folder cannot work.
    """
    names, templates = read_classes(config.classes, "zero_shot"), read_templates(config.templates)
    model = resolve_clip(config.clip)
    out = storage.absolute(config.out)
    check_classifier_folder(out, config.out)
    classifier = make_classifier(config, model, names, templates, start_ray())
    save_classifier(classifier, out)
    return {"classifier": out, "method": "zero_shot", "labels": len(names), "clip": model.name}


def label(config: LabelZeroShotConfig) -> dict[str, Any]:
    """Label an archive with zero-shot CLIP; returns the content of ``run.json``."""
    names, templates = read_classes(config.classes, "zero_shot"), read_templates(config.templates)
    model = resolve_clip(config.clip)
    identity = {
        "method": "zero_shot",
        "clip": model.fingerprint,
        "classes": names,
        "templates": list(templates),
        "precision": config.precision,
    }
    work = classifier_work(
        config,
        model,
        lambda capacity: make_classifier(config, model, names, templates, capacity),
    )
    return label_archive(config, identity, work)


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


def make_classifier(
    config: FitZeroShotConfig | LabelZeroShotConfig,
    model: ClipModel,
    names: list[str],
    templates: tuple[str, ...],
    capacity: Capacity,
) -> Classifier:
    """Encode the prompts of the class names."""
    say_what_the_field_guide_knows("CLIP", "--clip ViT-L-14/openai", model.name, names)
    matrix, record = encode_names(config, model, names, templates, capacity)
    made = {"config": config.public(), "templates": list(templates), "versions": versions()}
    return Classifier(
        labels=tuple(names),
        matrix=matrix,
        clip=record,
        method="zero_shot",
        logit_scale=record["logit_scale"],
        made=made,
    )
