"""``--as-published``: the settings of a method's paper, or of its code, in place of ours.

`PUBLISHED` is the one place where they stand: the command line reads it, and the tables of
``docs/methods`` are printed from it. A setting that a flag or the YAML file gives wins over
it. What it cannot set is on the method's page, with its reason.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, TypeAdapter, model_validator

from methods.prompt import PUBLISHED_PROMPT
from ray_jobs.config.base import VerbConfig, method_of
from ray_jobs.config.names import flag_of

logger = logging.getLogger(f"onoma.{__name__}")

Source = Literal["paper", "code", "API", "parents"]
"""Where a value is from: the paper's text, its public code, what the API does to which the code
leaves it, or the public works that a reconstruction is made of."""

AS_SENT: Final = 100_000
"""Longest side of an image that no image has: none is made smaller."""


@dataclass(frozen=True)
class PublishedSetting:
    """A setting that ``--as-published`` changes.

    Attributes:
        name: of the setting.
        value: that it gets.
        source: of the value.
        why: our default is another one.
    """

    name: str
    value: Any
    source: Source
    why: str


_Row = PublishedSetting

_PRECISE: Final = _Row("precision", "fp32", "code", "bf16 is faster on a GPU; on a CPU it is fp32")
_EXACT: Final = _Row("exact_decode", True, "code", "very large JPEGs decode faster at half scale")
_STORED: Final = _Row("as_stored", True, "code", "phones store photographs lying on their side")
_AS_SENT: Final = _Row("max_side", AS_SENT, "code", "more pixels cost tokens and transport")
_CHOSEN: Final = "ours was chosen on archives of the field guide drawn to choose by"
_API: Final = (
    _Row("temperature", 1.0, "API", "a greedy answer can be had again"),
    _Row("top_p", 0.95, "API", "a greedy answer has none"),
    _Row("max_tokens", 1024, "API", "128 bound what an answer costs; cut answers are used"),
)
_SLAC: Final = (
    _PRECISE,
    _STORED,
    _AS_SENT,
    *_API,
    _Row("mllm_image_position", "last", "code", "model families are trained with images first"),
    _Row("matching", "clip", "paper", "a class that is named needs no nearest neighbour"),
    _Row("upstream_compat", True, "code", "its cleaning joins words and damages names"),
)

PUBLISHED: Final[Mapping[str, tuple[PublishedSetting, ...]]] = MappingProxyType(
    {
        "zero_shot": (_PRECISE, _EXACT, _STORED),
        "classifier": (_PRECISE, _EXACT, _STORED),
        "cased": (_PRECISE, _EXACT, _STORED),
        "cascade": (_PRECISE, _EXACT, _STORED, _AS_SENT),
        "slac": _SLAC,
        "tlac": (
            *_SLAC,
            _Row("choices", "none", "paper", "guided decoding cannot miss the list"),
            _Row("class_list", "python", "code", "one name a line is what models read more of"),
            _Row("shortlist", 0, "code", "more than 1,000 names fill the context"),
        ),
        "what_do_you_see": (
            _PRECISE,
            _EXACT,
            _STORED,
            _AS_SENT,
            _Row("image_weight", 1.0, "paper", "with equal weights two texts outvote an image"),
            _Row("prediction_weight", 1.0, "paper", _CHOSEN),
            _Row("long_text", "published", "code", "77 tokens hold more than 200 characters"),
            _Row("max_tokens", 1024, "API", "128 bound what an answer costs; cut ones are used"),
            _Row("mllm_image_position", "alone", "code", "not every model has a system turn"),
            _Row("predict_prompt", PUBLISHED_PROMPT, "code", "a label alone is what is asked for"),
            _Row("class_list", "python", "code", "one name a line is what models read more of"),
        ),
        "autosep": (
            _STORED,
            _AS_SENT,
            _Row("mllm_image_position", "first", "code", "ours is as the model was trained"),
            _Row("paraphrases", 1, "code", "the paper has none"),
            _Row("max_children", 5, "code", "the paper keeps all"),
            _Row("compare_prompt", PUBLISHED_PROMPT, "code", "ours lets the model reason first"),
            _Row("compare_tokens", 6, "code", "reasons take tokens"),
            _Row("compare_reading", "published", "code", "its reading takes a reason for a choice"),
            _Row("longest_prompt", 0, "code", "prompts that grow every round fill the context"),
            _Row("classify_prompt", PUBLISHED_PROMPT, "code", "ours asks for a name, not a letter"),
            _Row("vanilla_prompt", PUBLISHED_PROMPT, "code", "as above"),
            _Row("few_shot_prompt", PUBLISHED_PROMPT, "code", "as above"),
            _Row("answer_tokens", 16, "code", "a name may take more"),
            _Row("reading", "published", "code", "it reads a name after a colon as a letter"),
        ),
        "near": (
            _PRECISE,
            _EXACT,
            _STORED,
            _AS_SENT,
            _Row("warmup_on", "labels", "parents", _CHOSEN),
            _Row("warmup", 1, "parents", _CHOSEN),
            _Row("views", 0, "parents", "neighbours stand in for augmentation"),
            _Row("alignment", 0, "parents", "without it two kinds end in one name"),
            _Row("trust", 1.0, "parents", _CHOSEN),
            _Row("sharpening", 2.0, "parents", _CHOSEN),
            _Row("entropy_weight", 0.5, "parents", _CHOSEN),
        ),
        "mllm_names": (_STORED, _AS_SENT),
        "finer": (_PRECISE, _EXACT, _STORED, _AS_SENT),
        "clusters": (
            _PRECISE,
            _EXACT,
            _STORED,
            _AS_SENT,
            _Row("mllm_image_position", "first", "code", "ours is as the model was trained"),
            _Row("vanilla_prompt", PUBLISHED_PROMPT, "code", "ours asks for a name, not a letter"),
            _Row("max_tokens", 16, "code", "a name may take more"),
            _Row("reading", "published", "code", "it reads a name after a colon as a letter"),
        ),
        "data_free": (
            _PRECISE,
            _Row("sentences", 20, "parents", "small models lose count of long lists"),
            _Row("max_tokens", 2048, "parents", "20 sentences take more than 512 tokens"),
            _Row("least_steps", 4600, "parents", "on a CPU the steps take hours"),
        ),
    }
)
"""By method, what ``--as-published`` sets in each of its verbs that has the setting."""


class PublishedConfig(VerbConfig):
    """A verb whose method is published."""

    _set: dict[str, Any] = PrivateAttr(default_factory=dict)

    as_published: bool = Field(
        False,
        description="take the settings of the paper, or of its code, for all that is not set: "
        "docs/methods lists them",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _fill_in(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Set what is published and not given; what the flags say wins."""
        filled: dict[str, Any] = {}
        if isinstance(values, dict) and _is_on(values.get("as_published", False)):
            filled = {
                each.name: each.value
                for each in PUBLISHED[method_of(cls)]
                if each.name in cls.model_fields and each.name not in values
            }
        made = handler({**filled, **values} if filled else values)
        made._set = {name: getattr(made, name) for name in filled}
        return made

    @property
    def set_as_published(self) -> dict[str, Any]:
        """What ``--as-published`` has set here: settings that nobody gave."""
        return dict(self._set)

    def public(self) -> dict[str, Any]:
        """The settings as plain values, ``as_published`` with what it has set."""
        return {**super().public(), **({"as_published": self._set} if self.as_published else {})}


def say_published(config: VerbConfig) -> None:
    """Log what ``--as-published`` has set, once, at the start of a job."""
    found = config.set_as_published if isinstance(config, PublishedConfig) else {}
    if found:
        said = ", ".join(f"{flag_of(name)} {value}" for name, value in found.items())
        logger.info("as published: %s", said)


def _is_on(value: Any) -> bool:
    try:
        return bool(TypeAdapter(bool).validate_python(value))
    except ValueError:  # said by the field itself
        return False
