"""The pipeline: from settings to inputs, from inputs to passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import ImagePrompt
from actors.mllm.query import Query
from examples.direct.labels import COLUMNS, label_directly
from examples.direct.reading import PROMPT
from examples.direct.settings import LabelDirectConfig
from methods.class_matching import class_list
from methods.class_names import ClassNames
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.mllm_settings import engine_options, sampling
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import fetch, images, rows, table
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.runs.class_names import read_classes


@dataclass(frozen=True)
class DirectInputs:
    """What the method works with: class names, a model, a query."""

    classes: ClassNames
    mllm: MllmModel
    query: Query
    clip: None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, as the model reads them."""
        return self.classes.names

    def identity(self, config: LabelDirectConfig) -> dict[str, Any]:
        """What decides the rows."""
        asked = self.query.cache_identity(self.mllm, engine_options(config))
        return {**self.classes.identity(), "ask": asked}


def resolve_inputs(config: LabelDirectConfig) -> DirectInputs:
    """Read the class list and find the model."""
    classes = read_classes(config.classes, config.method)
    prompt = ImagePrompt(PROMPT + class_list(classes.names))
    query = Query("ask", prompt, sampling(config), config.max_side)
    return DirectInputs(classes, resolve_mllm(config.mllm), query)


def passes(config: LabelDirectConfig, inputs: DirectInputs) -> Sequence[Pass | Call]:
    """Ask about every image, then read the responses."""
    query = inputs.query
    return [
        Pass("ask", images() >> fetch() >> cached("bytes", query) >> generate(query)),
        Pass(
            LABEL,
            table("ask")
            >> rows(label_directly, query="ask", classes=inputs.classes, method=config.method),
        ),
    ]


DIRECT = LabelMethod("direct", COLUMNS, resolve_inputs, passes, responses={"answer": "answer"})
