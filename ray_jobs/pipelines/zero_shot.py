"""Zero-shot CLIP, the baseline: class names and templates make the classifier, which labels.

In place of names in templates, texts about the classes may stand for them (CuPL's way).

fit: names -> prompts -> CLIP text features -> class matrix -> classifier folder.
label: one pass of CLIP, whose replicas make the classifier first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from actors import storage
from actors.classifier_store import save_classifier
from actors.clip.alike_names import check_names_apart
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.labels.classifier import ZeroShotLabels
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from methods.class_names import ClassNames
from methods.class_texts import parse_class_texts
from methods.classifier import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Classifier,
    with_classes,
    zero_shot_classifier,
)
from methods.drift import REFERENCE_FILE
from methods.errors import InputError
from ray_jobs.config import FitZeroShotConfig, LabelZeroShotConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.session import Capacity, start_ray
from ray_jobs.passes.steps import Late, clip, decode, fetch, images
from ray_jobs.passes.stored import store_identity, store_of
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.pipelines.classifier import label_pass, make_once, remember_archive
from ray_jobs.runs.builtin_models import check_builtin_models
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.folder import versions
from ray_jobs.runs.templates import read_templates
from ray_jobs.runs.text_files import read_text

Config = FitZeroShotConfig | LabelZeroShotConfig


@dataclass(frozen=True)
class ZeroShotInputs:
    """What zero-shot CLIP works with.

    Attributes:
        classes: their ids and names.
        templates: of the prompts, each with ``{}`` for a name.
        clip: the model.
        store: of features of images; None without one.
        texts: that stand for each class in place of its name in templates; none for names.
    """

    classes: ClassNames
    templates: tuple[str, ...]
    clip: ClipModel
    store: EmbeddingStore | None = None
    texts: tuple[tuple[str, ...], ...] = ()
    mllm: None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, as CLIP reads them."""
        return self.classes.names

    def identity(self, config: Config) -> dict[str, Any]:
        """What decides the rows."""
        return {
            "clip": self.clip.fingerprint,
            **self.classes.identity(),
            "templates": list(self.templates),
            **({"class_texts": _digest(self.texts)} if self.texts else {}),
            "precision": config.precision,
            **store_identity(self.store),
        }

    def made(self, config: Config) -> dict[str, Any]:
        """How the classifier is made, as it remembers it."""
        return {
            "config": config.public(),
            "templates": list(self.templates),
            "versions": versions(),
        }


def resolve_inputs(config: Config) -> ZeroShotInputs:
    """Read the files and find the model that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    classes = read_classes(config.classes, "zero_shot")
    templates, model = read_templates(config.templates), resolve_clip(config.clip)
    store = store_of(config, model) if isinstance(config, LabelZeroShotConfig) else None
    if (path := config.class_texts) is None:
        check_names_apart(model, classes, templates, f"--classes {config.classes}")
        return ZeroShotInputs(classes, templates, model, store)
    texts = parse_class_texts(read_text("--class-texts", path), classes, f"--class-texts {path}")
    return ZeroShotInputs(classes, templates, model, store, texts)


def _digest(texts: Sequence[Sequence[str]]) -> str:
    """A hash of the texts, which are too long to be kept in every run."""
    return xxhash.xxh3_64_hexdigest(repr(texts).encode())


def passes(config: LabelZeroShotConfig, inputs: ZeroShotInputs) -> Sequence[Pass | Call]:
    """Label; the replicas that label make the classifier, so that CLIP is loaded once for both.

    With an embedding store there may be no such replicas, and the classifier is made first.
    """
    if inputs.store is not None:
        return [
            Call("classifier", make_once(lambda job: _classifier(job, config, inputs))),
            label_pass(inputs.clip, store=inputs.store),
        ]
    labels = clip(
        ZeroShotLabels,
        inputs.clip,
        classes=inputs.classes,
        templates=inputs.templates,
        folder=Late(lambda job: job.run.classifier),
        made=inputs.made(config),
        texts=inputs.texts,
    )
    return [Pass(LABEL, images() >> fetch() >> decode(inputs.clip.preprocessing) >> labels)]


def _classifier(job: Job, config: LabelZeroShotConfig, inputs: ZeroShotInputs) -> Classifier:
    """The classifier of a run, made in a task of its own."""
    matrix, record = _encoded(config, inputs, job.capacity)
    made = zero_shot_classifier(inputs.classes.ids, matrix, record, inputs.made(config))
    return with_classes(made, inputs.classes)


def _encoded(
    config: Config, inputs: ZeroShotInputs, capacity: Capacity
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The class matrix, made in a task of its own, and what is kept of the model."""
    arguments = config, inputs.clip, inputs.names, inputs.templates, capacity, inputs.texts
    return encode_names(*arguments)


def fit(config: FitZeroShotConfig) -> dict[str, Any]:
    """Make a zero-shot classifier and write its folder.

    Raises:
        InputError: the classes, the templates, the model or the output folder cannot work.
    """
    inputs = resolve_inputs(config)
    out = storage.absolute(config.out)
    check_classifier_folder(out, config.out)
    check_builtin_models(config, inputs.clip, None, inputs.names)
    matrix, record = _encoded(config, inputs, start_ray())
    made = zero_shot_classifier(inputs.classes.ids, matrix, record, inputs.made(config))
    save_classifier(with_classes(made, inputs.classes), out)
    return {
        "classifier": out,
        "method": "zero_shot",
        "labels": len(inputs.names),
        "clip": inputs.clip.name,
    }


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


METHOD = LabelMethod(
    name="zero_shot",
    columns=CLASSIFIER_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    finish=remember_archive,
)
