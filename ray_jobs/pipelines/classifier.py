"""Label an archive with a classifier: one pass of CLIP, no multimodal LLM.

label: fetch, decode, encode and score, write. Pixels end in the CLIP replica. The run's copy of the
classifier keeps what the archive looked like, for the endpoint to compare with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from actors import storage
from actors.classifier_store import clip_of, load_classifier, save_classifier, save_reference
from actors.clip.model import ClipModel
from actors.embedding_store import EmbeddingStore
from actors.labels.classifier import ClassifierLabels, MultiLabels
from actors.labels.stored import label_stored
from actors.labels.table import CLASSIFIER_LABELS_SCHEMA
from methods.classifier import CONFIG_FILE, Classifier
from methods.drift import Seen
from ray_jobs.config import LabelClassifierConfig
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Late, clip, decode, fetch, images
from ray_jobs.passes.stored import from_store, refuse_store, store_identity, store_of
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.runs.class_names import check_same_classes
from ray_jobs.runs.ledger import batches_of

MakeClassifier = Callable[[Job], Classifier]


@dataclass(frozen=True)
class ClassifierInputs:
    """What labelling with a classifier works with.

    Attributes:
        classifier: as a fit made it.
        clip: the model that it was made with.
        store: of features of images; None without one.
    """

    classifier: Classifier
    clip: ClipModel
    store: EmbeddingStore | None = None
    mllm: None = None
    names: tuple[str, ...] = ()

    def identity(self, config: LabelClassifierConfig) -> dict[str, Any]:
        """What decides the rows."""
        return {
            "method": self.classifier.method,
            "clip": self.clip.fingerprint,
            "classifier": self.classifier.identity,
            "precision": config.precision,
            **store_identity(self.store),
            **({} if self.classifier.names is None else self.classifier.classes.identity()),
        }


def resolve_inputs(config: LabelClassifierConfig) -> ClassifierInputs:
    """Read the classifier and find its CLIP model.

    Raises:
        InputError: the classifier is missing, corrupt or made for another CLIP model.
    """
    classifier = load_classifier(config.classifier)
    if config.classes is not None:
        check_same_classes(config.classes, classifier.labels, config.classifier)
    model = clip_of(classifier, config.clip, config.classifier)
    if classifier.multi_label:
        refuse_store(
            config,
            f"--classifier {config.classifier} gives several labels by features of positions in "
            "the image, which no embedding folder holds",
        )
    return ClassifierInputs(classifier, model, store_of(config, model))


def passes(config: LabelClassifierConfig, inputs: ClassifierInputs) -> Sequence[Pass | Call]:
    """Keep the classifier in the run, and label with it."""
    classifier = inputs.classifier
    return [
        Call("classifier", make_once(lambda _job: classifier)),
        label_pass(inputs.clip, classifier.multi_label, inputs.store),
    ]


def make_once(
    make: MakeClassifier, folder: Callable[[Job], str] = lambda job: job.run.classifier
) -> Callable[[Job], None]:
    """Put a classifier into the run, unless an earlier attempt has.

    Args:
        make: the classifier.
        folder: of the classifier; by default that of what the run labels with.
    """

    def put(job: Job) -> None:
        if not storage.exists(storage.join(folder(job), CONFIG_FILE)):
            save_classifier(make(job), folder(job))

    return put


def label_pass(
    model: ClipModel, multi_label: bool = False, store: EmbeddingStore | None = None
) -> Pass:
    """The pass that labels with the run's classifier; images of a store are not read."""
    stage = MultiLabels if multi_label else ClassifierLabels
    files = Late(lambda job: load_classifier(job.run.classifier).dump())
    encode = (
        images()
        >> fetch()
        >> decode(model.preprocessing)
        >> clip(stage, model, classifier_files=files)
    )
    if store is not None:
        encode = from_store(store, label_stored, encode, classifier_files=files)
    return Pass(LABEL, encode)


def remember_archive(job: Job, _inputs: Any) -> dict[str, Any]:
    """Keep label mix and distances of the archive beside the run's classifier."""
    classifier = load_classifier(job.run.classifier)
    save_reference(count_archive(job.run.labels, classifier), classifier, job.run.classifier)
    return {}


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


METHOD = LabelMethod(
    name="classifier",
    columns=CLASSIFIER_LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    finish=remember_archive,
)
