"""What a page says beside a model's own words: what they are, who said them, what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray_jobs.pipelines.registry import label_method_of_run
from ray_jobs.runs.reader import RunReader

_LONGEST_QUESTION: Final = 2000
_OF_EACH_ROW: Final = "of each row"  # what an identity says where every image is asked differently


@dataclass(frozen=True)
class QuoteSource:
    """Where the words in one column of a labels table come from; texts are hostile.

    Attributes:
        caption: what the words are.
        model: that said them; empty where the run does not say.
        question: that it was asked, as its prompt is before it is filled in; empty likewise.
    """

    caption: str
    model: str = ""
    question: str = ""

    @property
    def told(self) -> str:
        """Who said it and what was asked, in a line."""
        who = f"said by {self.model}" if self.model else ""
        asked = f"asked: {' '.join(self.question.split())}" if self.question else ""
        return ", ".join(filter(None, (who, asked)))


def quote_sources(run: RunReader) -> dict[str, QuoteSource]:
    """The source of each column of a run with a model's own words."""
    method = label_method_of_run(run.record)
    captions, asks = (method.responses, method.asks) if method else ({}, {})
    return {
        column: QuoteSource(captions.get(column, column), *_asked(run.record, asks.get(column)))
        for column in run.responses
    }


def _asked(record: Mapping[str, Any], query: str | None) -> tuple[str, str]:
    """The model and the question of a query, as the record of a run has them."""
    identity = record.get("identity")
    known = identity if isinstance(identity, Mapping) else {}
    found = known.get(query) or known.get(f"{query}_0")  # votes are numbered
    asked = found if isinstance(found, Mapping) else {}
    question = asked.get("prompt")
    if not isinstance(question, str) or question == _OF_EACH_ROW:
        question = ""
    return _named(record, asked.get("model")), question[:_LONGEST_QUESTION]


def _named(record: Mapping[str, Any], fingerprint: object) -> str:
    """The name of a model; of the run's MLLM where a query does not say which."""
    models = record.get("models")
    models = models if isinstance(models, Mapping) else {}
    for model in models.values():
        if isinstance(model, Mapping) and fingerprint and model.get("fingerprint") == fingerprint:
            return str(model.get("name", ""))
    own = models.get("mllm")
    if isinstance(own, Mapping) and "name" in own:
        return str(own["name"])
    config = record.get("config")
    named = config.get("mllm") if isinstance(config, Mapping) else None
    return named if isinstance(named, str) else ""
