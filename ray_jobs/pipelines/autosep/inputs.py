"""What a search works with, checked before Ray or a model starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from actors.hub import BUILT_IN
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.query import model_identity
from actors.mllm.request import Sampling
from methods.autosep.prompts import OF_FEW_SHOT, OF_SPO, OPTIONAL, PLACEHOLDERS, PromptTexts
from methods.autosep.requests import RequestKind
from methods.autosep.settings import SearchSettings
from methods.choices import ChoiceReader
from methods.class_names import ClassNames
from ray_jobs.config import DescribingConfig, FitAutosepConfig, settings_from
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.runs.class_names import read_classes
from ray_jobs.runs.prompts import read_prompt

METHOD = "autosep"

WRITING: tuple[RequestKind, ...] = ("reflect", "modify", "paraphrase")
"""What the model that rewrites prompts is asked for."""

_PICTURES = 4


@dataclass(frozen=True)
class AutosepInputs:
    """What a search works with.

    Attributes:
        mllm: describes, compares and classifies.
        writer: reflects and rewrites; may be the same.
        texts: what they are asked.
        settings: of the search.
        pictures: most images shown with errors.
    """

    mllm: MllmModel
    writer: MllmModel
    texts: PromptTexts
    settings: SearchSettings
    pictures: int
    clip: None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.texts.classes

    def model_for(self, kind: RequestKind) -> MllmModel:
        """Which model answers."""
        return self.writer if kind in WRITING else self.mllm

    def identity(self, config: FitAutosepConfig) -> dict[str, Any]:
        """What decides the learned prompt."""
        settings = asdict(self.settings)
        settings["improvements"] = list(config.improvements)
        return {
            **reading_identity(config),
            **{
                name: model_identity(model, engine_options(config, model=model))
                for name, model in (("mllm", self.mllm), ("writer", self.writer))
            },
            "category": self.texts.category,
            "classes": list(self.texts.classes),
            "prompts": {name: each.text for name, each in self.texts.prompts.items()},
            "sampling": {kind: sampling.identity() for kind, sampling in samplings(config).items()},
            "sample": config.sample,
            "max_side": config.max_side,
            "pictures": self.pictures,
            "compare_reading": config.compare_reading,
            "search": settings,
        }


def resolve_inputs(config: FitAutosepConfig) -> AutosepInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    mllm = resolve_mllm(config.mllm)
    writer = mllm
    if config.optimizer_mllm is not None:
        writer = resolve_mllm(config.optimizer_mllm, flag="--optimizer-mllm")
    pictures = 0 if writer.name in BUILT_IN else _PICTURES
    return AutosepInputs(
        mllm=mllm,
        writer=writer,
        texts=make_prompt_texts(config, config.category, read_classes(config.classes, METHOD)),
        settings=settings_from(config, SearchSettings, improvements=frozenset(config.improvements)),
        pictures=pictures if config.rewrite_images is None else config.rewrite_images,
    )


def make_prompt_texts(config: DescribingConfig, category: str, classes: ClassNames) -> PromptTexts:
    """Read the prompts, those of the settings that have one.

    Raises:
        InputError: a file cannot work.
    """
    ChoiceReader(classes.names, classes.others)
    prompts = {
        name: read_prompt(
            METHOD, name, getattr(config, f"{name}_prompt", None), PLACEHOLDERS[name],
            OPTIONAL[name],
        )
        for name in PLACEHOLDERS
        if name not in OF_SPO or getattr(config, "objective", None) == "spo"
        if name not in OF_FEW_SHOT or getattr(config, "shots", False)
    }  # fmt: skip
    return PromptTexts(category, classes.names, prompts)


def samplings(config: FitAutosepConfig) -> dict[RequestKind, Sampling]:
    """How each kind of answer is sampled."""
    describe = Sampling(config.max_tokens, config.temperature, config.top_p, config.seed)
    write = Sampling(config.rewrite_tokens, config.rewrite_temperature, config.top_p, config.seed)
    vote = Sampling(config.answer_tokens, config.temperature, config.top_p, config.seed)
    return {
        "describe": describe,
        "compare": Sampling(config.compare_tokens),
        "classify": Sampling(config.answer_tokens),
        "vote": vote,
        **dict.fromkeys(WRITING, write),
        **({"prefer": write} if config.objective == "spo" else {}),
    }
