"""What a cascade works with, checked before Ray or a model starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors.classifier_store import clip_of, load_classifier
from actors.clip.alike_names import check_names_apart
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.labels.cascade import CHOOSE, DESCRIBE, ShownChoicePrompt
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from actors.mllm.request import ResponseFormat, Sampling
from methods.cascade.budget import Budget, parse_budget
from methods.choices import ChoiceReader
from methods.class_names import ClassNames
from methods.classifier import Classifier
from methods.errors import InputError
from ray_jobs.config import LabelCascadeConfig, PlanConfig
from ray_jobs.config.cascade import DEFAULT_BUDGET
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.stored import store_identity, store_of
from ray_jobs.runs.class_names import check_same_classes, read_classes
from ray_jobs.runs.learned_prompt import read_learned
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.templates import read_templates

logger = logging.getLogger(f"onoma.{__name__}")

METHOD: Final = "cascade"
_CATEGORY: Final = "object"


@dataclass(frozen=True)
class CascadeInputs:
    """What a cascade works with.

    Attributes:
        named: the classes, in the order of the class matrix.
        classifier: the one that was given; None where it is made of names.
        templates: of the prompts, where it is.
        clip, mllm: the models.
        describe: asked first with a learned prompt; None without one.
        choose: asks which of the classes shown it is.
        choices: classes that are shown.
        budget: what may be spent; None with a threshold, and where a pilot picks.
        learns: whether the answers teach a head, which takes images asked about at random.
        store: of features of images; None without one.
    """

    named: ClassNames
    classifier: Classifier | None
    templates: tuple[str, ...]
    clip: ClipModel
    mllm: MllmModel
    describe: Query | None
    choose: Query
    choices: int
    budget: Budget | None
    learns: bool
    store: EmbeddingStore | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, as models read them."""
        return self.named.names

    @property
    def calls_each(self) -> int:
        """Calls that one image takes."""
        return 1 if self.describe is None else 2

    @property
    def queries(self) -> tuple[Query, ...]:
        """What is asked about an image, in order."""
        return (self.choose,) if self.describe is None else (self.describe, self.choose)

    def identity(self, config: LabelCascadeConfig) -> dict[str, Any]:
        """What decides the rows."""
        engine = engine_options(config)
        own: dict[str, Any] = {"templates": list(self.templates)}
        if self.classifier is not None:
            own = {"classifier": self.classifier.identity}
        # the pilot of a plan is none of the job's
        pilot = None if isinstance(config, PlanConfig) else config.pilot
        return {
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **self.named.identity(),
            **own,
            **store_identity(self.store),
            "budget": None if config.threshold else (config.budget or DEFAULT_BUDGET),
            "threshold": config.threshold,
            **({"learn": config.seed} if self.learns else {"uncertainty": config.uncertainty}),
            "choices": self.choices,
            "shuffle": config.seed if config.shuffle else None,
            "clip_temperature": config.clip_temperature,
            **({} if pilot is None else {"pilot": [pilot, config.budget, config.accuracy]}),
            **{query.name: query.cache_identity(self.mllm, engine) for query in self.queries},
        }


