"""What a job of What Do You See works with, checked before Ray or a model starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.classifier_store import clip_of, load_classifier
from actors.clip.model import ClipModel, resolve_clip
from actors.labels.class_matrix import ClassTexts
from actors.labels.what_do_you_see import DESCRIPTION, PREDICTION
from actors.mllm.generate import ImagePrompt
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.request import Sampling
from methods.class_matching import ClassMatcher, class_list
from methods.classifier import Classifier
from methods.errors import InputError
from methods.prompt import Prompt
from methods.what_do_you_see import Part
from ray_jobs.config import ClassTextsConfig, LabelWhatDoYouSeeConfig
from ray_jobs.passes.generate import PassQuery
from ray_jobs.pipelines.what_do_you_see.classes import METHOD, ClassInputs
from ray_jobs.runs.class_names import check_same_classes, read_classes, say_what_small_models_know
from ray_jobs.runs.prompts import read_prompt, read_prompts


def resolve_class_inputs(
    config: ClassTextsConfig, names: list[str], clip: ClipModel
) -> ClassInputs:
    """Read the files and find the models that the settings about classes name.

    Raises:
        InputError: one of them cannot work.
    """
    ClassMatcher(names)
    prompts = read_prompts(METHOD, "class", config.class_prompts, ("class",))
    wanted = "descriptions" in config.class_parts
    greedy = config.class_temperature == 0
    mllm = resolve_mllm(config.mllm)
    say_what_small_models_know(clip.name, mllm.name, names)
    texts = ClassTexts(
        names=tuple(names),
        parts=tuple(config.class_parts),
        prompts=prompts,
        # greedy answers to one prompt are one answer
        answers=min(config.class_answers, len(prompts)) if greedy else config.class_answers,
        long_text=config.long_text,
    )
    sampling = Sampling(config.max_tokens, config.class_temperature, config.top_p, config.seed)
    rounds = (1 if greedy else config.class_rounds) if wanted else 0
    return ClassInputs(texts, clip, mllm, sampling, rounds)


@dataclass(frozen=True)
class Inputs:
    """What a labelling run works with, checked before Ray or a model starts.

    Attributes:
        names: of the classes, in the order of the class matrix.
        classes: the classifier that was given, or how the run fits its own.
        clip, mllm: the models.
        describe, predict: the prompts.
        weights: of the parts in the fused query.
    """

    names: tuple[str, ...]
    classes: Classifier | ClassInputs
    clip: ClipModel
    mllm: MllmModel
    describe: Prompt
    predict: Prompt
    weights: dict[Part, float]

    def matrix_identity(self) -> Any:
        """What decides the class matrix."""
        if isinstance(self.classes, Classifier):
            return self.classes.identity
        return self.classes.identity()

    def asks(self, config: LabelWhatDoYouSeeConfig) -> list[PassQuery]:
        """What is asked about images: nothing about parts that weigh nothing."""
        common = {"model": self.mllm.fingerprint, "max_side": config.max_side}
        texts: dict[Part, str] = {
            DESCRIPTION: self.describe.text,
            PREDICTION: self.predict.fill(classes=class_list(self.names)),
        }
        temperatures = {DESCRIPTION: config.temperature, PREDICTION: config.predict_temperature}
        asked = []
        for part, text in texts.items():
            if not self.weights[part]:
                continue
            sampling = Sampling(config.max_tokens, temperatures[part], config.top_p, config.seed)
            identity = {**common, "prompt": text, "sampling": sampling.identity()}
            asked.append(PassQuery(part, ImagePrompt(text, sampling), identity))
        return asked


def resolve_inputs(config: LabelWhatDoYouSeeConfig) -> Inputs:
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
    describe = read_prompt(METHOD, "describe", config.describe_prompt)
    predict = read_prompt(METHOD, "predict", config.predict_prompt, ("classes",))
    mllm = resolve_mllm(config.mllm)
    if config.classifier is None:
        clip = resolve_clip(config.clip)
        names = read_classes(config.classes, METHOD)
        classes = resolve_class_inputs(config, names, clip)
        return Inputs(tuple(names), classes, clip, mllm, describe, predict, weights)
    classifier = load_classifier(config.classifier)
    if config.classes is not None:
        check_same_classes(config.classes, classifier.labels, config.classifier)
    given = config.clip if "clip" in config.model_fields_set else None
    clip = clip_of(classifier, given, config.classifier)
    ClassMatcher(classifier.labels)
    say_what_small_models_know(clip.name, mllm.name, classifier.labels)
    return Inputs(classifier.labels, classifier, clip, mllm, describe, predict, weights)
