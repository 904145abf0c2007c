"""Label an archive with a classifier that ``fit`` made: one CLIP pass, no multimodal LLM."""

from __future__ import annotations

from typing import Any

from actors.classifier_store import clip_of, load_classifier
from ray_jobs.config import LabelClassifierConfig
from ray_jobs.passes.classify import classifier_work
from ray_jobs.passes.label_job import label_archive
from ray_jobs.runs.class_names import check_same_classes


def label(config: LabelClassifierConfig) -> dict[str, Any]:
    """Label an archive; returns the content of ``run.json``.

    Raises:
        InputError: the classifier is missing, corrupt or made for another CLIP model.
    """
    classifier = load_classifier(config.classifier)
    if config.classes is not None:
        check_same_classes(config.classes, classifier.labels, config.classifier)
    model = clip_of(classifier, config.clip, config.classifier)
    identity = {
        "method": classifier.method,
        "clip": model.fingerprint,
        "classifier": classifier.identity,
        "precision": config.precision,
    }
    work = classifier_work(config, model, lambda _capacity: classifier)
    return label_archive(config, identity, work)