def resolve_inputs(config: LabelCascadeConfig) -> CascadeInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work, or settings contradict each other.
    """
    budget, learns = _budget(config), _learns(config)
    classifier: Classifier | None = None
    templates: tuple[str, ...] = ()
    if config.classifier is None:
        named = read_classes(config.classes, METHOD)
        templates, clip = read_templates(config.templates), resolve_clip(config.clip)
        check_names_apart(clip, named, templates, f"--classes {config.classes}")
    else:
        classifier = load_classifier(config.classifier)
        if classifier.multi_label:
            raise InputError(
                f"--classifier {config.classifier} gives several labels an image, and cascade has "
                "a model choose one; give a classifier with one label an image"
            )
        if config.classes is not None:
            check_same_classes(config.classes, classifier.labels, config.classifier)
        given = config.clip if "clip" in config.model_fields_set else None
        clip = clip_of(classifier, given, config.classifier)
        named = classifier.classes
    if len(named) < 2:
        raise InputError(f"cascade chooses among classes, and there is one, {named.names[0]!r}")
    ChoiceReader(named.names, named.others)
    choices = min(config.choices, len(named))
    if choices < config.choices and "choices" in config.model_fields_set:
        logger.warning(
            "--choices %d: there are %d classes, and all of them are shown",
            config.choices,
            len(named),
        )
    store, mllm = store_of(config, clip), resolve_mllm(config.mllm)
    describe, choose = _queries(config, named, mllm)
    return CascadeInputs(
        named, classifier, templates, clip, mllm, describe, choose, choices, budget, learns, store
    )


def _budget(config: LabelCascadeConfig) -> Budget | None:
    """What may be spent; None with a threshold, and where a pilot picks.

    Raises:
        InputError: settings contradict each other.
    """
    if config.budget is not None and config.threshold is not None:
        raise InputError("--budget and --threshold say the same in two ways; give one of them")
    if config.accuracy is not None and config.pilot is None:
        raise InputError("--accuracy is what a pilot picks a budget for; give --pilot as well")
    if config.accuracy is not None and (config.budget or config.threshold):
        raise InputError("--accuracy has a pilot pick the budget; leave --budget, --threshold out")
    if config.threshold is not None:
        return None
    planned = isinstance(config, PlanConfig)
    if config.budget is None and config.pilot is not None and not planned:
        return None
    budget = parse_budget(config.budget or DEFAULT_BUDGET)
    if budget.unit == "hours" and config.pilot is not None and not planned:
        raise InputError(
            f"--budget {config.budget} is turned into images by the forecast of onoma plan "
            "cascade, whose pilot says what --pilot would; leave --pilot out"
        )
    if budget.unit == "calls" and config.pilot is not None and not planned:
        each = 1 if config.prompt is None else 2
        if config.pilot * each > budget.amount:
            raise InputError(
                f"--pilot {config.pilot} takes {config.pilot * each} calls, and --budget "
                f"{config.budget} allows {config.budget}; give a smaller pilot"
            )
    return budget


def _learns(config: LabelCascadeConfig) -> bool:
    """Whether the answers teach a head.

    Raises:
        InputError: another setting says who is asked, and the answers would be about no sample.
    """
    picks = config.pilot is not None and config.budget is None
    reasons = {
        "--threshold": config.threshold is not None,
        "--uncertainty": "uncertainty" in config.model_fields_set,
        "--pilot without --budget": picks and not isinstance(config, PlanConfig),
    }
    said = [name for name, given in reasons.items() if given]
    if config.learn and said:
        raise InputError(
            f"--learn asks about images at random, and {said[0]} asks about the uncertain ones, "
            "whose answers teach little about the others; leave one of the two out"
        )
    return not said if config.learn is None else config.learn


def _queries(
    config: LabelCascadeConfig, named: ClassNames, mllm: MllmModel
) -> tuple[Query | None, Query]:
    """A description's query, where a prompt was learned, and that of the choice."""
    learned = read_learned(config.prompt) if config.prompt is not None else {}
    category = config.category or learned.get("category", _CATEGORY)
    describe = None
    if learned:
        describe = image_query(config, DESCRIBE, ImagePrompt(learned["prompt"]), sampling(config))
    held: ResponseFormat = "guided" if mllm.engine == "vllm" else "none"
    form: ResponseFormat = held if config.answer_form == "auto" else config.answer_form
    needed = ("classes", "description") if describe else ("classes",)
    name = "choose_described" if describe else "choose"
    prompt = _choose_prompt(config, name, needed)
    builder = ShownChoicePrompt(prompt, category, named.names, form)
    how = Sampling(config.max_tokens)
    return describe, image_query(config, CHOOSE, builder, how)


def _choose_prompt(config: LabelCascadeConfig, name: str, needed: Sequence[str]) -> Any:
    if config.choose_prompt is None:
        return read_prompt(METHOD, name, None, needed, ("category",))
    return read_prompt(METHOD, "choose", config.choose_prompt, needed, ("category",))


def run_identity(config: LabelCascadeConfig, inputs: CascadeInputs) -> dict[str, Any]:
    """The identity of the run, as the folder and a forecast have it."""
    return {"method": METHOD, **inputs.identity(config), **reading_identity(config)}
