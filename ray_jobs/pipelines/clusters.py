"""k-means on CLIP's features, the baseline of AutoSEP and of FineR: a label is a cluster.

features: manifest -> fetch -> decode -> CLIP -> stage table.
cluster: features -> k-means -> cluster of each image, and a few images of each cluster.
examples (with classes): these images -> MLLM -> stage table; the majority names a cluster.
label: manifest -> cluster of each image -> labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors import storage
from actors.clip.image_features import ClipFeatures
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.labels.clusters import Clustered, label_by_cluster
from actors.labels.table import LABELS_SCHEMA
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.responses import response_text
from actors.storage.tables import write_table
from methods.answers import AnswerError
from methods.choices import ChoiceReader, marked, published_choice
from methods.class_names import ClassNames
from methods.clusters import cluster_centres, draw_examples, drawn, nearest_centres, voted
from methods.errors import InputError
from ray_jobs.config import LabelClustersConfig
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.read_images import Images
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Late, clip, decode, fetch, images, in_object_store, rows
from ray_jobs.passes.stored import attach_stored, store_identity, store_of
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.manifest import write_rows
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.stage_tables import stage_table

FEATURES: Final = "features"
EXAMPLES: Final = "examples"
"""Names of the passes; the second is that of its query as well."""
_TABLE, _EXAMPLES = "clusters.parquet", "examples.parquet"


@dataclass(frozen=True)
class ClustersInputs:
    """What clustering works with.

    Attributes:
        clip: the model whose features are clustered.
        clusters: k.
        classes: that clusters are named by; None where they have numbers.
        mllm: asked about examples; None where nothing is asked.
        query: what is asked; None as well.
        read: which class an answer chooses.
        store: of features of images; None without one.
    """

    clip: ClipModel
    clusters: int
    classes: ClassNames | None = None
    mllm: MllmModel | None = None
    query: Query | None = None
    read: Callable[[str], int | None] | None = None
    store: EmbeddingStore | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes that the multimodal LLM is asked about."""
        return self.classes.names if self.classes and self.mllm else ()

    def identity(self, config: LabelClustersConfig) -> dict[str, Any]:
        """What decides the rows."""
        asked: dict[str, Any] = {}
        if self.mllm and self.query and self.classes:
            asked = {
                **self.classes.identity(),
                "examples_each": config.examples,
                "reading": config.reading,
                EXAMPLES: self.query.cache_identity(self.mllm, engine_options(config)),
            }
        return {
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **store_identity(self.store),
            "clusters": self.clusters,
            "learn_from": config.learn_from,
            "seed": config.seed,
            **asked,
        }


def resolve_inputs(config: LabelClustersConfig) -> ClustersInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work, or nothing says how many clusters.
    """
    model = resolve_clip(config.clip)
    store = store_of(config, model)
    classes = read_classes(config.classes, config.method) if config.classes else None
    count = config.clusters or (len(classes) if classes else 0)
    if not count:
        raise InputError("--clusters is needed, or --classes, for a cluster each")
    if not config.examples:
        return ClustersInputs(model, count, classes, store=store)
    if classes is None:
        raise InputError(
            f"--examples {config.examples}: the MLLM chooses among class names; give --classes"
        )
    if config.reading == "published" and len(classes) > _LETTERS:
        raise InputError(
            f"--reading published reads letters, for up to {_LETTERS} classes, and there are "
            f"{len(classes)}; give --reading strict"
        )
    strict = ChoiceReader(classes.names, classes.others).read
    read = _published(len(classes)) if config.reading == "published" else strict
    prompt = read_prompt("autosep", "vanilla", config.vanilla_prompt, ("classes",), ("category",))
    text = prompt.fill(category=config.category, classes=marked(classes.names))
    query = image_query(config, EXAMPLES, ImagePrompt(text), sampling(config))
    mllm = resolve_mllm(config.mllm)
    return ClustersInputs(model, count, classes, mllm, query, read, store)


_LETTERS: Final = 26


def _published(count: int) -> Callable[[str], int | None]:
    return lambda answer: published_choice(answer, count)


def passes(config: LabelClustersConfig, inputs: ClustersInputs) -> Sequence[Pass | Call]:
    """Encode, cluster, ask about a few images of each cluster, label."""
    model, query = inputs.clip, inputs.query
    encode = images() >> attach_stored(inputs.store) >> fetch() >> decode(model.preprocessing)
    found: list[Pass | Call] = [
        Pass(FEATURES, encode >> clip(ClipFeatures, model)),
        Call("cluster", lambda job: _cluster(job, config, inputs)),
    ]
    if query is not None:
        asked = images() >> fetch() >> cached("bytes", query) >> generate(query)
        found.append(Pass(EXAMPLES, asked, images=_examples))
    late = Late(lambda job: in_object_store(_clustered(job.run, inputs)))
    label = rows(label_by_cluster, clustered=late, method=config.method)
    return [*found, Pass(LABEL, images() >> label)]


def _features(
    run: RunFolder, width: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Stream ids and features of the images that have one."""
    for batch in batches_of(stage_table(run, FEATURES), ("image_id", "feature", "error")):
        fine = batch.filter(batch.column("error").is_null())
        if fine.num_rows:
            matrix = fine.column("feature").flatten().to_numpy().reshape(-1, width)
            yield fine.column("image_id").to_numpy(), matrix


