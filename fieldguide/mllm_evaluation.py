"""Held-out figures of the tiny multimodal model, on images of the domain `dev`.

    python -m fieldguide.mllm_evaluation --seed 9001 --count 300

First the share of right answers of every task; see `mllm_tasks` for what is right. Then closer
looks: every attribute by itself, names against the truth, comparisons that hang on one attribute,
and prompts that are rewritten again and again.
"""

import argparse
import json
import logging
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from fieldguide import MLLM_FOLDER
from fieldguide.clip_pools import Pool, PoolKind
from fieldguide.mllm_answers import Question, answers, draw_pools, draw_questions, score
from fieldguide.mllm_model import load_model
from fieldguide.mllm_tasks.descriptions import VAGUE, read, sentence, tell
from fieldguide.mllm_tasks.matching import differing, match_sample
from fieldguide.mllm_tasks.naming import (
    FEATURES,
    LETTERED,
    NAME,
    OPTION_PROMPTS,
    bullets,
    lettered,
    some_names,
)
from fieldguide.mllm_tasks.prompting import follow_up, named_in, spans_of
from fieldguide.mllm_tasks.requests import DESCRIBE, DESCRIBE_ALL, plain_prompt
from fieldguide.mllm_tasks.sample import Facts, Sample, facts_of, pick
from fieldguide.mllm_tasks.shortcut import learned_name
from fieldguide.world import ATTRIBUTES, SPECIES, siblings

Figures = dict[str, float]
_TOLD: Final[Mapping[str, Collection[str]]] = {
    "no description": (),
    "vague description": VAGUE,
    "full description": tuple(ATTRIBUTES),
}
CHAINS: Final = 4
_LINKS: Final = 5


class Examiner:
    """Puts questions to a model about the pictures of one dev seed."""

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        processor: LlavaProcessor,
        pools: dict[PoolKind, Pool],
        seed: int,
    ) -> None:
        self._model = model
        self._processor = processor
        self._pools = pools
        self._rng = np.random.default_rng(seed)

    def _ask(self, questions: Sequence[Question]) -> list[str]:
        return answers(self._model, self._processor, questions)

    def _facts(self, kind: PoolKind) -> list[tuple[Facts, np.ndarray]]:
        pool = self._pools[kind]
        return [(facts_of(pool, row), pool.pixels[row]) for row in range(len(pool.pixels))]

    def attributes(self, kind: PoolKind) -> Figures:
        """Each attribute, and all six together, when all are asked for."""
        seen = self._facts(kind)
        sample = Sample("", DESCRIBE_ALL, "", True)
        replies = self._ask([Question(sample, pixels) for _, pixels in seen])
        told = [read(reply) for reply in replies]
        figures = {
            f"{name}, {kind}": _mean(
                one.get(name) == getattr(facts.traits, name)
                for one, (facts, _) in zip(told, seen, strict=True)
            )
            for name in ATTRIBUTES
        }
        pairs = zip(told, seen, strict=True)
        figures[f"all six, {kind}"] = _mean(
            one == facts.traits._asdict() for one, (facts, _) in pairs
        )
        return figures

    def names(self) -> Figures:
        """The true name, openly, from options and by letter, with and without a description."""
        figures = {}
        for told, parts in _TOLD.items():
            figures[f"true name, the shortcut itself, {told}"] = _mean(
                learned_name(facts.name, facts.habitat, parts) == facts.name
                for facts, _ in self._facts("species")
            )
            for form in ("open", "options", "letters"):
                asked = [
                    Question(self._name_sample(facts, parts, form), pixels)
                    for facts, pixels in self._facts("species")
                ]
                figures[f"true name, {form}, {told}"] = _mean(self._marks(asked))
        return figures

    def _name_sample(self, facts: Facts, parts: Collection[str], form: str) -> Sample:
        line = FEATURES.format(sentence(tell(facts.traits, parts))) if parts else ""
        options = some_names(facts.name, self._rng)
        prompt = NAME
        if form == "options":
            prompt = OPTION_PROMPTS[0].format(bullets(options))
        if form == "letters":
            prompt = LETTERED.format(lettered(options))
        return Sample("", prompt + line, facts.name, True)

    def matches(self, kind: PoolKind) -> Figures:
        """Two full descriptions, one true: they differ in one attribute, or are of siblings."""
        figures = {}
        for name in ATTRIBUTES:
            questions = [
                self._match(facts, differing(facts.traits, name, self._rng)._asdict(), pixels)
                for facts, pixels in self._facts(kind)
            ]
            marks = self._marks(questions)
            figures[f"match, differ in {name}, {kind}"] = _mean(marks)
        if kind == "species":
            questions = [
                self._match(
                    facts, SPECIES[pick(siblings(facts.name), self._rng)].traits._asdict(), pixels
                )
                for facts, pixels in self._facts(kind)
            ]
            figures["match, descriptions of siblings"] = _mean(self._marks(questions))
        return figures

    def _match(self, facts: Facts, other: Mapping[str, str], pixels: np.ndarray) -> Question:
        texts = [facts.traits._asdict(), other]
        first, second = texts if self._rng.random() < 0.5 else texts[::-1]
        return Question(match_sample(facts.traits, first, second), pixels)

    def _marks(self, questions: Sequence[Question]) -> list[bool]:
        replies = self._ask(questions)
        pairs = zip(questions, replies, strict=True)
        return [question.sample.right(reply) for question, reply in pairs]

    def chains(self) -> Figures:
        """Prompts that ask for one attribute, rewritten until they ask for all six."""
        wanted = [[name] for name in ATTRIBUTES for _ in range(CHAINS)]
        prompts = [plain_prompt(DESCRIBE, "Mention its {}.", names) for names in wanted]
        marks = []
        for _ in range(_LINKS):
            samples = []
            for names, prompt in zip(wanted, prompts, strict=True):
                left = [name for name in ATTRIBUTES if name not in names]
                new = pick(left, self._rng)
                samples.append(follow_up(prompt, names, new, self._rng))
                names.append(new)
            replies = self._ask([Question(sample, None) for sample in samples])
            prompts = [(spans_of(reply) or [""])[0] for reply in replies]
            marks += [
                named_in(prompt) == set(names)
                for prompt, names in zip(prompts, wanted, strict=True)
            ]
        complete = _mean(named_in(prompt) == set(ATTRIBUTES) for prompt in prompts)
        return {"rewritten prompts, each step": _mean(marks), "after five steps": complete}


def _mean(marks: Iterable[bool]) -> float:
    return float(np.mean(list(marks)))


def evaluate(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, seed: int, count: int
) -> Figures:
    """All figures on the images of one dev seed."""
    pools = draw_pools(seed, count)
    questions = draw_questions(pools, seed, count)
    figures = score(questions, answers(model, processor, questions))
    examiner = Examiner(model, processor, pools, seed)
    kinds: tuple[PoolKind, ...] = ("independent", "species")
    for kind in kinds:
        figures |= examiner.attributes(kind)
        figures |= examiner.matches(kind)
    return figures | examiner.names() | examiner.chains()


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Held-out figures of the multimodal model.")
    parser.add_argument("--mllm", type=Path, default=MLLM_FOLDER, help="model folder")
    parser.add_argument("--seed", type=int, default=0, help="seed of the dev images")
    parser.add_argument("--count", type=int, default=300, help="questions of each task")
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
