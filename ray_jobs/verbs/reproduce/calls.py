"""How often the runs of a table ask a multimodal LLM, counted beforehand from their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ray_jobs.config import (
    ClassTextsConfig,
    FitAutosepConfig,
    FitDataFreeConfig,
    LabelAutosepConfig,
    LabelClustersConfig,
    LabelWhatDoYouSeeConfig,
)
from ray_jobs.verbs.reproduce.steps import PaperStep


def calls_at_most(step: PaperStep) -> int:
    """Questions that a step asks, if no answer is known and none is asked for again.

    What is asked again after an unusable answer comes on top. A search on labels is counted as if
    it were AutoSEP's.
    """
    count = _COUNTS.get(step.verb)
    return count(step, step.config()) if count else 0


def _tlac(step: PaperStep, _: Any) -> int:
    return 2 * step.images  # the second for each distinct description


def _one(step: PaperStep, _: Any) -> int:
    return step.images


def _label_autosep(step: PaperStep, config: LabelAutosepConfig) -> int:
    shown = config.shots if config.shot_labels == "mllm" else 0
    return step.images * (2 if config.description else config.votes) + shown


def _clusters(step: PaperStep, config: LabelClustersConfig) -> int:
    return min(step.images, (config.clusters or step.classes) * config.examples)


def _fit_autosep(step: PaperStep, config: FitAutosepConfig) -> int:
    """Section 3 of the specification: describe, mine, reflect, modify, paraphrase, score."""
    images = min(config.sample, step.images)
    if config.objective == "spo":  # a reason and a prompt; both prompts' descriptions, preferred
        return config.rounds * (2 + 3 * min(config.minibatch, images))
    batch = min(config.minibatch, images)
    made = config.reflections * config.prompts_per_reflection
    paraphrases = config.paraphrases * (made + 1)
    children = made + paraphrases
    kept = children if config.max_children is None else min(config.max_children, children)
    each = config.negatives * batch + 2 * config.reflections + paraphrases
    each += kept * images * (1 + config.negatives)
    first = images * (1 + config.negatives)
    parents = 1 + config.beam * max(0, config.rounds - 1) if config.rounds else 0
    return first + parents * each


def _class_texts(step: PaperStep, config: ClassTextsConfig) -> int:
    return step.classes * config.class_answers if "descriptions" in config.class_parts else 0


def _what_do_you_see(step: PaperStep, config: LabelWhatDoYouSeeConfig) -> int:
    asked = (config.description_weight > 0) + (config.prediction_weight > 0)
    return step.images * asked + _class_texts(step, config)


def _data_free(step: PaperStep, config: FitDataFreeConfig) -> int:
    if config.baseline != "none" or config.captions:
        return 0
    # characteristics and contexts, captions of sets, and two relations of each class
    return step.classes * (2 * config.descriptions + config.sets_per_class + 2)


_COUNTS: Final[Mapping[str, Callable[[PaperStep, Any], int]]] = {
    "label slac": _one,
    "label tlac": _tlac,
    "label mllm_names": _one,
    "label autosep": _label_autosep,
    "label what_do_you_see": _what_do_you_see,
    "label clusters": _clusters,
    "fit what_do_you_see": _class_texts,
    "fit near": _one,
    "fit finer": _tlac,  # a description of each image, and guesses from each distinct one
    "fit autosep": _fit_autosep,
    "fit data_free": _data_free,
}