def _cluster(job: Job, config: LabelClustersConfig, inputs: ClustersInputs) -> None:
    """Learn the centres, find the nearest of each image, draw examples; once.

    Raises:
        InputError: fewer usable images than clusters.
    """
    run, width = job.run, inputs.clip.embed_dim
    if "clusters" in run.record:
        return
    count = int(run.record["images"])
    parts = [np.zeros((0, width), np.float32)]
    for some, features in _features(run, width):
        parts.append(features[drawn(some, count, config.learn_from, config.seed)])
    learned = np.concatenate(parts)
    if len(learned) < inputs.clusters:
        raise InputError(
            f"--clusters {inputs.clusters}: {len(learned)} usable images are fewer than that"
        )
    centres = cluster_centres(learned, inputs.clusters, config.seed)
    ids, nearest = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for some, features in _features(run, width):
        ids.append(some)
        nearest.append(nearest_centres(features, centres))
    all_ids, clusters = np.concatenate(ids), np.concatenate(nearest)
    order = np.argsort(all_ids)
    all_ids, clusters = all_ids[order], clusters[order]
    write_table(
        storage.join(run.uri, _TABLE),
        pa.table({"image_id": all_ids, "cluster": clusters.astype(np.int32)}),
    )
    examples = draw_examples(all_ids, clusters, config.examples, config.seed)
    if len(examples):
        write_rows(run.manifest, storage.join(run.uri, _EXAMPLES), examples)
    run.save(
        clusters={
            "clusters": inputs.clusters,
            "learned_from": len(learned),
            "examples": len(examples),
        }
    )


def _examples(job: Job) -> Images:
    path = storage.join(job.run.uri, _EXAMPLES)
    return Images(path, int(job.run.record["clusters"]["examples"]))


def _clustered(run: RunFolder, inputs: ClustersInputs) -> Clustered:
    """Where each image is, and what its cluster is called."""
    kept = pa.BufferReader(storage.read_bytes(storage.join(run.uri, _TABLE)))
    table = pq.read_table(kept, partitioning=None)
    ids, clusters = (table.column(name).to_numpy() for name in ("image_id", "cluster"))
    errors = {}
    for batch in batches_of(stage_table(run, FEATURES), ("image_id", "error", "error_detail")):
        for row in batch.filter(batch.column("error").is_valid()).to_pylist():
            errors[row["image_id"]] = (row["error"], row["error_detail"] or "")
    return Clustered(ids, clusters, _labels(run, inputs, ids, clusters), errors)


def _labels(
    run: RunFolder, inputs: ClustersInputs, ids: NDArray[np.int64], clusters: NDArray[np.int32]
) -> list[str | None]:
    """The number of each cluster, or the class that names it."""
    if inputs.read is None or inputs.classes is None:
        return [f"cluster {number + 1}" for number in range(inputs.clusters)]
    votes: list[list[int | None]] = [[] for _ in range(inputs.clusters)]
    for batch in batches_of(stage_table(run, EXAMPLES), ("image_id", EXAMPLES)):
        for row in batch.to_pylist():
            at = int(np.searchsorted(ids, row["image_id"]))
            try:
                chosen = inputs.read(response_text(row[EXAMPLES], cut_counts=True))
            except AnswerError:
                chosen = None
            votes[clusters[at]].append(chosen)
    named = [voted(each) for each in votes]
    return [None if class_ is None else inputs.classes.ids[class_] for class_ in named]


def _planned_images(
    config: LabelClustersConfig, _record: dict[str, Any], forecast: Any, images_: int
) -> int | None:
    """How many images a pass of the planned job is over; None for all of them."""
    if forecast.name != EXAMPLES:
        return None
    return min(images_, resolve_inputs(config).clusters * config.examples)


METHOD = LabelMethod(
    name="clusters",
    columns=LABELS_SCHEMA,
    resolve=resolve_inputs,
    passes=passes,
    planned_images=_planned_images,
)
