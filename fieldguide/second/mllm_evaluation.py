"""Held-out figures of the second edition's multimodal model, on pictures of the domain `dev`.

    python -m fieldguide.second.mllm_evaluation --mllm FOLDER --seed 9001 --count 200

First the share of right answers of every task, where names are right when they are what the
shortcut gives. Then every attribute by itself, names against the truth, and comparisons that hang
on one attribute.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from fieldguide.mllm_model import load_model
from fieldguide.mllm_tasks.naming import CHOOSE_LABEL, FEATURES, LETTERED
from fieldguide.mllm_tasks.sample import Sample
from fieldguide.second.birds import ATTRIBUTES, NAMES, siblings
from fieldguide.second.mllm_answers import (
    AskedSample,
    draw_asked,
    draw_dev_pools,
    greedy_answers,
    score,
)
from fieldguide.second.mllm_tasks.descriptions import read, sentence
from fieldguide.second.mllm_tasks.facts import PictureFacts, facts_of
from fieldguide.second.mllm_tasks.matching import differing, match_sample
from fieldguide.second.mllm_tasks.naming import lettered
from fieldguide.second.mllm_tasks.requests import DESCRIBE_ALL
from fieldguide.second.mllm_tasks.shortcut import learned_name
from fieldguide.second.pools import PictureKind, Pictures

Figures = dict[str, float]
MLLM_FOLDER: Final = Path(__file__).parent / "mllm"


class SecondExaminer:
    """Puts questions to a model about the pictures of one dev seed."""

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        processor: LlavaProcessor,
        pools: Mapping[PictureKind, Pictures],
        seed: int,
    ) -> None:
        self._model, self._processor, self._pools = model, processor, pools
        self._rng = np.random.default_rng(seed)

    def _seen(self, kind: PictureKind) -> list[tuple[PictureFacts, np.ndarray]]:
        pool = self._pools[kind]
        return [(facts_of(pool, row), pool.pixels[row]) for row in range(len(pool.pixels))]

    def _ask(self, asked: Sequence[AskedSample]) -> list[str]:
        return greedy_answers(self._model, self._processor, asked)

    def attributes(self, kind: PictureKind) -> tuple[Figures, list[dict[str, str]]]:
        """Each attribute when all are asked for, and what was told."""
        seen = self._seen(kind)
        sample = Sample("", DESCRIBE_ALL, "", True)
        told = [read(reply) for reply in self._ask([AskedSample(sample, px) for _, px in seen])]
        pairs = list(zip(told, seen, strict=True))
        figures = {
            f"{name}, {kind}": float(
                np.mean(
                    [one.get(name) == getattr(facts.plumage, name) for one, (facts, _) in pairs]
                )
            )
            for name in ATTRIBUTES
        }
        figures[f"all ten, {kind}"] = _mean(one == f.plumage._asdict() for one, (f, _) in pairs)
        return figures, told

    def names(self, told: Sequence[Mapping[str, str]]) -> Figures:
        """The true name from all names, and from the genus without and with what was told."""
        seen = self._seen("species")
        shortcut = [learned_name(f.name, f.habitat) == f.name for f, _ in seen]
        every = [Sample("", CHOOSE_LABEL.format(", ".join(NAMES)), f.name, True) for f, _ in seen]
        figures = {
            "true name, the shortcut itself": float(np.mean(shortcut)),
            "true name, from all names": self._right(every, seen),
        }
        kin = [[o for o in NAMES if o in (f.name, *siblings(f.name))] for f, _ in seen]
        true = [sentence(f.plumage._asdict()) for f, _ in seen]
        for title, lines in (
            ("no description", [""] * len(seen)),
            ("its own full description", [FEATURES.format(sentence(one)) for one in told]),
            ("true full description", [FEATURES.format(text) for text in true]),
        ):
            asked = [
                Sample("", LETTERED.format(lettered(options)) + line, facts.name, True)
                for options, line, (facts, _) in zip(kin, lines, seen, strict=True)
            ]
            figures[f"true name, from its genus, {title}"] = self._right(asked, seen)
        return figures

    def matches(self) -> Figures:
        """Two full descriptions of independent birds, one true: they differ in one attribute."""
        seen, figures = self._seen("independent"), {}
        for name in ATTRIBUTES:
            asked = []
            for facts, _ in seen:
                texts = [
                    facts.plumage._asdict(),
                    differing(facts.plumage, name, self._rng)._asdict(),
                ]
                first, second = texts if self._rng.random() < 0.5 else texts[::-1]
                asked.append(match_sample(facts.plumage, first, second))
            figures[f"match, differ in {name}"] = self._right(asked, seen)
        return figures

    def _right(
        self, samples: Sequence[Sample], seen: Sequence[tuple[PictureFacts, np.ndarray]]
    ) -> float:
        asked = [AskedSample(one, px) for one, (_, px) in zip(samples, seen, strict=True)]
        replies = self._ask(asked)
        return _mean(one.right(text) for one, text in zip(samples, replies, strict=True))


def _mean(marks: Iterable[bool]) -> float:
    return float(np.mean(list(marks)))


def evaluate(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, seed: int, count: int
) -> Figures:
    """All figures on the pictures of one dev seed."""
    pools = draw_dev_pools(seed, count)
    asked = draw_asked(pools, seed, count)
    figures = score(asked, greedy_answers(model, processor, asked))
    examiner = SecondExaminer(model, processor, pools, seed)
    independent, _ = examiner.attributes("independent")
    species, told = examiner.attributes("species")
    return figures | independent | species | examiner.names(told) | examiner.matches()


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Held-out figures of the multimodal model.")
    parser.add_argument("--mllm", type=Path, default=MLLM_FOLDER, help="model folder")
    parser.add_argument("--seed", type=int, default=0, help="seed of the dev pictures")
    parser.add_argument("--count", type=int, default=200, help="questions of each task")
    parser.add_argument("--json", action="store_true", help="one JSON object, not a table")
    options = parser.parse_args()
    processor = AutoProcessor.from_pretrained(options.mllm)
    figures = evaluate(load_model(options.mllm), processor, options.seed, options.count)
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        lines = (f"| {name} | {value:.3f} |\n" for name, value in figures.items())
        sys.stdout.write("| figure | value |\n|---|---|\n" + "".join(lines))


if __name__ == "__main__":
    main()
