"""Labelling with a classifier: fetch, decode, encode and score, write, as one streaming plan.

Bytes stay encoded until the decode stage, pixels end in the CLIP replica, and nothing is collected
on the driver. Ray Data's job checkpoint remembers finished rows. The run's copy of the classifier
keeps what the archive looked like, for the endpoint to compare with.
"""

from __future__ import annotations

from collections.abc import Callable

from actors import storage
from actors.classifier_store import load_classifier, save_classifier, save_reference
from actors.clip.model import ClipModel
from actors.labels.classifier import ClassifierLabels, MultiLabels
from methods.classifier import CONFIG_FILE, Classifier
from methods.drift import Seen
from ray_jobs.config import LabelClassifierConfig, LabelZeroShotConfig
from ray_jobs.passes.clip_pool import through_clip
from ray_jobs.passes.label_job import LABEL, Work
from ray_jobs.passes.read_images import decode_images, images_of, read_images
from ray_jobs.passes.resources import size_clip_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of

Config = LabelZeroShotConfig | LabelClassifierConfig
MakeClassifier = Callable[[Capacity], Classifier]


def classifier_work(config: Config, model: ClipModel, make_classifier: MakeClassifier) -> Work:
    """Return the work of a job that labels with a classifier.

    Args:
        config: the verb's settings.
        model: the CLIP model.
        make_classifier: called once Ray is there, unless an earlier attempt has made it.
    """

    def work(run: RunFolder, capacity: Capacity) -> None:
        if storage.exists(storage.join(run.classifier, CONFIG_FILE)):
            classifier = load_classifier(run.classifier)
        else:
            classifier = make_classifier(capacity)
            save_classifier(classifier, run.classifier)
        with run.timed(LABEL):
            label_pass(run, config, model, classifier, capacity)
        save_reference(count_archive(run.labels, classifier), classifier, run.classifier)

    return work


def count_archive(labels: str, classifier: Classifier) -> Seen:
    """Count a labels table, streaming: its labels and its images' distances."""
    column = "labels" if classifier.multi_label else "label"
    seen = Seen()
    for batch in batches_of(labels, (column, "distance")):
        given = batch.column(column)
        names = given.flatten() if classifier.multi_label else given
        distances = batch.column("distance").drop_null().to_numpy()
        seen.add(names.drop_null().to_pylist(), distances)
    return seen


def label_pass(
    run: RunFolder, config: Config, model: ClipModel, classifier: Classifier, capacity: Capacity
) -> None:
    """Stream the archive through decoding and CLIP into ``labels/``, finished images aside."""
    from ray.data import SaveMode

    plan = size_clip_pool(capacity, config)
    readers = config.decode_tasks or capacity.cores
    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint(LABEL)):
        images = read_images(images_of(run), config, readers, config.clip_batch)
        how = model.preprocessing
        decoded = decode_images(images, config, how, readers)
        stage = MultiLabels if classifier.multi_label else ClassifierLabels
        through_clip(
            decoded, stage, config, plan, model=model, classifier_files=classifier.dump()
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)
