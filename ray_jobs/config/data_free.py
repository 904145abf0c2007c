"""Settings of data-free multi-label recognition."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from methods.data_free.settings import GroupSource, Hierarchy, LabelSource, Optimizer, Selection
from methods.dense import DenseMode
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingConfig, ClipConfig, Positive

_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Rate = Annotated[float, Field(gt=0)]
Baseline = Literal["none", "zero_shot", "zero_shot_dense"]


class FitDataFreeConfig(PublishedConfig, AskingConfig, ClipConfig):
    """Make a multi-label classifier from class names alone: an LLM's sentences stand in for images.

    A reconstruction of arXiv 2403.01209, whose own values are not known to us: defaults are
    TaI-DPT's where it has such a value, else ours (docs/methods/data_free.md).
    """

    method: Literal["data_free"] = "data_free"
    classes: str | None = Field(
        None, description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER"
    )
    images: str | None = Field(None, description="not read: this method learns from names alone")
    out: str = Field(
        description="classifier folder, local or s3://; run the same command again to resume"
    )
    synonyms: str | None = Field(
        None,
        description="file of other words for classes, NAME: WORD, WORD a line, by which sentences "
        "are found to name them",
    )
    captions: str | None = Field(
        None,
        description="file of captions to learn from in place of an LLM's sentences, which are then "
        "not asked for: one a line, or COCO's captions_*.json. With --hierarchy shared and "
        "--max-per-class 1000000 that is TaI-DPT, and no LLM is started",
    )
    baseline: Baseline = Field(
        "none",
        description="none trains prompts; zero_shot takes a photo of a NAME for whole images, "
        "zero_shot_dense for their positions as well: both ask nothing",
    )
    max_tokens: Positive = Field(512, description="longest answer, in tokens")
    temperature: Annotated[float, Field(ge=0)] = Field(
        0.7, description="of sentences; relations are greedy"
    )
    characteristics_prompt: str | None = Field(
        None, description="file with the request for sentences on what a {class} looks like"
    )
    contexts_prompt: str | None = Field(
        None, description="file with the request for sentences on where a {class} is seen"
    )
    cooccurrence_prompt: str | None = Field(
        None, description="file with the question which of {others} are seen with a {class}"
    )
    attributes_prompt: str | None = Field(
        None, description="file with the question which of {others} look like a {class}"
    )
    scenes_prompt: str | None = Field(
        None, description="file with the request for captions that name all of {names}"
    )
    relation_names: Positive = Field(
        20,
        description="other classes that one question about a class's relations lists: of many "
        "classes, each is asked about in pieces, so that its answer fits --max-tokens",
    )
    sentences: Positive = Field(5, description="sentences asked for at once")
    descriptions: _Count = Field(
        4, description="how often characteristics and contexts of each class are asked for"
    )
    sets_per_class: _Count = Field(
        40, description="sets of classes, beginning with each class, that captions are asked for"
    )
    most_names: Positive = Field(5, description="classes in such a set, at most")
    graph_share: _Share = Field(
        0.5, description="share of the sets that follow what the model says is seen together"
    )
    shortest_sentence: Positive = Field(3, description="words of a usable sentence, at least")
    longest_sentence: Positive = Field(60, description="words of a usable sentence, at most")
    answer_retries: _Count = Field(2, description="how often an unusable answer is asked for again")
    label_source: LabelSource = Field(
        "nouns",
        description="labels of a sentence: the classes it names, those it was asked for (prompt), "
        "or those that are both (intersection)",
    )
    min_per_class: _Count = Field(
        200, description="sentences of a class below which it is reported as short of text"
    )
    max_per_class: Positive = Field(
        1000, description="sentences of a class, at most, each counted for its rarest class"
    )
    use_templates: bool = Field(True, description="add photo templates of each class")
    templates: str = Field(
        "imagenet",
        description="which: imagenet (open_clip's 80 ImageNet templates, as TaI-DPT), simple (a "
        "photo of a {}.), or a file, one a line, each with {} for the name",
    )
    template_repeats: _Count = Field(
        9, description="how often the plain one, the first of a file, is there besides"
    )
    hierarchy: Hierarchy = Field(
        "both",
        description="which tokens of a prompt are shared: none (each class has its own), shared "
        "(one prompt for all, TaI-DPT's), by classes that look alike (attribute), by those seen "
        "together (context), or both",
    )
    groups: GroupSource = Field(
        "llm",
        description="where groups of classes come from: the model's answers (llm), CLIP's features "
        "of the names, or chance, in groups of the same sizes (random); none for no groups",
    )
    group_count: Positive | None = Field(
        None, description="groups of each kind [default: a sixth of the classes, 4 to 16]"
    )
    max_group: Positive = Field(12, description="classes in a group, at most")
    least_relation: _Rate = Field(
        1.0, description="strength, of 0 to 3, below which two classes are not related"
    )
    local_prompts: bool = Field(True, description="a second bank of prompts, for image positions")
    epochs: Positive = Field(20, description="passes over the sentences")
    least_steps: _Count = Field(
        0,
        description="steps of training, at least: epochs are added until they make so many. "
        "TaI-DPT makes about 4,600 of its 118,000 captions; a few thousand sentences make hundreds",
    )
    train_batch: Positive = Field(512, description="sentences a step")
    optimizer: Optimizer = Field("sgd", description="sgd, or adam")
    learning_rate: _Rate | None = Field(None, description="[default: 1e-4 for sgd, 1e-3 for adam]")
    first_epochs: _Count = Field(1, description="epochs at --first-rate before that")
    first_rate: _Rate = Field(1e-5, description="learning rate of the first epochs")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="of sgd")
    weight_decay: Annotated[float, Field(ge=0)] = Field(5e-4, description="of either optimizer")
    level_rates: bool | None = Field(
        None,
        description="higher rates for tokens that fewer classes share [default: with sgd, as adam "
        "evens gradients out]",
    )
    margin: float = Field(1.0, description="of the ranking loss")
    text_scale: _Rate = Field(4.0, description="what cosines are multiplied by")
    kappa_text: Annotated[float, Field(ge=0)] = Field(
        50.0, description="how sharply a local score attends to a sentence's closest tokens"
    )
    kappa_image: Annotated[float, Field(ge=0)] = Field(
        40.0, description="the same for an image's positions; TaI-DPT has 4 for NUS-WIDE"
    )
    fusion: _Share = Field(0.5, description="weight of the local score")
    dense_mode: DenseMode = Field(
        "auto", description="how local image features are computed, see actors/clip/dense.py"
    )
    held_out: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="share of the sentences that tunes thresholds and is not trained on"
    )
    selection: Selection = Field(
        "last", description="epoch that is kept: the last, or best_held_out on sentences"
    )
    mask_implied: bool = Field(
        False,
        description="no negatives of classes that a sentence does not name but that are often seen "
        "with those it names",
    )
    implied_strength: _Rate = Field(2.0, description="strength, of 0 to 3, from which that holds")
    checkpoint_seconds: Annotated[float, Field(ge=0)] = Field(
        15.0, description="how often training keeps what it takes to go on, at an epoch's end"
    )
