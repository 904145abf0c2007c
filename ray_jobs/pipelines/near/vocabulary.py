"""From what was said of the sample to names and labels: merged, filtered, and written for a person
to look through."""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from methods.discovered_names import Vocabulary, build_vocabulary, merge_similar
from methods.errors import InputError
from methods.name_spelling import name_key
from methods.near.candidates import hubness_warning, nearest_neighbours
from methods.prompt_templates import SIMPLE_TEMPLATES
from ray_jobs.config import FitNearConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.session import Capacity
from ray_jobs.pipelines.near.features import Features
from ray_jobs.pipelines.near.inputs import NearInputs
from ray_jobs.pipelines.near.sample_names import SampleName

logger = logging.getLogger(f"onoma.{__name__}")


@dataclass(frozen=True)
class Labelled:
    """The sample as training wants it, ordered by image id.

    Attributes:
        ids: int64 (N,), of the images that were read and asked about.
        names: what the MLLM called each; None without a name.
        merges: from key to name, a person's decisions and those by similarity.
        vocabulary: the L names.
        labels: int64 (N,), -1 for none.
        features: unit image features, float32 (N, D).
    """

    ids: NDArray[np.int64]
    names: list[str | None]
    merges: dict[str, str]
    vocabulary: Vocabulary
    labels: NDArray[np.int64]
    features: NDArray[np.float32]


def label_sample(
    config: FitNearConfig,
    inputs: NearInputs,
    said: dict[int, SampleName],
    features: Features,
    capacity: Capacity,
) -> Labelled:
    """Make the vocabulary and each image's label in it.

    Raises:
        InputError: no image has a name, or none is left after the decisions of ``--names``.
    """
    asked = {image_id for image_id, each in said.items() if each.asked}
    ids = np.array(sorted(asked & set(features.ids.tolist())), np.int64)
    names = [said[image_id].name for image_id in ids.tolist()]
    if not any(names):
        problems = Counter(each.problem for each in said.values())
        why = ", ".join(f"{count} {code}" for code, count in problems.most_common())
        raise InputError(
            f"none of the {len(said)} images of the sample has a name ({why}); try another "
            "--mllm, --category, --unit or --name-prompt, or look at the images"
        )
    merges = dict(inputs.merges)
    vocabulary, labels = build_vocabulary(names, merges)
    if vocabulary.keys and config.merge_similarity is not None:
        similar = _alike(config, inputs, vocabulary, capacity)
        # what a person has decided stays as it is
        decided = {*merges, *(name_key(name) for name in merges.values())}
        similar = {key: goal for key, goal in similar.items() if key not in decided}
        for key, goal in sorted(similar.items()):
            logger.info("%r is merged into %r, which reads alike", key, goal)
        merges = {**similar, **merges}
        vocabulary, labels = build_vocabulary(names, merges)
    if not vocabulary.keys:
        raise InputError(f"--names {config.names}: sets aside every name; keep at least one")
    labelled = Labelled(ids, names, merges, vocabulary, labels, features.of(ids))
    if config.label_filter == "zero_shot":
        labelled = _voted(config, inputs, labelled, capacity)
    _say_what_is_odd(labelled)
    return labelled


def neighbours_of(labelled: Labelled, k: int) -> NDArray[np.int64]:
    """The k nearest images of each image, int64 (N, at most k); says so if some are everywhere."""
    neighbours = nearest_neighbours(labelled.features, k)
    if warning := hubness_warning(neighbours, len(labelled.ids)):
        logger.warning("%s", warning)
    return neighbours


def keep_names(labelled: Labelled, kept: NDArray[np.int64]) -> Labelled:
    """Drop all names but some; images that had one of the others have none.

    Args:
        labelled: the sample.
        kept: int64, ascending, the label ids to keep; with none, all stay.
    """
    vocabulary = labelled.vocabulary
    if not len(kept) or len(kept) == len(vocabulary.keys):
        return labelled
    place = np.full(len(vocabulary.keys) + 1, -1, np.int64)  # the last is that of -1
    place[kept] = np.arange(len(kept))
    smaller = Vocabulary(
        keys=tuple(vocabulary.keys[index] for index in kept),
        forms=tuple(vocabulary.forms[index] for index in kept),
        votes=tuple(vocabulary.votes[index] for index in kept),
    )
    return replace(labelled, vocabulary=smaller, labels=place[labelled.labels])


def sample_table(labelled: Labelled, said: dict[int, SampleName], features: Features) -> str:
    """What became of each image drawn, as CSV: path, answer, name, problem."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("path", "answer", "name", "problem"))
    forms = labelled.vocabulary.forms
    final = {
        image_id: forms[label] if label >= 0 else ""
        for image_id, label in zip(labelled.ids.tolist(), labelled.labels.tolist(), strict=True)
    }
    asked = {**dict.fromkeys(features.errors), **said}
    for image_id in sorted(asked, key=lambda each: features.paths[each]):
        answer = said.get(image_id, SampleName(None))
        problem = features.errors.get(image_id) or answer.problem or ""
        name = final.get(image_id, "")
        table.writerow((features.paths[image_id], answer.name or "", name, problem))
    return text.getvalue()


def _alike(
    config: FitNearConfig, inputs: NearInputs, vocabulary: Vocabulary, capacity: Capacity
) -> dict[str, str]:
    assert config.merge_similarity is not None
    matrix, _ = encode_names(config, inputs.clip, vocabulary.forms, SIMPLE_TEMPLATES, capacity)
    return merge_similar(vocabulary, matrix, config.merge_similarity)


def _voted(
    config: FitNearConfig, inputs: NearInputs, labelled: Labelled, capacity: Capacity
) -> Labelled:
    """Drop the names that no image of the sample gets from zero-shot CLIP."""
    forms = labelled.vocabulary.forms
    matrix, _ = encode_names(config, inputs.clip, forms, SIMPLE_TEMPLATES, capacity)
    voted = np.unique((labelled.features @ matrix.T).argmax(axis=1))
    logger.info("zero-shot CLIP gives %d of %d names to some image", len(voted), len(forms))
    return keep_names(labelled, voted)


def _say_what_is_odd(labelled: Labelled) -> None:
    names, given = len(labelled.vocabulary.keys), int((labelled.labels >= 0).sum())
    if names == 1:
        logger.warning(
            "all %d named images have one name, %r: there is nothing to tell apart",
            given,
            labelled.vocabulary.forms[0],
        )
    elif names == given > 1:
        logger.warning(
            "no two of the %d named images share a name, so neighbours cannot confirm each other; "
            "a larger --sample, a coarser --unit or --merge-similarity may help",
            given,
        )
