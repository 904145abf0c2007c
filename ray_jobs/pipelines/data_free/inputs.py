"""What a fit works with, checked before Ray or a model starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from actors.clip.alike_names import check_names_apart
from actors.clip.model import ClipModel, resolve_clip
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ColumnPrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from methods.class_matching import display_name
from methods.class_names import ClassNames
from methods.data_free.questions import KINDS, OPTIONAL, PLACEHOLDERS, Questions
from methods.data_free.settings import (
    HIERARCHIES,
    CorpusSettings,
    DataFreeTrainSettings,
    GroupSettings,
)
from methods.errors import InputError
from methods.multi_label_scores import ScoreSettings
from methods.prompt_templates import SIMPLE_TEMPLATES
from ray_jobs.config import FitDataFreeConfig, settings_from
from ray_jobs.passes.mllm_settings import engine_options, sampling
from ray_jobs.runs.captions import Captions, read_captions
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.templates import read_templates
from ray_jobs.runs.text_files import read_text

ANSWER = "answer"
"""Name of the query about classes, and of its column."""

METHOD = "data_free"


@dataclass(frozen=True)
class DataFreeInputs:
    """What a fit works with.

    Attributes:
        classes: ids and names, as the user writes them.
        clip, mllm: the models.
        questions: what the LLM is asked, with the classes' names and synonyms.
        templates: of the sentences about each class alone; none where they are left out.
        corpus, groups, training, scoring: settings.
        captions: in place of an LLM's sentences; None where it is asked for them.
    """

    classes: ClassNames
    clip: ClipModel
    mllm: MllmModel
    questions: Questions
    templates: tuple[str, ...]
    corpus: CorpusSettings
    groups: GroupSettings
    training: DataFreeTrainSettings
    scoring: ScoreSettings
    captions: Captions | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What images are labelled with: names, or ids where the class file has some."""
        return self.classes.ids

    @property
    def names(self) -> tuple[str, ...]:
        """Class names as models are asked about them."""
        return self.classes.names

    def identity(self, config: FitDataFreeConfig) -> dict[str, Any]:
        """What decides the classifier."""
        prompts = {kind: prompt.text for kind, prompt in self.questions.prompts.items()}
        return {
            "baseline": config.baseline,
            "clip": self.clip.fingerprint,
            **self.classes.identity(),
            "synonyms": [list(words) for words in self.questions.synonyms],
            "prompts": prompts,
            "templates": list(self.templates),
            "relation_names": config.relation_names,
            "queries": [
                class_query(how).cache_identity(self.mllm, engine_options(config))
                for how in (sentence_sampling(config), greedy(config))
            ],
            "corpus": asdict(self.corpus),
            "groups": asdict(self.groups),
            "training": asdict(self.training),
            **({"captions": self.captions.digest} if self.captions else {}),
            "scoring": {**asdict(self.scoring), "dense_mode": config.dense_mode},
        }


def resolve_inputs(config: FitDataFreeConfig) -> DataFreeInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work, or settings contradict each other.
    """
    classes = read_classes(config.classes, METHOD)
    names = tuple(display_name(name) for name in classes.names)
    own = [(name, *others) for name, others in zip(names, classes.others, strict=True)]
    synonyms = read_synonyms(config.synonyms, classes.ids, own)
    prompts = {
        kind: read_prompt(
            METHOD, kind, getattr(config, f"{kind}_prompt"), PLACEHOLDERS[kind], OPTIONAL[kind]
        )
        for kind in KINDS
    }
    if len(classes) < 2:
        raise InputError("data_free ranks classes against each other; give at least two names")
    try:
        corpus = settings_from(config, CorpusSettings)
        groups = settings_from(config, GroupSettings)
        training = settings_from(
            config, DataFreeTrainSettings, tokens=HIERARCHIES[config.hierarchy]
        )
        scoring = settings_from(config, ScoreSettings, scale=config.text_scale)
    except ValueError as error:
        raise InputError(f"settings of data_free: {error}") from error
    clip, where = resolve_clip(config.clip), f"--classes {config.classes}"
    check_names_apart(clip, classes, SIMPLE_TEMPLATES, where, underscores=True)
    return DataFreeInputs(
        classes=classes,
        clip=clip,
        mllm=resolve_mllm(config.mllm),
        questions=Questions(names, synonyms, prompts),
        templates=read_templates(config.templates) if config.use_templates else (),
        corpus=corpus,
        groups=groups,
        training=training,
        scoring=scoring,
        captions=read_captions(config.captions) if config.captions else None,
    )


def sentence_sampling(config: FitDataFreeConfig) -> Sampling:
    """How sentences are sampled."""
    return sampling(config)


def class_query(how: Sampling) -> Query:
    """The query about classes; a row's text is what its response is filed under."""
    return Query(ANSWER, ColumnPrompt("text"), how)


def greedy(config: FitDataFreeConfig) -> Sampling:
    """How relations are answered."""
    return Sampling(config.max_tokens)


def read_synonyms(
    path: str | None, labels: Sequence[str], own: Sequence[Sequence[str]] | None = None
) -> tuple[tuple[str, ...], ...]:
    """Read other words for classes; each class's own words come first.

    Args:
        path: file of lines ``LABEL: WORD, WORD``; None where there is none.
        labels: of the classes.
        own: of each class its name and what the class file calls it besides; by default its label.

    Raises:
        InputError: not readable, a line without a colon, or a name that is no class.
    """
    words_of = own or [(display_name(label),) for label in labels]
    synonyms = {label: list(words) for label, words in zip(labels, words_of, strict=True)}
    lines = [] if path is None else read_text("--synonyms", path).splitlines()
    for number, line in enumerate(lines, start=1):
        name, colon, words = line.partition(":")
        if not line.strip():
            continue
        if not colon or name.strip() not in synonyms:
            problem = "has no colon" if not colon else f"names {name.strip()!r}, which is no class"
            raise InputError(f"--synonyms {path} line {number} {problem}; write NAME: WORD, WORD")
        synonyms[name.strip()] += [word.strip() for word in words.split(",") if word.strip()]
    return tuple(tuple(dict.fromkeys(words)) for words in synonyms.values())
