"""Class vectors from names, templates and what an LLM wrote: the class given to ``map_batches``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from actors.clip.runtime import ClipRuntime
from actors.mllm.response_cache import KeyIndex, key_of
from actors.mllm.responses import cut_of, response_text
from actors.stage import stage
from methods.answers import AnswerError
from methods.class_matching import display_name
from methods.class_matrix import fill
from methods.long_texts import encode_long_texts
from methods.prompt import Prompt
from methods.settings import ClassPart, LongText
from methods.what_do_you_see import (
    TEMPLATE,
    class_question,
    class_weights,
    mean_features,
    spread,
)

DESCRIBE_CLASS = "describe_class"
"""Name of the ask about classes, and of its column."""
_CUT: Final = {DESCRIBE_CLASS: "description"}


@dataclass(frozen=True)
class ClassTexts:
    """What stands for classes.

    Attributes:
        names: of the classes.
        parts: which of name, template and descriptions are summed.
        prompts: each asks an LLM to describe ``{class}``.
        answers: descriptions wanted of each class, spread over the prompts.
        long_text: what becomes of descriptions beyond the encoder's context.
    """

    names: tuple[str, ...]
    parts: tuple[ClassPart, ...]
    prompts: tuple[Prompt, ...]
    answers: int
    long_text: LongText

    def question(self, index: int, prompt: int) -> str:
        """The text of one prompt about one class."""
        return self.prompts[prompt].fill(**{"class": display_name(self.names[index])})

    def samples_per_prompt(self) -> int:
        """Samples of the prompt that is asked most often."""
        return -(-self.answers // len(self.prompts))


class WrittenTexts(NamedTuple):
    """The usable descriptions of a class, which of them were cut, and the codes of the others."""

    texts: list[str]
    cut: list[bool]
    dropped: list[str]


@stage("class_vectors", ("vector", "kept", "cut", "dropped", "logit_scale"))
class ClassMatrixRows:
    """Batches of class numbers in, rows of the class matrix out.

    Columns: ``class_index``; ``vector``, the class's row; ``kept``, how many descriptions are in
    it, cut ones included; ``cut``, how many of these the token limit cut; ``dropped``, the codes of
    those that could not be used: refusals are never averaged in; and the model's ``logit_scale``.
    """

    def __init__(
        self,
        clip: ClipRuntime,
        texts: ClassTexts,
        rounds: Sequence[ray.ObjectRef[KeyIndex]],
    ) -> None:
        """Load CLIP once for this replica.

        Args:
            clip: the CLIP model.
            texts: what stands for classes.
            rounds: indexes of the stage tables, the first round's first; sample ``s`` of a prompt
                is sample ``s + r x samples_per_prompt`` in round ``r``, asked where the rounds
                before gave nothing to use.
        """
        self._encoder = clip.load()
        self._texts = texts
        self._rounds: list[KeyIndex] = ray.get(list(rounds))

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Encode what stands for each class."""
        indices: list[int] = batch.column("class_index").to_pylist()
        written = [self._written(index) for index in indices]
        descriptions = self._encode([text for own in written for text in own.texts])
        ends = np.cumsum([len(own.texts) for own in written])[:-1]
        means = np.stack([mean_features(own) for own in np.split(descriptions, ends)])
        names = [display_name(self._texts.names[index]) for index in indices]
        encode, parts = self._encoder.encode_texts, self._texts.parts
        made: dict[ClassPart, NDArray[np.float32]] = {}
        if "name" in parts:
            made["name"] = encode(names)
        if "template" in parts:
            made["template"] = encode([fill(TEMPLATE, name) for name in names])
        if "descriptions" in parts:
            made["descriptions"] = means
        vectors = class_weights(made)
        return pa.table(
            {
                "class_index": batch.column("class_index"),
                "vector": pa.array(list(vectors), pa.list_(pa.float32())),
                "kept": pa.array([len(own.texts) for own in written], pa.int32()),
                "cut": pa.array([sum(own.cut) for own in written], pa.int32()),
                "dropped": pa.array([own.dropped for own in written], pa.list_(pa.string())),
                "logit_scale": [self._encoder.logit_scale] * len(indices),
            }
        )

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        encoder = self._encoder
        return encode_long_texts(texts, encoder.encode_texts, encoder.fits, self._texts.long_text)

    def _written(self, index: int) -> WrittenTexts:
        """What was written of a class."""
        found = WrittenTexts([], [], [])
        if not self._rounds:
            return found
        places = spread(self._texts.answers, len(self._texts.prompts))
        step = self._texts.samples_per_prompt()
        rounds = []
        for number, known in enumerate(self._rounds):
            keys = [
                key_of(
                    class_question(
                        self._texts.question(index, prompt), sample + number * step
                    ).encode()
                )
                for prompt, sample in places
            ]
            rounds.append(known.read(keys, [DESCRIBE_CLASS]).column(DESCRIBE_CLASS).to_pylist())
        for answers in zip(*rounds, strict=True):  # of one place, round by round
            for said in answers:
                if said is None:  # not asked again
                    continue
                try:
                    found.texts.append(response_text(said, cut_counts=True))
                    found.cut.append(cut_of({DESCRIBE_CLASS: said}, _CUT) is not None)
                    break
                except AnswerError as error:
                    found.dropped.append(error.code)
        return found
