"""What a job of What Do You See works with, checked before Ray or a model starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.classifier_store import clip_of, load_classifier
from actors.clip.alike_names import check_names_apart
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.labels.what_do_you_see import DESCRIPTION, PREDICTION
from actors.labels.what_do_you_see_classes import ClassTexts
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from methods.class_matching import ClassMatcher, class_list
from methods.class_matrix import PLACEHOLDER
from methods.class_names import ClassNames
from methods.classifier import Classifier
from methods.errors import InputError
from methods.what_do_you_see import TEMPLATE, Part
from ray_jobs.config import ClassTextsConfig, LabelWhatDoYouSeeConfig
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.stored import refuse_store, store_identity, store_of
from ray_jobs.pipelines.what_do_you_see.classes import METHOD, ClassInputs
from ray_jobs.runs.class_names import check_same_classes, read_classes
from ray_jobs.runs.prompts import read_prompt, read_prompts


def resolve_class_inputs(
    config: ClassTextsConfig, classes: ClassNames, clip: ClipModel
) -> ClassInputs:
    """Read the files and find the models that the settings about classes name.

    Raises:
        InputError: one of them cannot work.
    """
    ClassMatcher(classes.names, classes.others)
    prompts = read_prompts(METHOD, "class", config.class_prompts, ("class",))
    wanted = "descriptions" in config.class_parts
    where, written = f"--classes {config.classes}", (TEMPLATE, PLACEHOLDER)
    check_names_apart(clip, classes, written, where, underscores=True, refuse=not wanted)
    greedy = config.class_temperature == 0
    mllm = resolve_mllm(config.mllm)
    texts = ClassTexts(
        names=classes.names,
        parts=tuple(config.class_parts),
        prompts=prompts,
        # greedy answers to one prompt are one answer
        answers=min(config.class_answers, len(prompts)) if greedy else config.class_answers,
        long_text=config.long_text,
    )
    drawn = sampling(config, temperature=config.class_temperature)
    rounds = (1 if greedy else config.class_rounds) if wanted else 0
    return ClassInputs(classes, texts, clip, mllm, drawn, rounds)


@dataclass(frozen=True)
class WhatDoYouSeeInputs:
    """What a labelling run works with, checked before Ray or a model starts.

    Attributes:
        named: the classes, in the order of the class matrix.
        classes: the classifier that was given, or how the run fits its own.
        clip, mllm: the models.
        queries: what is asked about each image.
        weights: of the parts in the fused query.
        store: of features of images; None without one.
    """

    named: ClassNames
    classes: Classifier | ClassInputs
    clip: ClipModel
    mllm: MllmModel
    queries: tuple[Query, ...]
    weights: dict[Part, float]
    store: EmbeddingStore | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, as models read them."""
        return self.named.names

    def identity(self, config: LabelWhatDoYouSeeConfig) -> dict[str, Any]:
        """What decides the rows."""
        own, engine = self.classes, engine_options(config)
        return {
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **store_identity(self.store),
            **self.named.identity(),
            "class_matrix": (own.identity if isinstance(own, Classifier) else own.identity(config)),
            "weights": self.weights,
            "long_text": config.long_text,
            "published_pixels": config.published_pixels,
            **{query.name: query.cache_identity(self.mllm, engine) for query in self.queries},
        }


def _queries(
    config: LabelWhatDoYouSeeConfig, names: Sequence[str], weights: Mapping[Part, float]
) -> tuple[Query, ...]:
    """What is asked about images: nothing about parts that weigh nothing."""
    describe = read_prompt(METHOD, "describe", config.describe_prompt)
    predict = read_prompt(METHOD, "predict", config.predict_prompt, ("classes",))
    texts: dict[Part, str] = {
        DESCRIPTION: describe.text,
        PREDICTION: predict.fill(classes=class_list(names, config.class_list)),
    }
    temperatures = {DESCRIPTION: config.temperature, PREDICTION: config.predict_temperature}
    return tuple(
        image_query(
            config, part, ImagePrompt(text), sampling(config, temperature=temperatures[part])
        )
        for part, text in texts.items()
        if weights[part]
    )


def resolve_inputs(config: LabelWhatDoYouSeeConfig) -> WhatDoYouSeeInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    weights: dict[Part, float] = {
        "image": config.image_weight,
        "description": config.description_weight,
        "prediction": config.prediction_weight,
    }
    if not (weights["description"] or weights["prediction"]):
        raise InputError(
            "--description-weight and --prediction-weight are both 0, so no model is to be asked: "
            "label with the image alone is onoma label --classifier DIR"
        )
    if config.published_pixels:
        refuse_store(config, "--published-pixels prepares images in another way than it was made")
    mllm = resolve_mllm(config.mllm)
    if config.classifier is None:
        clip = resolve_clip(config.clip)
        named = read_classes(config.classes, METHOD)
        own = resolve_class_inputs(config, named, clip)
        queries = _queries(config, named.names, weights)
        return WhatDoYouSeeInputs(named, own, clip, mllm, queries, weights, store_of(config, clip))
    classifier = load_classifier(config.classifier)
    if config.classes is not None:
        check_same_classes(config.classes, classifier.labels, config.classifier)
    given = config.clip if "clip" in config.model_fields_set else None
    clip = clip_of(classifier, given, config.classifier)
    named = classifier.classes
    ClassMatcher(named.names, named.others)
    queries = _queries(config, named.names, weights)
    store = store_of(config, clip)
    return WhatDoYouSeeInputs(named, classifier, clip, mllm, queries, weights, store)
