"""How sentences are gathered, prompts are trained and images are scored.

The fields that a user may set are named as the flags of ``fit data_free``.

Defaults are TaI-DPT's (Guo et al. 2023) where that work has such a value, else ours: those of the
paper (arXiv 2403.01209) are not known to us.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

Hierarchy = Literal["none", "shared", "attribute", "context", "both"]
GroupSource = Literal["llm", "clip_text_kmeans", "random", "none"]
LabelSource = Literal["nouns", "prompt", "intersection"]
Optimizer = Literal["sgd", "adam"]
Selection = Literal["last", "best_held_out"]


@dataclass(frozen=True)
class TokenCounts:
    """How many context tokens a prompt has of each level; the sizes are ours.

    Attributes:
        shared: of all classes.
        attribute: of the classes that look alike.
        context: of the classes that are seen together.
        own: of the class alone.
    """

    shared: int = 4
    attribute: int = 4
    context: int = 4
    own: int = 4

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        if min(self.shared, self.attribute, self.context, self.own) < 0 or not self.total:
            raise ValueError("token counts must be 0 or more, and one of them at least 1")

    @property
    def total(self) -> int:
        """Tokens before each class name."""
        return self.shared + self.attribute + self.context + self.own


HIERARCHIES: Final[dict[Hierarchy, TokenCounts]] = {
    "none": TokenCounts(0, 0, 0, 16),
    "shared": TokenCounts(16, 0, 0, 0),
    "attribute": TokenCounts(0, 8, 0, 8),
    "context": TokenCounts(0, 0, 8, 8),
    "both": TokenCounts(4, 4, 4, 4),
}
"""Token counts by name: from each class for itself to TaI-DPT's one prompt for all."""


@dataclass(frozen=True)
class CorpusSettings:
    """How sentences are gathered. All of it is ours but the NUS cap of 1,000, which is TaI-DPT's.

    Attributes:
        sentences: sentences asked for at once. Large models give 20; the one that comes with the
            project knows requests for 1 to 5.
        descriptions: how often characteristics and contexts of a class are asked for.
        sets_per_class: label sets that start at each class.
        most_names: classes in a label set, at most.
        graph_share: share of label sets that follow the co-occurrence graph; others are uniform.
        shortest_sentence, longest_sentence: words of a usable sentence.
        answer_retries: how often an unusable answer is asked for again.
        label_source: what a sentence's labels are: the classes it names, those it was asked for, or
            those that are both.
        min_per_class: sentences below which a class is reported as short of text.
        max_per_class: sentences of a class, at most, each counted for its rarest class.
        use_templates: whether plain photo templates of each class are added.
        template_repeats: how often the first template is added.
        seed: of label sets, and of what is kept.
    """

    sentences: int = 5
    descriptions: int = 1
    sets_per_class: int = 40
    most_names: int = 5
    graph_share: float = 0.5
    shortest_sentence: int = 3
    longest_sentence: int = 60
    answer_retries: int = 2
    label_source: LabelSource = "nouns"
    min_per_class: int = 200
    max_per_class: int = 1000
    use_templates: bool = True
    template_repeats: int = 9
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        _one_of("label_source", self.label_source, LabelSource)
        _at_least(
            1,
            sentences=self.sentences,
            most_names=self.most_names,
            shortest_sentence=self.shortest_sentence,
            max_per_class=self.max_per_class,
        )
        _at_least(
            0,
            descriptions=self.descriptions,
            sets_per_class=self.sets_per_class,
            answer_retries=self.answer_retries,
            min_per_class=self.min_per_class,
            template_repeats=self.template_repeats,
        )
        _share("graph_share", self.graph_share)
        if self.longest_sentence < self.shortest_sentence:
            raise ValueError("longest_sentence must not be below shortest_sentence")
        if self.max_per_class < self.min_per_class:
            raise ValueError("max_per_class must not be below min_per_class")


@dataclass(frozen=True)
class GroupSettings:
    """Which classes share tokens; ours.

    Attributes:
        groups: ``llm``, the model's answers; ``clip_text_kmeans``, CLIP's features of the names,
            without an LLM; ``random``, groups of the sizes that ``llm`` gives, as a control;
            ``none``, each class for itself.
        group_count: of each kind; by default a sixth of the classes, within 4 and 16.
        max_group: classes in a group, at most.
        least_relation: strength below which two classes are not related, of strengths from 0 to 3.
        seed: of random groups.
    """

    groups: GroupSource = "llm"
    group_count: int | None = None
    max_group: int = 12
    least_relation: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        _one_of("groups", self.groups, GroupSource)
        _at_least(1, max_group=self.max_group)
        if self.group_count is not None:
            _at_least(1, group_count=self.group_count)
        if self.least_relation <= 0:
            raise ValueError("least_relation must be above 0")


