"""The texts that stand in for images: what is asked, how answers become labelled sentences."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors import storage
from actors.labels.data_free import LabelledCaptions, LabelledSentences
from actors.storage.tables import write_table
from methods.data_free.answers import parse_sentences
from methods.data_free.balance import balanced, scarce_classes, template_items
from methods.data_free.label_sets import label_sets
from methods.data_free.relations import Relation
from methods.errors import InputError
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.job import Job
from ray_jobs.passes.session import pass_settings
from ray_jobs.pipelines.data_free.class_queries import (
    ClassQuestion,
    ClassResponse,
    ask_classes,
)
from ray_jobs.pipelines.data_free.inputs import DataFreeInputs, sentence_sampling
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.stage_tables import read_stage, stage_table

logger = logging.getLogger(f"onoma.{__name__}")

_TEXTS = "texts.parquet"
_SHOWN = 5
_CAPTIONS_A_BLOCK = 20_000


@dataclass(frozen=True)
class Corpus:
    """Labelled texts.

    Attributes:
        texts: n of them; templates may be there several times.
        labels: bool (n, N).
        record: counts for a person: sentences, dropped ones by reason, classes short of text.
    """

    texts: list[str]
    labels: NDArray[np.bool_]
    record: dict[str, Any]


def ask_sentences(job: Job, inputs: DataFreeInputs, together: Relation) -> list[str]:
    """Ask for sentences about each class and about sets of classes; returns the stages."""
    questions, corpus = inputs.questions, inputs.corpus
    asked = [
        ClassQuestion(kind, (one,), questions.of_class(kind, one, corpus.sentences), draw)
        for kind in ("characteristics", "contexts")
        for one in range(len(inputs.labels))
        for draw in range(corpus.descriptions)
    ]
    sets = label_sets(
        inputs.questions.classes,
        together,
        corpus.sets_per_class,
        most_names=corpus.most_names,
        graph_share=corpus.graph_share,
        seed=corpus.seed,
    )
    asked += [
        ClassQuestion(
            "scenes", each.members, questions.of_scene(sorted(each.members), corpus.sentences)
        )
        for each in sets
    ]

    def usable(said: ClassResponse) -> bool:
        read = parse_sentences(
            said.answer, shortest=corpus.shortest_sentence, longest=corpus.longest_sentence
        )
        return bool(read.kept)

    how = sentence_sampling(job.settings(FitDataFreeConfig))
    return ask_classes(job, "sentences", asked, how, usable)


def read_corpus(run: RunFolder, inputs: DataFreeInputs, stages: list[str]) -> Corpus:
    """Make labelled texts of the answers: parsed and labelled on the cluster, balanced here.

    Raises:
        InputError: there is no text at all.
    """
    sentences, missed, dropped = _labelled(run, inputs, stages)
    texts = sorted(sentences)
    labels = np.zeros((len(texts), len(inputs.labels)), np.bool_)
    for row, text in enumerate(texts):
        labels[row, sentences[text]] = True
    kept = balanced(texts, labels, inputs.corpus.max_per_class, inputs.corpus.seed)
    dropped["beyond_most"] += int((~kept).sum())
    texts = [text for text, there in zip(texts, kept, strict=True) if there]
    labels = labels[kept]
    record = {**_record(inputs, labels, dropped), "sentences_missing_a_name": missed}
    if inputs.corpus.use_templates:
        plain, alone = template_items(
            inputs.questions.classes, inputs.templates, inputs.corpus.template_repeats
        )
        texts, labels = [*texts, *plain], np.concatenate([labels, alone])
    if not texts:
        raise InputError(
            "no usable sentence came, and --no-use-templates leaves nothing else to learn from: "
            f"{dict(dropped)}"
        )
    return Corpus(texts, labels, record)


def _labelled(
    run: RunFolder, inputs: DataFreeInputs, stages: list[str]
) -> tuple[dict[str, list[int]], int, Counter[str]]:
    """Distinct sentences with their classes; how many miss one asked for; drops by reason."""
    dropped: Counter[str] = Counter()
    found: dict[str, list[int]] = {}
    missed = 0
    with pass_settings(None):
        for rows in _labelled_rows(run, inputs, stages):
            for batch in rows.iter_batches(batch_format="pyarrow", batch_size=None):
                for row in batch.to_pylist():
                    if row["dropped"]:
                        dropped[row["dropped"]] += row["count"]
                    elif row["sentence"] in found:
                        dropped["duplicate"] += 1
                    else:
                        found[row["sentence"]] = row["classes"]
                        missed += row["missed"]
    return found, missed, dropped


def _labelled_rows(run: RunFolder, inputs: DataFreeInputs, stages: list[str]) -> Iterator[Any]:
    """Datasets of labelled sentences, of each stage's answers, or of the captions given."""
    if inputs.captions is None:
        read = LabelledSentences(inputs.questions.synonyms, inputs.corpus)
        for stage in stages:
            yield read_stage(stage_table(run, stage)).map_batches(read, batch_format="pyarrow")
        return
    import ray

    label = LabelledCaptions(
        inputs.questions.synonyms, inputs.corpus.shortest_sentence, inputs.corpus.longest_sentence
    )
    table = pa.table({"caption": pa.array(inputs.captions.texts, pa.string())})
    blocks = -(-len(table) // _CAPTIONS_A_BLOCK)
    rows = ray.data.from_arrow(
        [table.slice(at * _CAPTIONS_A_BLOCK, _CAPTIONS_A_BLOCK) for at in range(blocks)]
    )
    yield rows.map_batches(label, batch_format="pyarrow")


def _record(
    inputs: DataFreeInputs, labels: NDArray[np.bool_], dropped: Counter[str]
) -> dict[str, Any]:
    scarce = [inputs.labels[at] for at in scarce_classes(labels, inputs.corpus.min_per_class)]
    if scarce:
        more = "" if len(scarce) <= _SHOWN else f" and {len(scarce) - _SHOWN} more"
        logger.warning(
            "%d classes have fewer than %d sentences: %s%s",
            len(scarce), inputs.corpus.min_per_class, ", ".join(scarce[:_SHOWN]), more,
        )  # fmt: skip
    return {
        "sentences": len(labels),
        "labels_per_sentence": round(float(labels.sum() / max(1, len(labels))), 3),
        "sentences_dropped": dict(sorted(dropped.items())),
        "classes_short_of_text": scarce,
    }


def write_texts(run: RunFolder, corpus: Corpus) -> str:
    """Write the texts with their numbers, for the pass that encodes them; returns the URI."""
    classes = [np.flatnonzero(row).tolist() for row in corpus.labels]
    table = pa.table(
        {
            "text_id": pa.array(range(len(corpus.texts)), pa.int64()),
            "text": corpus.texts,
            "classes": pa.array(classes, pa.list_(pa.int32())),
        }
    )
    path = storage.join(run.uri, _TEXTS)
    write_table(path, table)
    return path
