"""Settings of AutoSEP: learning a description prompt, and labelling with it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from methods.autosep.few_shot import ShotLabels
from methods.autosep.parsing import ComparisonReading
from methods.autosep.settings import IMPROVEMENTS, Improvement, ObjectiveName
from ray_jobs.config.published import PublishedConfig
from ray_jobs.config.shared import AskingImagesConfig, GrowingConfig, Positive

_WORD = Annotated[str, Field(min_length=1)]


class DescribingConfig(PublishedConfig, AskingImagesConfig):
    """How images are described, and classified with the description at hand."""

    classes: str | None = Field(
        None, description="file of classes, one a line: NAME, or ID<TAB>NAME<TAB>OTHER|OTHER"
    )
    max_tokens: Positive = Field(1024, description="longest description, in tokens")
    temperature: Annotated[float, Field(ge=0)] = Field(0.7, description="of descriptions")
    answer_tokens: Positive = Field(
        32, description="longest answer that chooses a class, in tokens; the published code has 16"
    )
    classify_prompt: str | None = Field(
        None,
        description="file with the question for the class; {classes} and {description} are put in; "
        "published asks for a letter, as the published code does [default: one that fits any "
        "classes]",
    )
    vanilla_prompt: str | None = Field(
        None,
        description="the same without a description, a file or published; {classes} is put in "
        "[default: as above]",
    )


class FitAutosepConfig(DescribingConfig):
    """Learn a description prompt from unlabelled images with AutoSEP."""

    method: Literal["autosep"] = "autosep"
    out: str = Field(
        description="folder for the prompt and its history; run the same command again to resume"
    )
    category: _WORD = Field("object", description="what all images show, such as bird or car")
    sample: Positive = Field(90, description="images to learn from, drawn at random")
    optimizer_mllm: str | None = Field(
        None, description="another model for reflecting and rewriting, as --mllm [default: --mllm]"
    )
    objective: ObjectiveName = Field(
        "instance",
        description="what a prompt is judged by: instance (AutoSEP), or for comparison "
        "random_labels, majority_labels or spo",
    )
    rounds: Annotated[int, Field(ge=0)] = Field(6, description="rounds of the search (T)")
    beam: Positive = Field(4, description="prompts kept after each round (b)")
    negatives: Positive = Field(
        2, description="other images that each image is compared with for a score (k)"
    )
    reflections: Positive = Field(4, description="reasons asked for, of each prompt kept (l)")
    errors_shown: Positive = Field(4, description="errors that each reflection sees")
    prompts_per_reflection: Positive = Field(1, description="new prompts asked for with a reason")
    paraphrases: Annotated[int, Field(ge=0)] = Field(
        0, description="of each new prompt and of its parent; the published code makes 1"
    )
    max_children: Positive | None = Field(
        None,
        description="new prompts kept of each parent, at random; the published code keeps 5 "
        "[default: all]",
    )
    longest_prompt: Annotated[int, Field(ge=0)] = Field(
        8000,
        description="characters of a new prompt, at most: longer ones are dropped; 0 for no limit, "
        "as published",
    )
    minibatch: Positive = Field(50, description="images whose errors a round looks for")
    improvements: list[Improvement | Literal["all"]] = Field(
        [],
        description="departures from the paper: all, or some of reuse (errors come from the "
        "comparisons that scored a prompt), ties (equal descriptions are not asked about), paired "
        "(new prompts are compared on the same pairs in the same order), rescored (and the beam "
        "anew on these), three_states (unreadable answers are not errors), halving (the worse half "
        "is dropped early), fresh_choice (the last beam is scored again on fresh pairs), held_out "
        "(the choice is made on images kept out)",
    )
    choice_negatives: Positive = Field(
        4, description="other images for each, in the final choice of fresh_choice and held_out"
    )
    held_out_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.3, description="of the sample, kept out for held_out"
    )
    votes: Positive = Field(5, description="answers behind each label of majority_labels")
    description_retries: Annotated[int, Field(ge=0)] = Field(
        1, description="how often an image is described again where no description came"
    )
    compare_tokens: Positive = Field(
        256,
        description="longest comparison, in tokens: the model may reason before it answers; the "
        "published code has 6",
    )
    compare_reading: ComparisonReading = Field(
        "final",
        description="how a comparison is read: by its last words, or published (first or second "
        "anywhere, not both)",
    )
    rewrite_tokens: Positive = Field(1024, description="longest reflection or rewriting, in tokens")
    rewrite_temperature: Annotated[float, Field(ge=0)] = Field(0.7, description="of both")
    rewrite_images: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="images shown with the errors to reflect on [default: 4, none for the built-in "
        "model, which takes one]",
    )
    describe_prompt: str | None = Field(
        None, description="file with the first description prompt [default: one for {category}]"
    )
    compare_prompt: str | None = Field(
        None,
        description="file with the comparison; {first} and {second} are put in; published asks for "
        "one word, as the published code does",
    )
    reflect_prompt: str | None = Field(
        None, description="file with the question for reasons; {prompt} and {errors} are put in"
    )
    modify_prompt: str | None = Field(
        None,
        description="file with the request for better prompts; {prompt}, {errors} and {reason} are "
        "put in",
    )
    paraphrase_prompt: str | None = Field(
        None, description="file with the request for other words; {prompt} is put in"
    )

    @field_validator("improvements")
    @classmethod
    def _all_of_them(cls, names: list[str]) -> list[str]:
        """``all`` stands for every one; each is there once, in a fixed order."""
        return list(IMPROVEMENTS) if "all" in names else [n for n in IMPROVEMENTS if n in names]


class LabelAutosepConfig(DescribingConfig, GrowingConfig):
    """Label an archive by describing each image with a prompt and choosing a class with it."""

    method: Literal["autosep"] = "autosep"
    prompt: str | None = Field(
        None,
        description="folder made by fit autosep, or a text file with a description prompt "
        "[default: the prompt that a search starts from]",
    )
    category: _WORD | None = Field(
        None, description="what all images show [default: as at fit, else object]"
    )
    description: bool = Field(
        True, description="describe first; without it the class is asked for at once (vanilla)"
    )
    votes: Positive = Field(
        1,
        description="without a description: answers an image gets, the majority wins; sampled at "
        "--vote-temperature if there are several",
    )
    shots: Annotated[int, Field(ge=0)] = Field(
        0,
        description="to compare with, without a description: images of the archive, drawn at "
        "random, that are shown before each image in the same request; the published code has 5",
    )
    shot_labels: ShotLabels = Field(
        "none",
        description="what is said of them: nothing, a class at random, or the class that the MLLM "
        "gives each (none, random, mllm)",
    )
    few_shot_prompt: str | None = Field(
        None,
        description="file with the question of --shots; {classes} and {shots} are put in; "
        "published is our wording in the published form",
    )
    vote_temperature: Annotated[float, Field(gt=0)] = Field(0.7, description="of several answers")
    reading: Literal["strict", "published"] = Field(
        "strict",
        description="how the class is read: by letter or name, or as in the published code "
        "(letters only, for up to 26 classes, faults included)",
    )


assert set(IMPROVEMENTS) == set(get_args(Improvement))