@dataclass(frozen=True)
class DataFreeTrainSettings:
    """How prompts are trained.

    Attributes:
        tokens: context tokens of each level.
        local_prompts: whether a second bank of prompts is trained on token features.
        text_scale: what cosines are multiplied by; belongs together with the margin.
        margin: of the ranking loss, which is a sum over pairs.
        kappa_text: how sharply the local score attends to the tokens closest to a class.
        train_batch: texts a step.
        epochs: passes over the texts.
        least_steps: for which epochs are added (`for_texts`); 0 for none.
        optimizer: ``sgd`` (TaI-DPT) or ``adam`` (CoMC).
        learning_rate: after the first epochs; by default 1e-4 for sgd, 1e-3 for adam. TaI-DPT takes
            1e-3 for NUS-WIDE.
        first_epochs, first_rate: epochs at a constant rate before that, and the rate.
        momentum: of sgd.
        weight_decay: of either.
        level_rates: multiply the rate of tokens by the square root of (classes / classes that share
            them), as tokens that more classes share get larger gradients; by default with sgd only,
            as adam evens gradients out itself. Ours.
        held_out: share of texts that are not trained on, drawn by a hash of the text. Ours.
        selection: which epoch is kept: the last, or the one with the best mAP on held-out text.
            Never chosen on images.
        mask_implied: leave a class that a text does not name out of its negatives where one that it
            names is often in the same picture. Ours.
        implied_strength: co-occurrence strength from which that holds, of 0 to 3.
        seed: of first tokens and of the order of texts.
    """

    tokens: TokenCounts = field(default_factory=TokenCounts)
    local_prompts: bool = True
    text_scale: float = 4.0
    margin: float = 1.0
    kappa_text: float = 50.0
    train_batch: int = 512
    epochs: int = 20
    least_steps: int = 0
    optimizer: Optimizer = "sgd"
    learning_rate: float | None = None
    first_epochs: int = 1
    first_rate: float = 1e-5
    momentum: float = 0.9
    weight_decay: float = 5e-4
    level_rates: bool | None = None
    held_out: float = 0.1
    selection: Selection = "last"
    mask_implied: bool = False
    implied_strength: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what cannot be meant."""
        _one_of("optimizer", self.optimizer, Optimizer)
        _one_of("selection", self.selection, Selection)
        _at_least(1, train_batch=self.train_batch, epochs=self.epochs)
        _at_least(0, first_epochs=self.first_epochs, weight_decay=self.weight_decay)
        _at_least(0, least_steps=self.least_steps)
        _share("held_out", self.held_out)
        if self.held_out == 1:
            raise ValueError("held_out must be below 1, or nothing is left to train on")
        if self.selection == "best_held_out" and not self.held_out:
            raise ValueError("selection best_held_out needs held_out above 0")
        if self.text_scale <= 0 or self.kappa_text < 0 or self.rate <= 0:
            raise ValueError("text_scale and learning_rate must be above 0, kappa_text 0 or more")

    def steps(self, texts: int) -> int:
        """Steps that training on so many texts makes."""
        return self.epochs * -(-texts // self.train_batch)

    def for_texts(self, texts: int) -> DataFreeTrainSettings:
        """The same with as many epochs as make ``least_steps`` of so many texts; never fewer."""
        an_epoch = max(1, -(-texts // self.train_batch))
        return replace(self, epochs=max(self.epochs, -(-self.least_steps // an_epoch)))

    @property
    def rate(self) -> float:
        """The learning rate: the one given, or the optimizer's default."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-4 if self.optimizer == "sgd" else 1e-3

    @property
    def multiply_rates(self) -> bool:
        """Whether levels have rates of their own: as given, or the optimizer's default."""
        return self.optimizer == "sgd" if self.level_rates is None else self.level_rates


def _one_of(name: str, value: str, kind: Any) -> None:
    if value not in get_args(kind):
        raise ValueError(f"{name} is {value!r}; use one of {', '.join(get_args(kind))}")


def _at_least(least: int, **values: float) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} is {value}; it must be {least} or more")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}; it must be a share from 0 to 1")
