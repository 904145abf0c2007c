"""What a fit works with, checked before Ray or a model starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from actors import storage
from actors.clip.model import ClipModel, resolve_clip
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ColumnPrompt
from actors.mllm.query import Query
from actors.mllm.request import Sampling
from methods.class_matching import display_name
from methods.data_free.questions import KINDS, OPTIONAL, PLACEHOLDERS, Questions
from methods.data_free.settings import HIERARCHIES, CorpusSettings, GroupSettings, TrainSettings
from methods.errors import InputError
from methods.multi_label_scores import ScoreSettings
from ray_jobs.config import FitDataFreeConfig
from ray_jobs.passes.mllm_settings import engine_options, sampling
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.prompts import read_prompt

ANSWER = "answer"
"""Name of the query about classes, and of its column."""

METHOD = "data_free"


@dataclass(frozen=True)
class DataFreeInputs:
    """What a fit works with.

    Attributes:
        labels: class names as the user writes them.
        clip, mllm: the models.
        questions: what the LLM is asked, with the classes' names and synonyms.
        corpus, groups, training, scoring: settings.
    """

    labels: tuple[str, ...]
    clip: ClipModel
    mllm: MllmModel
    questions: Questions
    corpus: CorpusSettings
    groups: GroupSettings
    training: TrainSettings
    scoring: ScoreSettings

    @property
    def names(self) -> tuple[str, ...]:
        """Class names as models are asked about them."""
        return self.labels

    def identity(self, config: FitDataFreeConfig) -> dict[str, Any]:
        """What decides the classifier."""
        prompts = {kind: prompt.text for kind, prompt in self.questions.prompts.items()}
        return {
            "baseline": config.baseline,
            "clip": self.clip.fingerprint,
            "classes": list(self.labels),
            "synonyms": [list(words) for words in self.questions.synonyms],
            "prompts": prompts,
            "queries": [
                class_query(how).cache_identity(self.mllm, engine_options(config))
                for how in (sentence_sampling(config), greedy(config))
            ],
            "corpus": asdict(self.corpus),
            "groups": asdict(self.groups),
            "training": asdict(self.training),
            "scoring": {**asdict(self.scoring), "dense_mode": config.dense_mode},
        }


def resolve_inputs(config: FitDataFreeConfig) -> DataFreeInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work, or settings contradict each other.
    """
    labels = tuple(read_classes(config.classes, METHOD))
    names = tuple(display_name(name) for name in labels)
    synonyms = read_synonyms(config.synonyms, labels)
    prompts = {
        kind: read_prompt(
            METHOD, kind, getattr(config, f"{kind}_prompt"), PLACEHOLDERS[kind], OPTIONAL[kind]
        )
        for kind in KINDS
    }
    if len(labels) < 2:
        raise InputError("data_free ranks classes against each other; give at least two names")
    try:
        corpus, groups, training, scoring = _settings(config)
    except ValueError as error:
        raise InputError(f"settings of data_free: {error}") from error
    return DataFreeInputs(
        labels=labels,
        clip=resolve_clip(config.clip),
        mllm=resolve_mllm(config.mllm),
        questions=Questions(names, synonyms, prompts),
        corpus=corpus,
        groups=groups,
        training=training,
        scoring=scoring,
    )


def _settings(
    config: FitDataFreeConfig,
) -> tuple[CorpusSettings, GroupSettings, TrainSettings, ScoreSettings]:
    corpus = CorpusSettings(
        per_question=config.sentences,
        descriptions=config.descriptions,
        sets_per_class=config.sets_per_class,
        most_names=config.most_names,
        from_graph=config.graph_share,
        shortest=config.shortest_sentence,
        longest=config.longest_sentence,
        retries=config.answer_retries,
        label_source=config.label_source,
        min_per_class=config.min_per_class,
        max_per_class=config.max_per_class,
        use_templates=config.use_templates,
        template_repeats=config.template_repeats,
        seed=config.seed,
    )
    groups = GroupSettings(
        source=config.groups,
        count=config.group_count,
        max_group=config.max_group,
        least=config.least_relation,
        seed=config.seed,
    )
    training = TrainSettings(
        tokens=HIERARCHIES[config.hierarchy],
        local=config.local_prompts,
        text_scale=config.text_scale,
        margin=config.margin,
        kappa_text=config.kappa_text,
        batch=config.train_batch,
        epochs=config.epochs,
        optimizer=config.optimizer,
        lr=config.learning_rate,
        first_epochs=config.first_epochs,
        first_lr=config.first_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        level_rates=config.level_rates,
        held_out=config.held_out,
        selection=config.selection,
        mask_implied=config.mask_implied,
        implied_strength=config.implied_strength,
        seed=config.seed,
    )
    scoring = ScoreSettings(
        scale=config.text_scale, kappa_image=config.kappa_image, fusion=config.fusion
    )
    return corpus, groups, training, scoring


def sentence_sampling(config: FitDataFreeConfig) -> Sampling:
    """How sentences are sampled."""
    return sampling(config)


def class_query(how: Sampling) -> Query:
    """The query about classes; a row's text is what its response is filed under."""
    return Query(ANSWER, ColumnPrompt("text"), how)


def greedy(config: FitDataFreeConfig) -> Sampling:
    """How relations are answered."""
    return Sampling(config.max_tokens)


def read_synonyms(path: str | None, labels: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Read other words for classes; each class's own name comes first.

    Raises:
        InputError: not readable, a line without a colon, or a name that is no class.
    """
    found = {name: [display_name(name)] for name in labels}
    if path is None:
        return tuple(tuple(words) for words in found.values())
    where = f"--synonyms {path}"
    try:
        lines = storage.read_bytes(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: not a readable UTF-8 text file ({error})") from error
    for number, line in enumerate(lines, start=1):
        name, colon, words = line.partition(":")
        if not line.strip():
            continue
        if not colon or name.strip() not in found:
            what = "has no colon" if not colon else f"names {name.strip()!r}, which is no class"
            raise InputError(f"{where} line {number} {what}; write NAME: WORD, WORD")
        found[name.strip()] += [word.strip() for word in words.split(",") if word.strip()]
    return tuple(tuple(dict.fromkeys(words)) for words in found.values())
